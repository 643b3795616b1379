#ifndef NN_SRC_KERNELS_BATCH_NORM_H_
#define NN_SRC_KERNELS_BATCH_NORM_H_

#include <cstddef>

#include "kernels/channel_geometry.h"
#include "nn/types.h"

namespace nn::kernels {

// What BatchNorm loops over, on up to num_threads() threads. Results do not
// depend on the number of threads: sums are cut by sizes alone and their parts
// added in order. docs/math/batch_norm.md has the formulas. `x`, `y`, `dy` and
// `dx` are batches; all other arrays have one number a channel.

/// Bytes of scratch memory for channel_moments() or channel_gradients().
template <typename T>
std::size_t channel_scratch_bytes(const ChannelGeometry& g);

template <typename T>
struct ChannelMomentsArgs {
  ChannelGeometry geometry;
  const T* x;
  T* mean;      ///< written
  T* variance;  ///< written: the biased one, divided by M
  std::byte* scratch;
};
/// Mean and variance of every channel. Two-pass inside pieces that stay in
/// cache, so a mean far from zero costs no digits.
template <typename T>
void channel_moments(const ChannelMomentsArgs<T>& args);

template <typename T>
struct ChannelAffineArgs {
  ChannelGeometry geometry;
  const T* x;
  const T* mean;
  const T* scale;
  const T* shift;
  T* y;
};
/// y = (x - mean) * scale + shift.
template <typename T>
void channel_affine(const ChannelAffineArgs<T>& args);

template <typename T>
struct ChannelGradientsArgs {
  ChannelGeometry geometry;
  const T* x;
  const T* dy;
  const T* mean;
  T* sum;           ///< written
  T* weighted_sum;  ///< written
  std::byte* scratch;
};
/// For every channel: sum of dy, and sum of dy * (x - mean).
template <typename T>
void channel_gradients(const ChannelGradientsArgs<T>& args);

template <typename T>
struct ChannelInputGradientArgs {
  ChannelGeometry geometry;
  const T* x;
  const T* dy;
  const T* mean;
  const T* scale;
  const T* mean_dy;
  const T* slope;
  T* dx;
};
/// dx = scale * (dy - mean_dy + slope * (x - mean)).
template <typename T>
void channel_input_gradient(const ChannelInputGradientArgs<T>& args);

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_BATCH_NORM_H_
