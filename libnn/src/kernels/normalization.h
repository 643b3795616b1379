#ifndef NN_SRC_KERNELS_NORMALIZATION_H_
#define NN_SRC_KERNELS_NORMALIZATION_H_

#include <cstddef>

#include "nn/types.h"

namespace nn::kernels {

// What BatchNorm and LayerNorm loop over, on up to num_threads() threads.
// Results do not depend on the number of threads: sums are cut by sizes alone
// and their parts added in order. docs/math/batch_norm.md and layer_norm.md
// have the formulas.

/// A batch seen by its channels: element p of channel c of sample n is at
/// (n * channels + c) * pixels + p.
struct ChannelGeometry {
  Index channels = 0;
  Index pixels = 0;  ///< of one channel of one sample
  Index batch = 0;

  /// M: how many values a channel has.
  Index count() const { return pixels * batch; }
};

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

/// y = (x - mean) * r * weight + bias for every column of a rows x cols matrix,
/// with the column's own mean and r = 1 / sqrt(variance + eps). `weight` and
/// `bias` (rows each) may both be null: 1 and 0. `mean` and `inverse_std` (cols
/// each) may both be null: not wanted.
template <typename T>
void sample_normalize(const T* x,
                      Index rows,
                      Index cols,
                      T eps,
                      const T* weight,
                      const T* bias,
                      T* y,
                      T* mean,
                      T* inverse_std);

/// The gradient by x of the same.
template <typename T>
void sample_normalize_backward(const T* x,
                               const T* dy,
                               Index rows,
                               Index cols,
                               const T* weight,
                               const T* mean,
                               const T* inverse_std,
                               T* dx);

/// Bytes of scratch memory for sample_normalize_parameters().
template <typename T>
std::size_t sample_scratch_bytes(Index rows, Index cols);

/// The gradients by weight and bias: for every row, over the columns, the sum
/// of dy * (x - mean) * r, and that of dy.
template <typename T>
void sample_normalize_parameters(const T* x,
                                 const T* dy,
                                 Index rows,
                                 Index cols,
                                 const T* mean,
                                 const T* inverse_std,
                                 T* dweight,
                                 T* dbias,
                                 std::byte* scratch);

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_NORMALIZATION_H_
