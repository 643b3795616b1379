#include "nn/layers/gelu.h"

#include "activation_kind.h"

namespace nn {

template <typename Scalar>
GELU<Scalar>::GELU(const Shape& input_shape, GeluForm form)
    : Activation<Scalar>(input_shape,
                         form == GeluForm::kTanh
                             ? internal::ActivationKind::kGeluTanh
                             : internal::ActivationKind::kGelu),
      form_(form) {}

template <typename Scalar>
std::string GELU<Scalar>::describe() const {
  return form_ == GeluForm::kTanh ? "GELU(tanh)" : "GELU";
}

template <typename Scalar>
Settings GELU<Scalar>::settings() const {
  return {{"approximate_tanh", form_ == GeluForm::kTanh ? 1.0 : 0.0}};
}

template class GELU<float>;
template class GELU<double>;

}  // namespace nn
