#ifndef NN_SRC_KERNELS_DISPATCH_H_
#define NN_SRC_KERNELS_DISPATCH_H_

// How a kernel is compiled for several instruction sets and picked at run time.
//
// A kernel file includes this header, sets HWY_TARGET_INCLUDE to itself and
// includes <hwy/foreach_target.h>, which includes the file again for every
// target; inside HWY_BEFORE_NAMESPACE() the compiler may use that target's
// instructions. At the end, once, NN_KERNELS_FOR_ISA(table) yields what
// function `table` of the best target's namespace returns.
//
// The choice is ours (isa.h) and not Highway's, so its headers are all that is
// needed: hwy::SupportedTargets() lives in libhwy.so, which would become a
// run-time dependency of every program that links libnn.

// SSSE3 and AVX3_DL bring these kernels nothing over their neighbours, and each
// target is one more compilation of every kernel. AES and half floats are not
// used; without them there is less for isa.cpp to ask the processor for.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
#define HWY_DISABLE_PCLMUL_AES 1
#define HWY_DISABLE_F16C 1
// Debug checks would call into libhwy.so.
#define HWY_IS_DEBUG_BUILD 0

#include "kernels/isa.h"

#define NN_TARGET_AVX512(table)
#define NN_TARGET_AVX2(table)
#define NN_TARGET_SSE4(table)
#if defined(__x86_64__)
#undef NN_TARGET_AVX512
#undef NN_TARGET_AVX2
#undef NN_TARGET_SSE4
#define NN_TARGET_AVX512(table) \
  case Isa::kAvx512:            \
    return N_AVX3::table();
#define NN_TARGET_AVX2(table) \
  case Isa::kAvx2:            \
    return N_AVX2::table();
#define NN_TARGET_SSE4(table) \
  case Isa::kSse4:            \
    return N_SSE4::table();
#endif

/// Returns from the enclosing function what `table()` of the chosen target
/// returns.
#define NN_RETURN_FOR_ISA(table)           \
  switch (isa()) {                         \
    NN_TARGET_AVX512(table)                \
    NN_TARGET_AVX2(table)                  \
    NN_TARGET_SSE4(table)                  \
    default:                               \
      return HWY_STATIC_DISPATCH(table)(); \
  }

#endif  // NN_SRC_KERNELS_DISPATCH_H_
