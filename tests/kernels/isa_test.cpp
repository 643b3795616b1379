#include "kernels/isa.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "kernels/activation.h"
#include "kernels/average_pooling.h"
#include "kernels/conv2d.h"
#include "kernels/dropout.h"
#include "kernels/elementwise.h"
#include "kernels/gemm.h"
#include "kernels/losses.h"
#include "kernels/optimizers.h"
#include "nn/buffer.h"
#include "nn/parallel.h"
#include "support/catch.h"
#include "support/kernel_scratch.h"
#include "support/threads.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

using nn::Index;
using nn::kernels::ActivationKind;
using nn::kernels::Isa;

namespace {

#if defined(__x86_64__)
bool can_see_registers_in_use() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & bit_OSXSAVE) == 0) return false;
  return __get_cpuid_count(13, 1, &a, &b, &c, &d) && (a & 4) != 0;
}

/// Whether the upper halves of the 16 registers that SSE knows hold anything.
bool upper_halves_in_use() {
  unsigned low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(1));
  constexpr unsigned kAvx = 1u << 2, kUpperHalfOfZmm = 1u << 6;
  return (low & (kAvx | kUpperHalfOfZmm)) != 0;
}
#endif

}  // namespace

TEST_CASE("the kernels run on the instruction set that the library names",
          "[kernels][isa]") {
  CHECK(std::string(nn::instruction_set()) ==
        nn::kernels::isa_name(nn::kernels::isa()));
}

TEST_CASE("NN_MAX_ISA lowers the instruction set", "[kernels][isa]") {
  const char* limit = std::getenv("NN_MAX_ISA");
  const std::string text = limit ? limit : "";
  const Isa isa = nn::kernels::isa();
  if (text == "avx2") CHECK(isa <= Isa::kAvx2);
  if (text == "sse4") CHECK(isa <= Isa::kSse4);
  if (text == "baseline") CHECK(isa == Isa::kBaseline);
  CHECK(isa <= Isa::kAvx512);
}

#if defined(__x86_64__)
// While they are in use, all SSE code that comes later is slow: the caller's.
TEST_CASE("kernels leave no upper half of a vector register in use",
          "[kernels][isa]") {
  if (!can_see_registers_in_use()) return;
  const nn_test::ScopedThreads one(1);
  asm volatile("vzeroupper" ::: "memory");
  REQUIRE_FALSE(upper_halves_in_use());
  using nn::kernels::GemmArgs;
  using nn::kernels::Operand;
  nn::Buffer scratch;
  const auto ones = [](Index size) {
    return std::vector<float>(static_cast<std::size_t>(size), 1.0f);
  };
  // Shapes that end in tiles of every kind, whole and not.
  for (Index m : {1, 10, 16, 48, 50, 256}) {
    for (Index n : {1, 2, 8, 10, 33}) {
      const Index k = 70;
      const std::vector<float> a = ones(m * k), b = ones(n * k);
      std::vector<float> c = ones(m * n);
      scratch.reserve(nn::kernels::gemm_scratch_bytes<float>(m, n, k));
      for (bool along_k : {false, true}) {
        nn::kernels::gemm(
            GemmArgs<float>{m,
                            n,
                            k,
                            along_k ? Operand<float>::transposed(a.data(), k)
                                    : Operand<float>::plain(a.data(), m),
                            along_k ? Operand<float>::plain(b.data(), k)
                                    : Operand<float>::transposed(b.data(), n),
                            c.data(),
                            m},
            scratch.data());
        const bool in_use = upper_halves_in_use();
        CAPTURE(m, n, along_k);
        REQUIRE_FALSE(in_use);
      }
    }
  }
  for (Index stride : {1, 2}) {
    for (bool pooled : {false, true}) {
      const nn::kernels::ConvGeometry g{
          3, 9, 10, 5, 3, 3, stride, stride, 1, 1};
      const nn::kernels::PoolGeometry pool{
          5, g.out_height(), g.out_width(), 2, 2, 2, 2};
      const nn::kernels::ConvEpilogue epilogue{true, pooled ? &pool : nullptr};
      const Index out = pooled ? pool.out_features() : g.out_features();
      const std::vector<float> x = ones(g.in_features()),
                               weight = ones(g.taps() * 5), bias = ones(5),
                               dy = ones(out);
      std::vector<float> y = ones(out), dx = x, dweight = weight, dbias = bias;
      std::vector<std::uint8_t> argmax(static_cast<std::size_t>(out));
      nn_test::KernelScratch forward_scratch(
          nn::kernels::conv2d_forward_scratch<float>(g, epilogue, 1));
      nn::kernels::conv2d_forward<float>({g,
                                          epilogue,
                                          1,
                                          x.data(),
                                          weight.data(),
                                          bias.data(),
                                          y.data(),
                                          argmax.data()},
                                         forward_scratch);
      const bool after_forward = upper_halves_in_use();
      nn_test::KernelScratch backward_scratch(
          nn::kernels::conv2d_backward_scratch<float>(g, epilogue, 1));
      asm volatile("vzeroupper" ::: "memory");
      nn::kernels::conv2d_backward<float>({g,
                                           epilogue,
                                           1,
                                           x.data(),
                                           weight.data(),
                                           y.data(),
                                           dy.data(),
                                           argmax.data(),
                                           dx.data(),
                                           dweight.data(),
                                           dbias.data()},
                                          backward_scratch);
      const bool after_backward = upper_halves_in_use();
      CAPTURE(stride, pooled);
      CHECK_FALSE(after_forward);
      CHECK_FALSE(after_backward);
      asm volatile("vzeroupper" ::: "memory");
    }
  }
}

