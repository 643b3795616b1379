#include "nn/layers/global_avg_pool2d.h"

#include "kernels/average_pooling.h"

namespace nn {

template <typename Scalar>
GlobalAvgPool2d<Scalar>::GlobalAvgPool2d(const Shape& input_shape)
    : Layer<Scalar>(input_shape, Shape{input_shape.channels}) {}

template <typename Scalar>
void GlobalAvgPool2d<Scalar>::do_forward(ConstView<Scalar> x,
                                         View<Scalar> y,
                                         Mode /*mode*/,
                                         PassMemory /*memory*/) const {
  const Shape& in = this->input_shape();
  kernels::plane_means(
      in.channels * x.cols(), in.height * in.width, x.data(), y.data());
}

template <typename Scalar>
void GlobalAvgPool2d<Scalar>::do_backward(ConstView<Scalar> x,
                                          ConstView<Scalar> /*y*/,
                                          ConstView<Scalar> dy,
                                          View<Scalar> dx,
                                          PassMemory /*memory*/) {
  if (dx.size() == 0) return;
  const Shape& in = this->input_shape();
  kernels::plane_means_backward(
      in.channels * x.cols(), in.height * in.width, dy.data(), dx.data());
}

template class GlobalAvgPool2d<float>;
template class GlobalAvgPool2d<double>;

}  // namespace nn
