// The vectors of the kernels and the loops over them. Included once per target,
// inside no namespace.

#if defined(NN_SRC_KERNELS_VECTORS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NN_SRC_KERNELS_VECTORS_INL_H_
#undef NN_SRC_KERNELS_VECTORS_INL_H_
#else
#define NN_SRC_KERNELS_VECTORS_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>
#include <type_traits>

#include "nn/types.h"

// Loops over registers must be unrolled whole, or their vectors go through
// memory.
#undef NN_UNROLL
#if defined(__clang__)
#define NN_UNROLL _Pragma("clang loop unroll(full)")
#else
#define NN_UNROLL _Pragma("GCC unroll 16")
#endif

// Behind the parameters of a lambda that a loop calls for every vector. It is
// inlined before anything else is optimized, so what it captures ends up in
// registers. A lambda captures the arguments of a kernel as a copy: a store of
// a vector may change whatever a reference leads to, and it would be read again
// after each.
#undef NN_BODY
#ifdef __OPTIMIZE__
#define NN_BODY HWY_ATTR __attribute__((always_inline))
#else
#define NN_BODY HWY_ATTR
#endif

HWY_BEFORE_NAMESPACE();
namespace nn::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <typename T>
using Tag = hn::ScalableTag<T>;
/// Of a single element.
template <typename T>
using SingleTag = hn::CappedTag<T, 1>;
template <typename T>
using Vec = hn::Vec<Tag<T>>;

template <typename T>
constexpr int kLanes = static_cast<int>(hn::MaxLanes(Tag<T>()));

/// Calls body(d, i) for vectors of tag d that start at i and cover 0 ..
/// count-1: whole ones first, then such of 16 bytes and single elements,
/// through the same code, so that an element's result does not depend on its
/// place.
template <typename T, class Body>
HWY_INLINE void for_each_vector(Index count, const Body& body) {
  constexpr int kShort = 16 / static_cast<int>(sizeof(T));
  Index i = 0;
  for (; i + kLanes<T> <= count; i += kLanes<T>) body(Tag<T>(), i);
  if constexpr (kShort < kLanes<T>) {
    for (; i + kShort <= count; i += kShort) {
      body(hn::CappedTag<T, kShort>(), i);
    }
  }
  for (; i < count; ++i) body(SingleTag<T>(), i);
}

/// The sum of term(d, i) over the same vectors. Four sums hide the latency of
/// an addition.
template <typename T, class Term>
HWY_INLINE T sum_of_vectors(Index count, const Term& term) {
  const Tag<T> d;
  const SingleTag<T> single;
  constexpr Index lanes = kLanes<T>;
  Vec<T> s0 = hn::Zero(d);
  Vec<T> s1 = s0;
  Vec<T> s2 = s0;
  Vec<T> s3 = s0;
  Index i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    s0 = hn::Add(s0, term(d, i));
    s1 = hn::Add(s1, term(d, i + lanes));
    s2 = hn::Add(s2, term(d, i + 2 * lanes));
    s3 = hn::Add(s3, term(d, i + 3 * lanes));
  }
  for (; i + lanes <= count; i += lanes) s0 = hn::Add(s0, term(d, i));
  const Vec<T> all = hn::Add(hn::Add(s0, s1), hn::Add(s2, s3));
  auto total = hn::Set(single, hn::GetLane(hn::SumOfLanes(d, all)));
  for (; i < count; ++i) total = hn::Add(total, term(single, i));
  return hn::GetLane(total);
}

/// The sum of an array.
template <typename T>
T sum_of_elements(const T* x, Index count) {
  return sum_of_vectors<T>(
      count, [=](auto d, Index i) NN_BODY { return hn::LoadU(d, x + i); });
}

/// out = a + b. `out` may be either of them.
template <typename T>
HWY_INLINE void add_elements(const T* a, const T* b, T* out, Index count) {
  for_each_vector<T>(count, [=](auto d, Index i) NN_BODY {
    hn::StoreU(hn::Add(hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, out + i);
  });
}

/// max(v, 0); a NaN stays one, which Max() may lose.
template <class D, class V>
HWY_INLINE V rectified(D d, V v) {
  return hn::IfThenZeroElse(hn::Lt(v, hn::Zero(d)), v);
}

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

/// Bytes, each to a lane: floating-point numbers or integers of the same sizes.
template <class D>
HWY_INLINE hn::Vec<D> load_bytes(D d, const std::uint8_t* p) {
  using T = hn::TFromD<D>;
  const hn::Rebind<std::int32_t, D> ints;
  const auto values =
      hn::PromoteTo(ints, hn::LoadU(hn::Rebind<std::uint8_t, D>(), p));
  if constexpr (sizeof(T) == 8) {
    return hn::PromoteTo(d, values);
  } else if constexpr (std::is_floating_point_v<T>) {
    return hn::ConvertTo(d, values);
  } else {
    return values;
  }
}

/// The first `count` lanes to p; touches nothing else.
template <typename T>
HWY_INLINE void store_lanes(Vec<T> v, T* p, Index count) {
  HWY_ALIGN T lanes[kLanes<T>];
  hn::Store(v, Tag<T>(), lanes);
  for (Index i = 0; i < count; ++i) p[i] = lanes[i];
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
