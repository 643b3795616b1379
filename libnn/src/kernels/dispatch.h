#ifndef NN_SRC_KERNELS_DISPATCH_H_
#define NN_SRC_KERNELS_DISPATCH_H_

// How a kernel is compiled for several instruction sets and picked at run time.
//
// A kernel file includes this header, sets HWY_TARGET_INCLUDE to itself and
// includes <hwy/foreach_target.h>, which includes the file again for every
// target; inside HWY_BEFORE_NAMESPACE() the compiler may use that target's
// instructions. Its functions go into a table, returned by a function template
// table<T>() of the target's namespace; NN_EXPORT_TABLES there and, once, at
// the end of the file NN_CHOOSE_TABLES give it out as table<T>() of the best
// target.
//
// The choice is ours (isa.h) and not Highway's, so its headers are all that is
// needed: hwy::SupportedTargets() lives in libhwy.so, which would become a
// run-time dependency of every program that links libnn.

// SSSE3, AVX3_DL and, in later versions of Highway that alone name them,
// AVX3_ZEN4 and AVX3_SPR (bits 6 and 4) bring these kernels nothing over their
// neighbours, and each target is one more compilation of every kernel. AES and
// half floats are not used; without them there is less for isa.cpp to ask the
// processor for.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL | (1LL << 6) | (1LL << 4))
#define HWY_DISABLE_PCLMUL_AES 1
#define HWY_DISABLE_F16C 1
// Debug checks would call into libhwy.so.
#define HWY_IS_DEBUG_BUILD 0

#include <hwy/detect_targets.h>

#include "kernels/isa.h"

// A project that compiles libnn among its own sources may do so with
// -march=native. Targets below what such flags allow everywhere are not
// compiled at all: the static target is then the lowest.
#if defined(__x86_64__) && (HWY_TARGETS & HWY_AVX3)
#define NN_TARGET_AVX512(table) \
  case Isa::kAvx512:            \
    return N_AVX3::table();
#else
#define NN_TARGET_AVX512(table)
#endif
#if defined(__x86_64__) && (HWY_TARGETS & HWY_AVX2)
#define NN_TARGET_AVX2(table) \
  case Isa::kAvx2:            \
    return N_AVX2::table();
#else
#define NN_TARGET_AVX2(table)
#endif
#if defined(__x86_64__) && (HWY_TARGETS & HWY_SSE4)
#define NN_TARGET_SSE4(table) \
  case Isa::kSse4:            \
    return N_SSE4::table();
#else
#define NN_TARGET_SSE4(table)
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

/// Inside a target's namespace, behind table<T>(): names for its two instances
/// that the choice below can reach.
#define NN_EXPORT_TABLES(Table)         \
  const Table<float>& table_float() {   \
    return table<float>();              \
  }                                     \
  const Table<double>& table_double() { \
    return table<double>();             \
  }

/// Inside HWY_ONCE: defines table<T>(), the Table<T> of the chosen target.
#define NN_CHOOSE_TABLES(Table)          \
  template <typename T>                  \
  const Table<T>& table();               \
  template <>                            \
  const Table<float>& table<float>() {   \
    NN_RETURN_FOR_ISA(table_float)       \
  }                                      \
  template <>                            \
  const Table<double>& table<double>() { \
    NN_RETURN_FOR_ISA(table_double)      \
  }

#endif  // NN_SRC_KERNELS_DISPATCH_H_
