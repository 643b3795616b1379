#include "nn/optimizers/sgd.h"

#include <cmath>
#include <utility>

#include "nn/check.h"

namespace nn {
namespace {

// One pass over memory that the update reads and writes once: the loops are
// bound by bandwidth, and free of branches so that the compiler vectorizes
// them.

template <typename Scalar>
void plain_update(Index size,
                  Scalar rate,
                  Scalar decay,
                  const Scalar* __restrict grad,
                  Scalar* __restrict w) {
  for (Index i = 0; i < size; ++i) {
    const Scalar g = grad[i] + decay * w[i];
    w[i] -= rate * g;
  }
}

template <typename Scalar>
void momentum_update(Index size,
                     Scalar rate,
                     Scalar decay,
                     Scalar momentum,
                     const Scalar* __restrict grad,
                     Scalar* __restrict v,
                     Scalar* __restrict w) {
  for (Index i = 0; i < size; ++i) {
    const Scalar g = grad[i] + decay * w[i];
    v[i] = momentum * v[i] + g;
    w[i] -= rate * v[i];
  }
}

template <typename Scalar>
void nesterov_update(Index size,
                     Scalar rate,
                     Scalar decay,
                     Scalar momentum,
                     const Scalar* __restrict grad,
                     Scalar* __restrict v,
                     Scalar* __restrict w) {
  for (Index i = 0; i < size; ++i) {
    const Scalar g = grad[i] + decay * w[i];
    v[i] = momentum * v[i] + g;
    w[i] -= rate * (g + momentum * v[i]);
  }
}

}  // namespace

template <typename Scalar>
Sgd<Scalar>::Sgd(std::vector<Parameter<Scalar>*> parameters,
                 const SgdOptions& options)
    : Optimizer<Scalar>(std::move(parameters), options.learning_rate),
      options_(options) {
  check_argument(options.momentum >= 0.0 && options.momentum < 1.0,
                 "[Sgd] expected a momentum of at least 0 and below 1, got ",
                 options.momentum);
  check_argument(
      std::isfinite(options.weight_decay) && options.weight_decay >= 0.0,
      "[Sgd] expected a finite weight decay of at least 0, got ",
      options.weight_decay);
  check_argument(!options.nesterov || options.momentum > 0.0,
                 "[Sgd] expected a momentum above 0 for Nesterov's form, got ",
                 options.momentum);
  if (options.momentum > 0.0) {
    velocity_.reserve(this->parameters().size());
    for (const Parameter<Scalar>* parameter : this->parameters()) {
      // From zero, the first step's momentum * v + g is g.
      velocity_.push_back(Matrix<Scalar>::Zero(parameter->value.rows(),
                                               parameter->value.cols()));
    }
  }
}

template <typename Scalar>
void Sgd<Scalar>::step() {
  const auto rate = static_cast<Scalar>(this->learning_rate());
  const auto decay = static_cast<Scalar>(options_.weight_decay);
  const auto momentum = static_cast<Scalar>(options_.momentum);
  for (std::size_t i = 0; i < this->parameters().size(); ++i) {
    Parameter<Scalar>& parameter = *this->parameters()[i];
    const Index size = parameter.value.size();
    check_argument(parameter.grad.size() == size &&
                       (velocity_.empty() || velocity_[i].size() == size),
                   "[Sgd] expected parameter ",
                   i,
                   " (",
                   parameter.name,
                   ") and its gradient to keep their size, got ",
                   size,
                   " values and a gradient of ",
                   parameter.grad.size());
    const Scalar* grad = parameter.grad.data();
    Scalar* w = parameter.value.data();
    if (velocity_.empty()) {
      plain_update(size, rate, decay, grad, w);
    } else if (options_.nesterov) {
      nesterov_update(
          size, rate, decay, momentum, grad, velocity_[i].data(), w);
    } else {
      momentum_update(
          size, rate, decay, momentum, grad, velocity_[i].data(), w);
    }
  }
}

template class Sgd<float>;
template class Sgd<double>;

}  // namespace nn
