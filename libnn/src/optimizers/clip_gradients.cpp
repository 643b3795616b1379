#include "nn/optimizers/clip_gradients.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "first_non_finite.h"
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

/// The norm, of numbers brought to a magnitude whose square is in range.
/// Throws std::runtime_error if a gradient is not finite.
template <typename Scalar>
double careful_norm(const std::vector<Parameter<Scalar>*>& parameters) {
  double largest = 0.0;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Matrix<Scalar>& grad = parameters[i]->grad;
    const Index place = internal::first_non_finite(grad.data(), grad.size());
    if (place >= 0) {
      throw std::runtime_error(
          concat("[clip_gradient_norm] expected finite gradients, got ",
                 grad.data()[place],
                 " in element ",
                 place,
                 " of parameter ",
                 i,
                 " (",
                 parameters[i]->name,
                 "); no gradient is changed"));
    }
    largest =
        std::max(largest, kernels::largest_magnitude(grad.data(), grad.size()));
  }
  if (largest == 0.0) return 0.0;
  double squares = 0.0;
  for (const Parameter<Scalar>* parameter : parameters) {
    for (Index i = 0; i < parameter->grad.size(); ++i) {
      const double share =
          static_cast<double>(parameter->grad.data()[i]) / largest;
      squares += share * share;
    }
  }
  return largest * std::sqrt(squares);
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
  double norm = std::sqrt(squares);
  // Also where squares of finite numbers overflow or vanish in double.
  if (!std::isnormal(squares)) norm = careful_norm(parameters);
  const double factor = max_norm / (norm + kNormOffset);
  if (factor >= 1.0) return norm;
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
