// Loops over rows for the kernels of BatchNorm and LayerNorm. Included once per
// target, inside no namespace.

#if defined(NN_SRC_KERNELS_ROW_LOOPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NN_SRC_KERNELS_ROW_LOOPS_INL_H_
#undef NN_SRC_KERNELS_ROW_LOOPS_INL_H_
#else
#define NN_SRC_KERNELS_ROW_LOOPS_INL_H_
#endif

#include <hwy/highway.h>

#include "nn/types.h"

HWY_BEFORE_NAMESPACE();
namespace nn::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// A number for a lane or for all of a vector: the same code for whole vectors
// and for what is left behind them.
template <typename T>
struct Wide {
  using Tag = hn::ScalableTag<T>;
  using V = hn::Vec<Tag>;
  static constexpr Index kStep = static_cast<Index>(hn::MaxLanes(Tag()));
  static HWY_INLINE V load(const T* p) { return hn::LoadU(Tag(), p); }
  static HWY_INLINE void store(V v, T* p) { hn::StoreU(v, Tag(), p); }
  static HWY_INLINE V set(T v) { return hn::Set(Tag(), v); }
  static HWY_INLINE V add(V a, V b) { return hn::Add(a, b); }
  static HWY_INLINE V sub(V a, V b) { return hn::Sub(a, b); }
  static HWY_INLINE V mul(V a, V b) { return hn::Mul(a, b); }
  static HWY_INLINE V mul_add(V a, V b, V c) { return hn::MulAdd(a, b, c); }
};
template <typename T>
struct Narrow {
  using V = T;
  static constexpr Index kStep = 1;
  static HWY_INLINE V load(const T* p) { return *p; }
  static HWY_INLINE void store(V v, T* p) { *p = v; }
  static HWY_INLINE V set(T v) { return v; }
  static HWY_INLINE V add(V a, V b) { return a + b; }
  static HWY_INLINE V sub(V a, V b) { return a - b; }
  static HWY_INLINE V mul(V a, V b) { return a * b; }
  static HWY_INLINE V mul_add(V a, V b, V c) { return a * b + c; }
};

// Calls body(Ops, first row) for all rows: vectors, then single ones.
template <typename T, typename Body>
HWY_INLINE void for_rows(Index rows, const Body& body) {
  Index i = 0;
  for (; i + Wide<T>::kStep <= rows; i += Wide<T>::kStep) body(Wide<T>(), i);
  for (; i < rows; ++i) body(Narrow<T>(), i);
}

// The sum over i of term(Ops, i), of single elements after whole vectors. Four
// sums hide the latency of an addition.
template <typename T, typename Term>
HWY_INLINE T sum_of(Index count, const Term& term) {
  using W = Wide<T>;
  constexpr Index lanes = W::kStep;
  auto s0 = W::set(T(0));
  auto s1 = s0;
  auto s2 = s0;
  auto s3 = s0;
  Index i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    s0 = W::add(s0, term(W(), i));
    s1 = W::add(s1, term(W(), i + lanes));
    s2 = W::add(s2, term(W(), i + 2 * lanes));
    s3 = W::add(s3, term(W(), i + 3 * lanes));
  }
  for (; i + lanes <= count; i += lanes) s0 = W::add(s0, term(W(), i));
  const auto all = W::add(W::add(s0, s1), W::add(s2, s3));
  T total = hn::GetLane(hn::SumOfLanes(typename W::Tag(), all));
  for (; i < count; ++i) total += term(Narrow<T>(), i);
  return total;
}

// The sum of a column.
template <typename T>
T sum(const T* x, Index count) {
  return sum_of<T>(count, [&](auto ops, Index i) HWY_ATTR {
    return decltype(ops)::load(x + i);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace nn::kernels
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
