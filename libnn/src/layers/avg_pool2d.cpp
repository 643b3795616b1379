#include "nn/layers/avg_pool2d.h"

#include "kernels/average_pooling.h"
#include "layers/geometry.h"
#include "nn/check.h"

namespace nn {
namespace {

Shape average_pool_output_shape(const Shape& in,
                                const Extent& window,
                                const Extent& stride,
                                const Extent& padding) {
  check_shape("Layer", in);
  check_extent("AvgPool2d", "window", window, 1);
  check_extent("AvgPool2d", "stride", stride, 1);
  // Otherwise a window could lie in the padding alone.
  check_argument(
      padding.height >= 0 && padding.width >= 0 &&
          padding.height <= window.height / 2 &&
          padding.width <= window.width / 2,
      "[AvgPool2d] expected a padding of at most half of the window ",
      window,
      ", got ",
      padding);
  check_argument(window.height <= in.height + 2 * padding.height &&
                     window.width <= in.width + 2 * padding.width,
                 "[AvgPool2d] window ",
                 window,
                 " is larger than the padded input ",
                 in.channels,
                 "x",
                 in.height + 2 * padding.height,
                 "x",
                 in.width + 2 * padding.width);
  return {in.channels,
          (in.height + 2 * padding.height - window.height) / stride.height + 1,
          (in.width + 2 * padding.width - window.width) / stride.width + 1};
}

}  // namespace

template <typename Scalar>
AvgPool2d<Scalar>::AvgPool2d(const Shape& input_shape, Extent window)
    : AvgPool2d(input_shape, window, window) {}

template <typename Scalar>
AvgPool2d<Scalar>::AvgPool2d(const Shape& input_shape,
                             Extent window,
                             Extent stride,
                             Extent padding,
                             bool count_include_pad)
    : Layer<Scalar>(
          input_shape,
          average_pool_output_shape(input_shape, window, stride, padding)),
      window_(window),
      stride_(stride),
      padding_(padding),
      count_include_pad_(count_include_pad) {}

template <typename Scalar>
std::string AvgPool2d<Scalar>::describe() const {
  return concat("AvgPool2d(window ",
                window_,
                ", stride ",
                stride_,
                ", padding ",
                padding_,
                count_include_pad_ ? "" : ", not counted",
                ")");
}

template <typename Scalar>
Settings AvgPool2d<Scalar>::settings() const {
  Settings settings{{"count_include_pad", count_include_pad_ ? 1.0 : 0.0}};
  set_extent(settings, "kernel_size", window_);
  set_extent(settings, "stride", stride_);
  set_extent(settings, "padding", padding_);
  return settings;
}

template <typename Scalar>
MemoryNeeds AvgPool2d<Scalar>::memory_needs(Index /*batch*/,
                                            Mode /*mode*/) const {
  const kernels::ScratchNeeds scratch =
      kernels::average_pool_scratch<Scalar>(geometry_of(*this));
  return {0, scratch.shared_bytes, scratch.worker_bytes};
}

template <typename Scalar>
void AvgPool2d<Scalar>::do_forward(ConstView<Scalar> x,
                                   View<Scalar> y,
                                   Mode /*mode*/,
                                   PassMemory memory) const {
  kernels::average_pool(geometry_of(*this),
                        this->input_shape().channels * x.cols(),
                        x.data(),
                        y.data(),
                        {memory.scratch, memory.workers});
}

template <typename Scalar>
void AvgPool2d<Scalar>::do_backward(ConstView<Scalar> x,
                                    ConstView<Scalar> /*y*/,
                                    ConstView<Scalar> dy,
                                    View<Scalar> dx,
                                    PassMemory memory) {
  if (dx.size() == 0) return;
  kernels::average_pool_backward(geometry_of(*this),
                                 this->input_shape().channels * x.cols(),
                                 dy.data(),
                                 dx.data(),
                                 {memory.scratch, memory.workers});
}

template class AvgPool2d<float>;
template class AvgPool2d<double>;

}  // namespace nn
