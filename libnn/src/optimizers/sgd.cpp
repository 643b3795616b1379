#include "nn/optimizers/sgd.h"

#include <utility>

#include "kernels/optimizers.h"
#include "nn/check.h"
#include "option_checks.h"

namespace nn {
template <typename Scalar>
Sgd<Scalar>::Sgd(std::vector<Parameter<Scalar>*> parameters,
                 const SgdOptions& options)
    : Optimizer<Scalar>(
          std::move(parameters), options.learning_rate, options.weight_decay),
      options_(options) {
  internal::check_decay_rate("Sgd", "a momentum", options.momentum);
  check_argument(!options.nesterov || options.momentum > 0.0,
                 "[Sgd] expected a momentum above 0 for Nesterov's form, got ",
                 options.momentum);
  if (options.momentum > 0.0) {
    // From zero, the first step's momentum * v + g is g.
    velocity_ = Matrix<Scalar>::Zero(this->element_count(), 1);
  }
}

template <typename Scalar>
void Sgd<Scalar>::step() {
  this->for_each_slice([this](const Slice& slice) {
    kernels::sgd_update<Scalar>(
        {static_cast<Scalar>(slice.weight_decay),
         static_cast<Scalar>(slice.l1),
         static_cast<Scalar>(slice.learning_rate),
         static_cast<Scalar>(options_.momentum),
         options_.nesterov,
         slice.grad,
         slice.value,
         velocity_.size() == 0 ? nullptr : velocity_.data() + slice.offset,
         slice.count});
  });
}

template <typename Scalar>
OptimizerState<Scalar> Sgd<Scalar>::state() {
  OptimizerState<Scalar> state;
  state.kind = "Sgd";
  if (velocity_.size() != 0) {
    state.arrays.push_back({"momentum_buffer", &velocity_});
  }
  return state;
}

template class Sgd<float>;
template class Sgd<double>;

}  // namespace nn