TEST_CASE("loops over elements leave no upper half of a register in use",
          "[kernels][isa]") {
  if (!can_see_registers_in_use()) return;
  const nn_test::ScopedThreads one(1);
  namespace kernels = nn::kernels;
  for (const Index size : {1, 16, 23, 300}) {
    std::vector<float> y(static_cast<std::size_t>(size), 0.5f);
    std::vector<float> t = y, a = y, b = y, c = y;
    const float weight = 1.0f;
    const kernels::LossArgs<float> loss{
        y.data(), t.data(), 1.0f, a.data(), size, 1.0f, &weight};
    const auto check = [size](const char* what, const auto& call) {
      asm volatile("vzeroupper" ::: "memory");
      call();
      const bool in_use = upper_halves_in_use();
      CAPTURE(what, size);
      CHECK_FALSE(in_use);
    };
    check("squared error", [&] { kernels::squared_error(loss); });
    check("smooth l1", [&] { kernels::smooth_l1(loss); });
    check("binary cross-entropy", [&] { kernels::binary_cross_entropy(loss); });
    check("shares", [&] { kernels::all_shares(t.data(), size); });
    check("adam", [&] {
      kernels::AdamArgs<float> args{};
      args.grad = t.data();
      args.value = y.data();
      args.mean = a.data();
      args.square = b.data();
      args.largest = c.data();
      args.count = size;
      kernels::adam_update(args);
    });
    check("rmsprop", [&] {
      kernels::RmsPropArgs<float> args{};
      args.grad = t.data();
      args.value = y.data();
      args.square = a.data();
      args.mean = b.data();
      args.velocity = c.data();
      args.count = size;
      kernels::rmsprop_update(args);
    });
    check("adagrad", [&] {
      kernels::adagrad_update<float>(
          {0, 0, 0, 0, t.data(), y.data(), a.data(), size});
    });
    check("squares", [&] { kernels::sum_of_squares(t.data(), size); });
    check("magnitude", [&] { kernels::largest_magnitude(t.data(), size); });
    check("scale", [&] { kernels::scale(t.data(), 1.0f, size); });
    check("clamp", [&] { kernels::clamp(t.data(), 1.0f, size); });
    for (int kind = 0; kind <= static_cast<int>(ActivationKind::kSiLU);
         ++kind) {
      const auto f = static_cast<ActivationKind>(kind);
      check("activation", [&] {
        kernels::activation_forward<float>({f, 0.1f, t.data(), a.data(), size});
      });
      check("gradient of an activation", [&] {
        kernels::activation_backward<float>(
            {f, 0.1f, t.data(), a.data(), y.data(), b.data(), size});
      });
    }
    check("dropout", [&] {
      kernels::dropout(1, 1u << 31, 2.0f, t.data(), a.data(), size);
    });
    check("mean", [&] { kernels::plane_means(1, size, t.data(), a.data()); });
  }
}
#endif
