#include "kernels/gemm.h"

#include <vector>

#include "nn/buffer.h"
#include "support/catch.h"
#include "support/guarded.h"
#include "support/kernel_reference.h"
#include "support/threads.h"

namespace {

using nn::Index;
using nn::kernels::GemmArgs;
using nn::kernels::Operand;
using nn_test::Guarded;

enum class Transposed { kNeither, kA, kB, kBoth };

/// One product beside its reference, everything in guarded memory.
template <typename T>
double difference(Index m,
                  Index n,
                  Index k,
                  Transposed transposed,
                  bool bias,
                  bool relu,
                  nn::Rng& rng) {
  CAPTURE(m, n, k, static_cast<int>(transposed), bias, relu);
  Guarded<T> a(m * k);
  Guarded<T> b(k * n);
  Guarded<T> bias_values(m);
  a.fill(rng);
  b.fill(rng);
  bias_values.fill(rng);
  const bool ta =
      transposed == Transposed::kA || transposed == Transposed::kBoth;
  const bool tb =
      transposed == Transposed::kB || transposed == Transposed::kBoth;
  // A result inside a taller matrix: what lies between its columns stays.
  const Index ldc = m + 3;
  Guarded<T> c(ldc * n);
  std::vector<T> expected(static_cast<std::size_t>(ldc * n), T(7));
  std::fill_n(c.data(), c.size(), T(7));
  GemmArgs<T> args{
      m,
      n,
      k,
      ta ? Operand<T>::transposed(a.data(), k) : Operand<T>::plain(a.data(), m),
      tb ? Operand<T>::transposed(b.data(), n) : Operand<T>::plain(b.data(), k),
      c.data(),
      ldc,
      bias ? bias_values.data() : nullptr,
      relu};
  nn::Buffer scratch;
  scratch.reserve(nn::kernels::gemm_scratch_bytes<T>(m, n, k));
  nn::kernels::gemm(args, scratch.data());
  args.c = expected.data();
  nn_test::gemm_reference(args);
  CHECK(c.guards_are_whole());
  return nn_test::relative_difference(c.data(), expected.data(), c.size());
}

}  // namespace

TEMPLATE_TEST_CASE("gemm agrees with the reference over odd sizes",
                   "[kernels][gemm]",
                   float,
                   double) {
  nn::Rng rng(11);
  const Index sizes[] = {1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 33, 48, 49, 65, 100};
  double worst = 0.0;
  for (Index m : sizes) {
    for (Index n : sizes) {
      for (Index k : {1, 2, 3, 4, 7, 16, 25, 61}) {
        for (Transposed t : {Transposed::kNeither,
                             Transposed::kA,
                             Transposed::kB,
                             Transposed::kBoth}) {
          const bool bias = (m + n + k) % 2 == 0;
          const bool relu = (m + k) % 3 == 0;
          worst = std::max(worst,
                           difference<TestType>(m, n, k, t, bias, relu, rng));
        }
      }
    }
  }
  CHECK(worst <= nn_test::kRounding<TestType>);
}

TEMPLATE_TEST_CASE("gemm agrees with the reference when k takes many passes",
                   "[kernels][gemm]",
                   float,
                   double) {
  nn::Rng rng(12);
  double worst = 0.0;
  for (Index k : {511, 512, 513, 1025, 2049, 4100}) {
    for (Transposed t :
         {Transposed::kNeither, Transposed::kA, Transposed::kB}) {
      for (bool relu : {false, true}) {
        // Wide and tall, so that each operand is the packed one.
        worst = std::max(worst,
                         difference<TestType>(53, 13, k, t, true, relu, rng));
        worst = std::max(worst,
                         difference<TestType>(13, 53, k, t, true, relu, rng));
      }
    }
  }
  CHECK(worst <= nn_test::kRounding<TestType>);
}

TEMPLATE_TEST_CASE("gemm agrees with the reference over groups of panels",
                   "[kernels][gemm]",
                   float,
                   double) {
  nn::Rng rng(14);
  double worst = 0.0;
  // Sizes around whole groups of panels, of which the last has one vector, four
  // or seven more, for vectors of 16, 8, 4 and 2 elements.
  for (Index lanes : {16, 8, 4, 2}) {
    const Index group = 24 * lanes;
    for (Index vectors : {0, 1, 4, 7}) {
      for (Index odd : {-1, 0}) {
        const Index m = group + vectors * lanes + odd;
        for (Transposed t : {Transposed::kNeither, Transposed::kA}) {
          worst = std::max(worst,
                           difference<TestType>(
                               m, 9, 20, t, true, t == Transposed::kA, rng));
          worst = std::max(
              worst, difference<TestType>(29, m, 20, t, true, false, rng));
        }
      }
    }
  }
  CHECK(worst <= nn_test::kRounding<TestType>);
}

