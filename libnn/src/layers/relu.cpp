#include "nn/layers/relu.h"

#include "kernels/elementwise.h"

namespace nn {

template <typename Scalar>
ReLU<Scalar>::ReLU(const Shape& input_shape)
    : Layer<Scalar>(input_shape, input_shape, kLibraryKind) {}

template <typename Scalar>
void ReLU<Scalar>::do_forward(ConstView<Scalar> x,
                              View<Scalar> y,
                              Mode /*mode*/,
                              PassMemory /*memory*/) const {
  kernels::relu(x.data(), y.data(), x.size());
}

template <typename Scalar>
void ReLU<Scalar>::do_backward(ConstView<Scalar> /*x*/,
                               ConstView<Scalar> y,
                               ConstView<Scalar> dy,
                               View<Scalar> dx,
                               PassMemory /*memory*/) {
  if (dx.size() == 0) return;
  kernels::relu_backward(y.data(), dy.data(), dx.data(), y.size());
}

template class ReLU<float>;
template class ReLU<double>;

}  // namespace nn
