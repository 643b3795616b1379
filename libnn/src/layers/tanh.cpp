#include "nn/layers/tanh.h"

#include "activation_kind.h"

namespace nn {

template <typename Scalar>
Tanh<Scalar>::Tanh(const Shape& input_shape)
    : Activation<Scalar>(input_shape, internal::ActivationKind::kTanh) {}

template class Tanh<float>;
template class Tanh<double>;

}  // namespace nn
