#include "nn/layers/silu.h"

#include "activation_kind.h"

namespace nn {

template <typename Scalar>
SiLU<Scalar>::SiLU(const Shape& input_shape)
    : Activation<Scalar>(input_shape, internal::ActivationKind::kSiLU) {}

template class SiLU<float>;
template class SiLU<double>;

}  // namespace nn
