#include "nn/layers/silu.h"

#include "kernels/activation.h"

namespace nn {

template <typename Scalar>
SiLU<Scalar>::SiLU(const Shape& input_shape)
    : Activation<Scalar>(input_shape, kernels::ActivationKind::kSiLU) {}

template class SiLU<float>;
template class SiLU<double>;

}  // namespace nn
