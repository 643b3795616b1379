#include "nn/optimizers/rmsprop.h"

#include <utility>

#include "kernels/optimizers.h"
#include "option_checks.h"

namespace nn {

template <typename Scalar>
RmsProp<Scalar>::RmsProp(std::vector<Parameter<Scalar>*> parameters,
                         const RmsPropOptions& options)
    : Optimizer<Scalar>(
          std::move(parameters), options.learning_rate, options.weight_decay),
      options_(options) {
  internal::check_decay_rate("RmsProp", "alpha", options.alpha);
  internal::check_decay_rate("RmsProp", "a momentum", options.momentum);
  internal::check_not_negative("RmsProp", "epsilon", options.epsilon);
  internal::check_rounding<Scalar>("RmsProp", "epsilon", options.epsilon);
  const Index count = this->element_count();
  square_ = Matrix<Scalar>::Zero(count, 1);
  if (options.centered) mean_ = Matrix<Scalar>::Zero(count, 1);
  if (options.momentum > 0.0) velocity_ = Matrix<Scalar>::Zero(count, 1);
}

template <typename Scalar>
void RmsProp<Scalar>::step() {
  this->for_each_slice([this](const Slice& slice) {
    kernels::RmsPropUpdate<Scalar> update;
    update.weight_decay = static_cast<Scalar>(slice.weight_decay);
    update.l1 = static_cast<Scalar>(slice.l1);
    update.learning_rate = static_cast<Scalar>(slice.learning_rate);
    update.alpha = static_cast<Scalar>(options_.alpha);
    update.rest = static_cast<Scalar>(1.0 - options_.alpha);
    update.epsilon = static_cast<Scalar>(options_.epsilon);
    update.momentum = static_cast<Scalar>(options_.momentum);
    const auto part_of = [&slice](Matrix<Scalar>& state) {
      return state.size() == 0 ? nullptr : state.data() + slice.offset;
    };
    kernels::rmsprop_update(update,
                            slice.grad,
                            slice.value,
                            part_of(square_),
                            part_of(mean_),
                            part_of(velocity_),
                            slice.count);
  });
}

template <typename Scalar>
OptimizerState<Scalar> RmsProp<Scalar>::state() {
  OptimizerState<Scalar> state;
  state.kind = "RmsProp";
  state.arrays.push_back({"square_avg", &square_});
  if (mean_.size() != 0) state.arrays.push_back({"grad_avg", &mean_});
  if (velocity_.size() != 0) {
    state.arrays.push_back({"momentum_buffer", &velocity_});
  }
  return state;
}

template class RmsProp<float>;
template class RmsProp<double>;

}  // namespace nn
