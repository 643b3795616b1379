#ifndef NN_SRC_LAYERS_GEOMETRY_H_
#define NN_SRC_LAYERS_GEOMETRY_H_

#include <algorithm>
#include <initializer_list>
#include <string>

#include "kernels/average_pooling.h"
#include "kernels/geometry.h"
#include "nn/check.h"
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

// Extents are small enough that a sum or a product of two stays in an Index.
inline void check_extent(const char* who,
                         const char* what,
                         const Extent& extent,
                         Index smallest) {
  check_argument(extent.height >= smallest && extent.width >= smallest,
                 "[",
                 who,
                 "] expected a ",
                 what,
                 " of at least ",
                 smallest,
                 "x",
                 smallest,
                 ", got ",
                 extent);
  constexpr Index kMost = Index{1} << 31;
  check_argument(extent.height <= kMost && extent.width <= kMost,
                 "[",
                 who,
                 "] expected a ",
                 what,
                 " of at most ",
                 kMost,
                 "x",
                 kMost,
                 ", got ",
                 extent);
}

// Whether the product of positive numbers is, however large they are.
inline bool product_is_at_most(Index most,
                               std::initializer_list<Index> factors) {
  for (const Index factor : factors) most /= factor;
  return most >= 1;
}

// A layer's sizes in the kernels' terms.

template <typename Scalar>
kernels::ConvGeometry geometry_of(const Conv2d<Scalar>& layer) {
  const Shape& in = layer.input_shape();
  // Kernels keep something for each phase of the stride. A longer one than the
  // padded input computes the same one row or column.
  const Index most_h = in.height + 2 * layer.padding().height;
  const Index most_w = in.width + 2 * layer.padding().width;
  return {in.channels,
          in.height,
          in.width,
          layer.output_shape().channels,
          layer.kernel().height,
          layer.kernel().width,
          std::min(layer.stride().height, most_h),
          std::min(layer.stride().width, most_w),
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
