#ifndef NN_SRC_LAYERS_GEOMETRY_H_
#define NN_SRC_LAYERS_GEOMETRY_H_

#include <string>

#include "kernels/average_pooling.h"
#include "kernels/geometry.h"
#include "nn/layers/avg_pool2d.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/max_pool2d.h"

namespace nn {

// Both directions of an extent, as LayerSpec::extent() reads them.
inline void set_extent(Settings& settings,
                       const std::string& name,
                       const Extent& extent) {
  settings[name + "_h"] = static_cast<double>(extent.height);
  settings[name + "_w"] = static_cast<double>(extent.width);
}

// A layer's sizes in the kernels' terms.

template <typename Scalar>
kernels::ConvGeometry geometry_of(const Conv2d<Scalar>& layer) {
  const Shape& in = layer.input_shape();
  return {in.channels,
          in.height,
          in.width,
          layer.output_shape().channels,
          layer.kernel().height,
          layer.kernel().width,
          layer.stride().height,
          layer.stride().width,
          layer.padding().height,
          layer.padding().width,
          layer.dilation().height,
          layer.dilation().width,
          layer.groups()};
}

template <typename Scalar>
kernels::PoolGeometry geometry_of(const MaxPool2d<Scalar>& layer) {
  const Shape& in = layer.input_shape();
  return {in.channels,
          in.height,
          in.width,
          layer.window().height,
          layer.window().width,
          layer.stride().height,
          layer.stride().width};
}

template <typename Scalar>
kernels::AveragePoolGeometry geometry_of(const AvgPool2d<Scalar>& layer) {
  const Shape& in = layer.input_shape();
  return {in.channels,
          in.height,
          in.width,
          layer.window().height,
          layer.window().width,
          layer.stride().height,
          layer.stride().width,
          layer.padding().height,
          layer.padding().width,
          layer.count_include_pad()};
}

}  // namespace nn

#endif  // NN_SRC_LAYERS_GEOMETRY_H_
