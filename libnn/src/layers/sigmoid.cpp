#include "nn/layers/sigmoid.h"

#include "activation_kind.h"

namespace nn {

template <typename Scalar>
Sigmoid<Scalar>::Sigmoid(const Shape& input_shape)
    : Activation<Scalar>(input_shape, internal::ActivationKind::kSigmoid) {}

template class Sigmoid<float>;
template class Sigmoid<double>;

}  // namespace nn
