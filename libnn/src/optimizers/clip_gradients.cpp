#include "nn/optimizers/clip_gradients.h"

#include <cmath>

#include "kernels/optimizers.h"
#include "option_checks.h"

namespace nn {
namespace {

// PyTorch's: keeps the division defined for gradients that are all zero.
constexpr double kNormOffset = 1e-6;

template <typename Scalar>
void check_parameters(const char* who,
                      const std::vector<Parameter<Scalar>*>& parameters) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    check_argument(parameters[i] != nullptr,
                   "[",
                   who,
                   "] expected a parameter at place ",
                   i,
                   ", got a null pointer");
  }
}

}  // namespace

template <typename Scalar>
double clip_gradient_norm(const std::vector<Parameter<Scalar>*>& parameters,
                          double max_norm) {
  check_parameters("clip_gradient_norm", parameters);
  internal::check_not_negative("clip_gradient_norm", "norm", max_norm);
  double squares = 0.0;
  for (const Parameter<Scalar>* parameter : parameters) {
    squares +=
        kernels::sum_of_squares(parameter->grad.data(), parameter->grad.size());
  }
  const double norm = std::sqrt(squares);
  const double factor = max_norm / (norm + kNormOffset);
  if (!std::isfinite(norm) || factor >= 1.0) return norm;
  for (Parameter<Scalar>* parameter : parameters) {
    kernels::scale(parameter->grad.data(),
                   static_cast<Scalar>(factor),
                   parameter->grad.size());
  }
  return norm;
}

template <typename Scalar>
double clip_gradient_value(const std::vector<Parameter<Scalar>*>& parameters,
                           double max_value) {
  check_parameters("clip_gradient_value", parameters);
  internal::check_not_negative("clip_gradient_value", "value", max_value);
  double largest = 0.0;
  for (Parameter<Scalar>* parameter : parameters) {
    Matrix<Scalar>& grad = parameter->grad;
    const double magnitude =
        kernels::largest_magnitude(grad.data(), grad.size());
    if (!(magnitude <= largest) && !std::isnan(largest)) largest = magnitude;
    if (magnitude <= max_value) continue;
    kernels::clamp(grad.data(), static_cast<Scalar>(max_value), grad.size());
  }
  return largest;
}

template double clip_gradient_norm<float>(const std::vector<Parameter<float>*>&,
                                          double);
template double clip_gradient_norm<double>(
    const std::vector<Parameter<double>*>&, double);
template double clip_gradient_value<float>(
    const std::vector<Parameter<float>*>&, double);
template double clip_gradient_value<double>(
    const std::vector<Parameter<double>*>&, double);

}  // namespace nn
