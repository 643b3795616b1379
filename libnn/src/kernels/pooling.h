#ifndef NN_SRC_KERNELS_POOLING_H_
#define NN_SRC_KERNELS_POOLING_H_

#include <cstdint>

#include "kernels/geometry.h"

namespace nn::kernels {

/// Bytes that may be read, not used, past the end of an image given to
/// max_pool_image() with `padded_input`.
constexpr Index kPoolSlackBytes = 256;

/// Max-pooling of one image. `argmax` (or null) gets the place of the winner in
/// its window, kh * window_w + kw, one byte per output. Of equal values the
/// first wins; a NaN wins over every number.
///
/// With `padded_input`, kPoolSlackBytes after x may be read.
/// Reference: max_pool_reference().
template <typename T>
void max_pool_image(const PoolGeometry& g,
                    const T* x,
                    T* y,
                    std::uint8_t* argmax,
                    bool padded_input);

/// The gradient of one image: overwrites dx (in_features). With `relu_output`
/// (the pooled values y), gradients where y is not positive are dropped: the
/// backward pass of a ReLU in front of the pool.
///
/// With `padded_output`, kPoolSlackBytes after dx may be written.
/// Reference: max_pool_backward_reference().
template <typename T>
void max_pool_backward_image(const PoolGeometry& g,
                             const T* dy,
                             const std::uint8_t* argmax,
                             const T* relu_output,
                             T* dx,
                             bool padded_output);

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_POOLING_H_
