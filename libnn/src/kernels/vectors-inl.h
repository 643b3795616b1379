// What kernels share that work on whole vectors. Included once per target,
// inside no namespace.

#if defined(NN_SRC_KERNELS_VECTORS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NN_SRC_KERNELS_VECTORS_INL_H_
#undef NN_SRC_KERNELS_VECTORS_INL_H_
#else
#define NN_SRC_KERNELS_VECTORS_INL_H_
#endif

#include <hwy/highway.h>

#include "nn/types.h"

// Loops over registers must be unrolled whole, or their vectors go through
// memory.
#undef NN_UNROLL
#if defined(__clang__)
#define NN_UNROLL _Pragma("clang loop unroll(full)")
#else
#define NN_UNROLL _Pragma("GCC unroll 16")
#endif

HWY_BEFORE_NAMESPACE();
namespace nn::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <typename T>
using Tag = hn::ScalableTag<T>;
template <typename T>
using Vec = hn::Vec<Tag<T>>;

template <typename T>
constexpr int kLanes = static_cast<int>(hn::MaxLanes(Tag<T>()));

/// relu_gradient() of kernels/elementwise.h, lane by lane. A NaN is neither
/// above zero nor not above it.
template <class D, class V>
HWY_INLINE V relu_gradients(D d, V y, V dy) {
  const V zero = hn::Zero(d);
  const V rest = hn::IfThenZeroElse(hn::Le(y, zero), y);
  return hn::IfThenElse(hn::Gt(y, zero), dy, rest);
}

/// The pointer, without what the compiler knows of how it came about. Otherwise
/// g++ takes the addresses of a loop apart into more sums than there are
/// registers.
template <typename T>
HWY_INLINE const T* opaque(const T* p) {
  __asm__("" : "+r"(p));
  return p;
}

// Whether loads may leave lanes out without touching the memory behind them.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
constexpr bool kMaskedLoads = true;
#else
constexpr bool kMaskedLoads = false;
#endif

/// Lanes first to last - 1 of the vector at p; zeros in the others, whose
/// memory is not touched.
template <typename T>
HWY_INLINE Vec<T> load_lanes(const T* p, Index first, Index last) {
  const Tag<T> d;
  if constexpr (kMaskedLoads) {
    const auto mask = hn::AndNot(hn::FirstN(d, static_cast<size_t>(first)),
                                 hn::FirstN(d, static_cast<size_t>(last)));
    return hn::MaskedLoad(mask, d, p);
  } else {
    HWY_ALIGN T lanes[kLanes<T>] = {};
    for (Index i = first; i < last; ++i) lanes[i] = p[i];
    return hn::Load(d, lanes);
  }
}

template <int V, int L, typename T>
HWY_INLINE void join_neighbours(Vec<T>* v) {
#if HWY_TARGET != HWY_SCALAR  // whose vectors have no neighbours
  if constexpr (L > 1) {
    constexpr int kJoined = (V + 1) / 2;
    const Tag<T> d;
    NN_UNROLL
    for (int i = 0; i < kJoined; ++i) {
      const Vec<T> a = v[2 * i];
      const Vec<T> b = v[HWY_MIN(2 * i + 1, V - 1)];
      v[i] = hn::Add(hn::ConcatEven(d, b, a), hn::ConcatOdd(d, b, a));
    }
    join_neighbours<kJoined, L / 2, T>(v);
  }
#else
  (void)v;
#endif
}

/// Writes the sum of the lanes of each of N vectors to sums. Neighbouring lanes
/// are added and two vectors joined to one until a lane holds a sum: a fifth of
/// the instructions of N sums one by one.
template <int N, typename T>
HWY_INLINE void sums_of_lanes(Vec<T>* v, T* sums) {
  constexpr int lanes = kLanes<T>;
  join_neighbours<N, lanes, T>(v);
  HWY_ALIGN T joined[(N + lanes - 1) / lanes * lanes];
  NN_UNROLL
  for (int i = 0; i * lanes < N; ++i) {
    hn::Store(v[i], Tag<T>(), joined + i * lanes);
  }
  NN_UNROLL
  for (int i = 0; i < N; ++i) sums[i] = joined[i];
}

}  // namespace HWY_NAMESPACE
}  // namespace nn::kernels
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
