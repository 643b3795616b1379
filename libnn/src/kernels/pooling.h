#ifndef NN_SRC_KERNELS_POOLING_H_
#define NN_SRC_KERNELS_POOLING_H_

#include <cstdint>

#include "kernels/geometry.h"

namespace nn::kernels {

/// Max-pooling of one image. `argmax` (or null) gets the place of the winner in
/// its window, kh * window_w + kw, one byte per output. Of equal values the
/// first wins; a NaN wins over every number.
/// Reference: max_pool_reference().
template <typename T>
void max_pool_image(const PoolGeometry& g,
                    const T* x,
                    T* y,
                    std::uint8_t* argmax);

/// The gradient of one image: overwrites dx (in_features). With `relu_output`
/// (the pooled values y, or null), gradients where y is not positive are
/// dropped: the backward pass of a ReLU in front of the pool.
/// Reference: max_pool_backward_reference().
template <typename T>
void max_pool_backward_image(const PoolGeometry& g,
                             const T* dy,
                             const std::uint8_t* argmax,
                             const T* relu_output,
                             T* dx);

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_POOLING_H_
