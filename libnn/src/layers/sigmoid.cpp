#include "nn/layers/sigmoid.h"

#include "kernels/activation.h"

namespace nn {

template <typename Scalar>
Sigmoid<Scalar>::Sigmoid(const Shape& input_shape)
    : Activation<Scalar>(input_shape, kernels::ActivationKind::kSigmoid) {}

template class Sigmoid<float>;
template class Sigmoid<double>;

}  // namespace nn
