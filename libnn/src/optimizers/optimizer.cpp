#include "nn/optimizers/optimizer.h"

#include <cmath>
#include <utility>

#include "nn/check.h"

namespace nn {

template <typename Scalar>
Optimizer<Scalar>::Optimizer(std::vector<Parameter<Scalar>*> parameters,
                             double learning_rate)
    : parameters_(std::move(parameters)), learning_rate_(0.0) {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    check_argument(parameters_[i] != nullptr,
                   "[Optimizer] expected a parameter at place ",
                   i,
                   ", got a null pointer");
  }
  set_learning_rate(learning_rate);
}

template <typename Scalar>
void Optimizer<Scalar>::set_learning_rate(double learning_rate) {
  check_argument(std::isfinite(learning_rate) && learning_rate >= 0.0,
                 "[Optimizer] expected a finite learning rate of at least 0, "
                 "got ",
                 learning_rate);
  learning_rate_ = learning_rate;
}

template class Optimizer<float>;
template class Optimizer<double>;

}  // namespace nn