TEMPLATE_TEST_CASE("gemm agrees with the reference over blocks of packed rows",
                   "[kernels][gemm]",
                   float,
                   double) {
  nn::Rng rng(15);
  double worst = 0.0;
  // Rows that fill 768 KiB when they are packed, and some vectors more.
  for (Index lanes : {16, 8, 4, 2}) {
    for (Index k : {512, 2048}) {
      const Index panel = 3 * lanes;
      const Index block = 768 * 1024 /
                          (panel * k * static_cast<Index>(sizeof(TestType))) *
                          panel;
      for (Index vectors : {1, 3, 4}) {
        const Index rows = block + vectors * lanes;
        worst =
            std::max(worst,
                     difference<TestType>(
                         rows, 7, k, Transposed::kNeither, true, true, rng));
        worst = std::max(
            worst,
            difference<TestType>(9, rows, k, Transposed::kA, true, false, rng));
      }
    }
  }
  CHECK(worst <= nn_test::kRounding<TestType>);
}

TEST_CASE("gemm gives the same bits for any number of threads",
          "[kernels][gemm][threads]") {
  nn::Rng rng(13);
  const Index m = 210;
  const Index n = 130;
  const Index k = 700;
  Guarded<float> a(m * k);
  Guarded<float> b(k * n);
  a.fill(rng);
  b.fill(rng);
  std::vector<float> first;
  for (int threads : {1, 2, 3, 8}) {
    const nn_test::ScopedThreads scoped(threads);
    std::vector<float> c(static_cast<std::size_t>(m * n));
    nn::Buffer scratch;
    scratch.reserve(nn::kernels::gemm_scratch_bytes<float>(m, n, k));
    nn::kernels::gemm<float>({m,
                              n,
                              k,
                              Operand<float>::transposed(a.data(), k),
                              Operand<float>::plain(b.data(), k),
                              c.data(),
                              m},
                             scratch.data());
    if (threads == 1) first = c;
    CHECK(c == first);
  }
}

TEST_CASE("gemm with relu lets a NaN through", "[kernels][gemm]") {
  const float a[] = {NAN, -1.0f, 2.0f};  // 3 x 1
  const float b[] = {1.0f};
  float c[3];
  nn::Buffer scratch;
  scratch.reserve(nn::kernels::gemm_scratch_bytes<float>(3, 1, 1));
  nn::kernels::gemm<float>({3,
                            1,
                            1,
                            Operand<float>::plain(a, 3),
                            Operand<float>::plain(b, 1),
                            c,
                            3,
                            nullptr,
                            true},
                           scratch.data());
  CHECK(std::isnan(c[0]));
  CHECK(c[1] == 0.0f);
  CHECK(c[2] == 2.0f);
}

TEMPLATE_TEST_CASE("a product with a vector has the same bits at any alignment",
                   "[kernels][gemm]",
                   float,
                   double) {
  using T = TestType;
  nn::Rng rng(35);
  // With rows of whole cache lines, which are read aligned, and without.
  for (Index k : {64, 200, 784, 16, 5}) {
    const Index m = 21;
    std::vector<T> x(static_cast<std::size_t>(k));
    for (T& value : x) value = static_cast<T>(rng.uniform(-1.0, 1.0));
    nn::Buffer memory;
    memory.reserve(sizeof(T) * static_cast<std::size_t>(k * m + 64));
    nn::Buffer scratch;
    scratch.reserve(nn::kernels::gemm_scratch_bytes<T>(m, 1, k));
    std::vector<T> first;
    for (Index offset = 0; offset < 17; ++offset) {
      nn::Rng weights(36);
      T* w = memory.as<T>() + offset;
      for (Index i = 0; i < k * m; ++i) {
        w[i] = static_cast<T>(weights.uniform(-1.0, 1.0));
      }
      std::vector<T> y(static_cast<std::size_t>(m));
      nn::kernels::gemm(GemmArgs<T>{m,
                                    1,
                                    k,
                                    Operand<T>::transposed(w, k),
                                    Operand<T>::plain(x.data(), k),
                                    y.data(),
                                    m},
                        scratch.data());
      if (offset == 0) first = y;
      CAPTURE(k, offset);
      REQUIRE(y == first);
    }
  }
}
