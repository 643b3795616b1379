#include "nn/layers/leaky_relu.h"

#include <cmath>

#include "activation_kind.h"
#include "nn/check.h"

namespace nn {

template <typename Scalar>
LeakyReLU<Scalar>::LeakyReLU(const Shape& input_shape, double negative_slope)
    : Activation<Scalar>(
          input_shape, internal::ActivationKind::kLeakyReLU, negative_slope),
      negative_slope_(negative_slope) {
  check_argument(std::isfinite(static_cast<Scalar>(negative_slope)),
                 "[LeakyReLU] expected a finite negative slope, got ",
                 negative_slope);
}

template <typename Scalar>
std::string LeakyReLU<Scalar>::describe() const {
  return concat("LeakyReLU(", negative_slope_, ")");
}

template <typename Scalar>
Settings LeakyReLU<Scalar>::settings() const {
  return {{"negative_slope", negative_slope_}};
}

template class LeakyReLU<float>;
template class LeakyReLU<double>;

}  // namespace nn
