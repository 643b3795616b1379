#include "kernels/isa.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>

#include "kernels/dispatch.h"

namespace nn::kernels {
namespace {

Isa best_of_machine() {
#if defined(__x86_64__)
  // These also ask whether the operating system saves the registers.
  __builtin_cpu_init();
  const bool sse4 =
      __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.2");
  const bool avx2 =
      sse4 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512bw");
  if (avx512) return Isa::kAvx512;
  if (avx2) return Isa::kAvx2;
  if (sse4) return Isa::kSse4;
#endif
  return Isa::kBaseline;
}

// NN_MAX_ISA lowers the choice, to test and to measure. Anything else in it,
// "avx512" included, lowers nothing.
Isa limit_from_environment() {
  const char* limit = std::getenv("NN_MAX_ISA");
  if (limit == nullptr) return Isa::kAvx512;
  if (std::strcmp(limit, "avx2") == 0) return Isa::kAvx2;
  if (std::strcmp(limit, "sse4") == 0) return Isa::kSse4;
  if (std::strcmp(limit, "baseline") == 0) return Isa::kBaseline;
  return Isa::kAvx512;
}

// What the flags of this build allow everywhere: nothing below is compiled.
// Highway numbers better targets lower.
#if !defined(__x86_64__)
constexpr Isa kLowest = Isa::kBaseline;
#elif HWY_STATIC_TARGET <= HWY_AVX3
constexpr Isa kLowest = Isa::kAvx512;
#elif HWY_STATIC_TARGET <= HWY_AVX2
constexpr Isa kLowest = Isa::kAvx2;
#elif HWY_STATIC_TARGET <= HWY_SSE4
constexpr Isa kLowest = Isa::kSse4;
#else
constexpr Isa kLowest = Isa::kBaseline;
#endif

// Whether this build has kernels for it: HWY_COMPILE_ONLY_STATIC and its like
// leave out all but one target, whatever the machine has. The same question as
// in dispatch.h, so that the choice names what runs.
constexpr bool is_compiled([[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::kAvx512) return (HWY_TARGETS & HWY_AVX3) != 0;
  if (isa == Isa::kAvx2) return (HWY_TARGETS & HWY_AVX2) != 0;
  if (isa == Isa::kSse4) return (HWY_TARGETS & HWY_SSE4) != 0;
#endif
  return false;
}

// The best that this build has kernels for, that the machine and NN_MAX_ISA
// allow, and that is not above `highest`.
Isa best_up_to(Isa highest) {
  const Isa most =
      std::min({best_of_machine(), limit_from_environment(), highest});
  for (const Isa isa : {Isa::kAvx512, Isa::kAvx2, Isa::kSse4}) {
    if (isa <= most && isa > kLowest && is_compiled(isa)) return isa;
  }
  return kLowest;
}

std::atomic<Isa>& chosen() {
  static std::atomic<Isa> isa{best_up_to(Isa::kAvx512)};
  return isa;
}

}  // namespace

Isa isa() {
  return chosen().load(std::memory_order_relaxed);
}

void limit_isa(Isa highest) {
  chosen() = best_up_to(highest);
}

const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::kAvx512:
      return "AVX-512";
    case Isa::kAvx2:
      return "AVX2";
    case Isa::kSse4:
      return "SSE4";
    case Isa::kBaseline:
      break;
  }
#if defined(__aarch64__)
  return "NEON";
#else
  return "baseline";
#endif
}

}  // namespace nn::kernels
