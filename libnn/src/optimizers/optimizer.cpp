#include "nn/optimizers/optimizer.h"

#include <algorithm>
#include <utility>

#include "nn/check.h"
#include "option_checks.h"

namespace nn {

template <typename Scalar>
Optimizer<Scalar>::Optimizer(std::vector<Parameter<Scalar>*> parameters,
                             double learning_rate,
                             double weight_decay)
    : parameters_(std::move(parameters)),
      learning_rate_(0.0),
      weight_decay_(weight_decay),
      groups_(parameters_.size()) {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Parameter<Scalar>* parameter = parameters_[i];
    check_argument(parameter != nullptr,
                   "[Optimizer] expected a parameter at place ",
                   i,
                   ", got a null pointer");
    const auto place = parameters_.begin() + static_cast<std::ptrdiff_t>(i);
    const auto twin = std::find(parameters_.begin(), place, parameters_[i]);
    check_argument(twin == place,
                   "[Optimizer] expected every parameter once, got that of "
                   "place ",
                   twin - parameters_.begin(),
                   " at place ",
                   i,
                   " again");
    offsets_.push_back(element_count_);
    const Index size = parameter->value.size();
    for (Index first = 0; first < size; first += kSliceSize) {
      pieces_.push_back({i, first, std::min(kSliceSize, size - first)});
    }
    element_count_ += size;
  }
  offsets_.push_back(element_count_);
  set_learning_rate(learning_rate);
  internal::check_not_negative("Optimizer", "weight decay", weight_decay);
}

template <typename Scalar>
void Optimizer<Scalar>::set_learning_rate(double learning_rate) {
  internal::check_not_negative("Optimizer", "learning rate", learning_rate);
  learning_rate_ = learning_rate;
}

template <typename Scalar>
void Optimizer<Scalar>::set_group(
    const std::vector<Parameter<Scalar>*>& parameters,
    const GroupOptions& options) {
  using internal::check_not_negative;
  check_not_negative(
      "Optimizer", "learning rate scale", options.learning_rate_scale);
  check_not_negative(
      "Optimizer", "weight decay", options.weight_decay.value_or(0.0));
  check_not_negative("Optimizer", "L1 penalty", options.l1);
  const auto place_of = [this](const Parameter<Scalar>* parameter) {
    return static_cast<std::size_t>(
        std::find(parameters_.begin(), parameters_.end(), parameter) -
        parameters_.begin());
  };
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    check_argument(place_of(parameters[i]) < parameters_.size(),
                   "[Optimizer] expected a group of the optimizer's "
                   "parameters, got another at place ",
                   i);
  }
  for (const Parameter<Scalar>* parameter : parameters) {
    groups_[place_of(parameter)] = options;
  }
}

template <typename Scalar>
void Optimizer<Scalar>::check_sizes() const {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Parameter<Scalar>& parameter = *parameters_[i];
    const Index size = offsets_[i + 1] - offsets_[i];
    check_argument(
        parameter.value.size() == size && parameter.grad.size() == size,
        "[Optimizer] expected parameter ",
        i,
        " (",
        parameter.name,
        ") and its gradient to keep their size of ",
        size,
        ", got ",
        parameter.value.size(),
        " values and a gradient of ",
        parameter.grad.size());
  }
}

template <typename Scalar>
typename Optimizer<Scalar>::Slice Optimizer<Scalar>::slice(Index i) const {
  const Piece& piece = pieces_[static_cast<std::size_t>(i)];
  Parameter<Scalar>& parameter = *parameters_[piece.parameter];
  const GroupOptions& group = groups_[piece.parameter];
  return {parameter.grad.data() + piece.first,
          parameter.value.data() + piece.first,
          piece.count,
          offsets_[piece.parameter] + piece.first,
          learning_rate_ * group.learning_rate_scale,
          group.weight_decay.value_or(weight_decay_),
          group.l1};
}

template class Optimizer<float>;
template class Optimizer<double>;

}  // namespace nn
