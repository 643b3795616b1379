// The loop of kernels that treat all elements alike. Included once for every
// target, inside of nothing, after <hwy/highway.h>.

#if defined(NN_SRC_KERNELS_VECTOR_LOOP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NN_SRC_KERNELS_VECTOR_LOOP_INL_H_
#undef NN_SRC_KERNELS_VECTOR_LOOP_INL_H_
#else
#define NN_SRC_KERNELS_VECTOR_LOOP_INL_H_
#endif

#include <hwy/highway.h>

#include "nn/types.h"

HWY_BEFORE_NAMESPACE();
namespace nn::kernels {
namespace HWY_NAMESPACE {

// Calls body(d, i) for vectors that start at i and cover 0 .. count-1: whole
// ones first and then single elements, through the same code, so that an
// element's result does not depend on its place.
template <typename T, class Body>
HWY_INLINE void for_each_vector(Index count, const Body& body) {
  const hwy::HWY_NAMESPACE::ScalableTag<T> d;
  const hwy::HWY_NAMESPACE::CappedTag<T, 1> single;
  const auto lanes = static_cast<Index>(hwy::HWY_NAMESPACE::Lanes(d));
  Index i = 0;
  for (; i + lanes <= count; i += lanes) body(d, i);
  for (; i < count; ++i) body(single, i);
}

}  // namespace HWY_NAMESPACE
}  // namespace nn::kernels
HWY_AFTER_NAMESPACE();

#endif  // NN_SRC_KERNELS_VECTOR_LOOP_INL_H_
