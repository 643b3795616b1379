#ifndef NN_SRC_KERNELS_LOSSES_H_
#define NN_SRC_KERNELS_LOSSES_H_

#include "nn/types.h"

namespace nn::kernels {

// Sums of losses over contiguous arrays, on up to num_threads() threads. The
// sums are added up in double, in an order that depends on `count` alone. Where
// `dy` is not null, scale times the derivative of each element is written into
// it; it may be `y`. The formulas are those of nn/losses.

template <typename T>
double squared_error(const T* y, const T* target, T scale, T* dy, Index count);

template <typename T>
double smooth_l1(
    const T* y, const T* target, T beta, T scale, T* dy, Index count);

/// Element i has weights[i % weight_count].
template <typename T>
double binary_cross_entropy(const T* y,
                            const T* target,
                            const T* weights,
                            Index weight_count,
                            T scale,
                            T* dy,
                            Index count);

/// Whether all elements are in 0 .. 1; a NaN is not.
template <typename T>
bool all_shares(const T* x, Index count);

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_LOSSES_H_
