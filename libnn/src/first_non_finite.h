#ifndef NN_SRC_FIRST_NON_FINITE_H_
#define NN_SRC_FIRST_NON_FINITE_H_

#include <cmath>

#include "nn/types.h"

namespace nn::internal {

/// The place of the first of `count` values that is a NaN or infinite; -1
/// without one.
template <typename Scalar>
Index first_non_finite(const Scalar* values, Index count) {
  for (Index i = 0; i < count; ++i) {
    if (!std::isfinite(values[i])) return i;
  }
  return -1;
}

}  // namespace nn::internal

#endif  // NN_SRC_FIRST_NON_FINITE_H_
