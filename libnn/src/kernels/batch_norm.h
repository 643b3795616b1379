#ifndef NN_SRC_KERNELS_BATCH_NORM_H_
#define NN_SRC_KERNELS_BATCH_NORM_H_

#include <cstddef>

#include "kernels/channel_geometry.h"
#include "nn/types.h"

namespace nn::kernels {

// What BatchNorm loops over, on up to num_threads() threads. Results do not
// depend on the number of threads: sums are cut by sizes alone and their parts
// added in order. docs/math/batch_norm.md has the formulas.

/// Bytes of scratch memory for channel_moments() or channel_gradients().
template <typename T>
std::size_t channel_scratch_bytes(const ChannelGeometry& g);

/// Mean and biased variance (divided by M) of every channel. Two-pass inside
/// pieces that stay in cache, so a mean far from zero costs no digits.
template <typename T>
void channel_moments(const ChannelGeometry& g,
                     const T* x,
                     T* mean,
                     T* variance,
                     std::byte* scratch);

/// y = (x - mean) * scale + shift, each of them one number a channel.
template <typename T>
void channel_affine(const ChannelGeometry& g,
                    const T* x,
                    const T* mean,
                    const T* scale,
                    const T* shift,
                    T* y);

/// For every channel: sum of dy, and sum of dy * (x - mean).
template <typename T>
void channel_gradients(const ChannelGeometry& g,
                       const T* x,
                       const T* dy,
                       const T* mean,
                       T* sum,
                       T* weighted_sum,
                       std::byte* scratch);

/// dx = scale * (dy - mean_dy + slope * (x - mean)), each of them one number a
/// channel.
template <typename T>
void channel_input_gradient(const ChannelGeometry& g,
                            const T* x,
                            const T* dy,
                            const T* mean,
                            const T* scale,
                            const T* mean_dy,
                            const T* slope,
                            T* dx);

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_BATCH_NORM_H_
