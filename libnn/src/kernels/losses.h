#ifndef NN_SRC_KERNELS_LOSSES_H_
#define NN_SRC_KERNELS_LOSSES_H_

#include "nn/types.h"

namespace nn::kernels {

template <typename T>
struct LossArgs {
  const T* y;
  const T* target;
  T scale;
  T* dy;  ///< may be `y`; null if no gradient is wanted
  Index count;
  T beta = 0;  ///< of smooth_l1()
  /// Element i has weights[(first_weight + i) % weight_count]: in
  /// binary_cross_entropy() that of a positive answer; in the others what y -
  /// target is multiplied by, null where that is 1.
  const T* weights = nullptr;
  Index weight_count = 1;
  Index first_weight = 0;  ///< that of the first element
};

// Sums of losses over contiguous arrays, on up to num_threads() threads. The
// sums are added up in double, in an order that depends on `count` alone. Where
// `dy` is not null, scale times the derivative of each element is written into
// it. The formulas are those of nn/losses.

template <typename T>
double squared_error(const LossArgs<T>& args);

template <typename T>
double smooth_l1(const LossArgs<T>& args);

template <typename T>
double binary_cross_entropy(const LossArgs<T>& args);

/// Whether all elements are in 0 .. 1; a NaN is not.
template <typename T>
bool all_shares(const T* x, Index count);

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_LOSSES_H_
