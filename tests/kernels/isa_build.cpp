// Says whether instruction_set() names the target that kernels run on, in a
// build with one of Highway's own switches: isa.cpp is compiled with this file
// and not taken from the library.

#include <cstdio>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/isa_build.cpp"
#include "kernels/dispatch.h"
// Must come after the two lines above.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace nn::kernels {
namespace HWY_NAMESPACE {

const char* compiled_for() {
#if defined(__x86_64__)
#if HWY_TARGET == HWY_AVX3
  return "AVX-512";
#elif HWY_TARGET == HWY_AVX2
  return "AVX2";
#elif HWY_TARGET == HWY_SSE4
  return "SSE4";
#endif
#elif defined(__aarch64__)
  return "NEON";
#endif
  return "baseline";
}

}  // namespace HWY_NAMESPACE
}  // namespace nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace nn::kernels {

const char* runs_on() {
  NN_RETURN_FOR_ISA(compiled_for)
}

}  // namespace nn::kernels

int main() {
  const char* named = nn::kernels::isa_name(nn::kernels::isa());
  const char* runs = nn::kernels::runs_on();
  std::printf("instruction_set() is %s, kernels run on %s\n", named, runs);
  return std::strcmp(named, runs) == 0 ? 0 : 1;
}

#endif  // HWY_ONCE
