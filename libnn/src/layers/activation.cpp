#include "nn/layers/activation.h"

#include "kernels/activation.h"

namespace nn {

template <typename Scalar>
Activation<Scalar>::Activation(const Shape& input_shape,
                               internal::ActivationKind kind,
                               double slope)
    : Layer<Scalar>(input_shape, input_shape),
      kind_(kind),
      slope_(static_cast<Scalar>(slope)) {}

template <typename Scalar>
void Activation<Scalar>::do_forward(ConstView<Scalar> x,
                                    View<Scalar> y,
                                    Mode /*mode*/,
                                    PassMemory /*memory*/) const {
  kernels::activation_forward<Scalar>(
      {kind_, slope_, x.data(), y.data(), x.size()});
}

template <typename Scalar>
void Activation<Scalar>::do_backward(ConstView<Scalar> x,
                                     ConstView<Scalar> y,
                                     ConstView<Scalar> dy,
                                     View<Scalar> dx,
                                     PassMemory /*memory*/) {
  if (dx.size() == 0) return;
  kernels::activation_backward<Scalar>(
      {kind_, slope_, x.data(), y.data(), dy.data(), dx.data(), x.size()});
}

template class Activation<float>;
template class Activation<double>;

}  // namespace nn
