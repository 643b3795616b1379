#include "nn/layers/tanh.h"

#include "kernels/activation.h"

namespace nn {

template <typename Scalar>
Tanh<Scalar>::Tanh(const Shape& input_shape)
    : Activation<Scalar>(input_shape, kernels::ActivationKind::kTanh) {}

template class Tanh<float>;
template class Tanh<double>;

}  // namespace nn
