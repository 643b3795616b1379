#ifndef NN_SRC_KERNELS_CHANNEL_GEOMETRY_H_
#define NN_SRC_KERNELS_CHANNEL_GEOMETRY_H_

#include "nn/types.h"

namespace nn::kernels {

/// A batch seen by its channels: element p of channel c of sample n is at
/// (n * channels + c) * pixels + p.
struct ChannelGeometry {
  Index channels = 0;
  Index pixels = 0;  ///< of one channel of one sample
  Index batch = 0;

  /// M: how many values a channel has.
  Index count() const { return pixels * batch; }
};

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_CHANNEL_GEOMETRY_H_
