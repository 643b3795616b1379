#ifndef NN_SRC_KERNELS_GEOMETRY_H_
#define NN_SRC_KERNELS_GEOMETRY_H_

#include "nn/types.h"

namespace nn::kernels {

/// The sizes of a 2-D convolution of one image. Its channels fall into groups:
/// the outputs of a group see the inputs of that group alone.
struct ConvGeometry {
  Index in_channels = 0;
  Index height = 0;
  Index width = 0;
  Index out_channels = 0;
  Index kernel_h = 0;
  Index kernel_w = 0;
  Index stride_h = 1;
  Index stride_w = 1;
  Index pad_h = 0;
  Index pad_w = 0;
  Index dilation_h = 1;
  Index dilation_w = 1;
  Index groups = 1;

  /// What a dilated kernel spans.
  Index span_h() const { return (kernel_h - 1) * dilation_h + 1; }
  Index span_w() const { return (kernel_w - 1) * dilation_w + 1; }
  Index out_height() const {
    return (height + 2 * pad_h - span_h()) / stride_h + 1;
  }
  Index out_width() const {
    return (width + 2 * pad_w - span_w()) / stride_w + 1;
  }
  /// P: output pixels of one channel.
  Index pixels() const { return out_height() * out_width(); }
  /// K: taps of one filter.
  Index taps() const { return in_channels / groups * kernel_h * kernel_w; }
  Index in_features() const { return in_channels * height * width; }
  Index out_features() const { return out_channels * pixels(); }
};

/// The sizes of max-pooling of one image, without padding.
struct PoolGeometry {
  Index channels = 0;
  Index height = 0;
  Index width = 0;
  Index window_h = 0;
  Index window_w = 0;
  Index stride_h = 1;
  Index stride_w = 1;

  Index out_height() const { return (height - window_h) / stride_h + 1; }
  Index out_width() const { return (width - window_w) / stride_w + 1; }
  Index in_features() const { return channels * height * width; }
  Index out_features() const { return channels * out_height() * out_width(); }
};

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_GEOMETRY_H_
