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
    kernels::RmsPropArgs<Scalar> args;
    args.weight_decay = static_cast<Scalar>(slice.weight_decay);
    args.l1 = static_cast<Scalar>(slice.l1);
    args.learning_rate = static_cast<Scalar>(slice.learning_rate);
    args.alpha = static_cast<Scalar>(options_.alpha);
    args.rest = static_cast<Scalar>(1.0 - options_.alpha);
    args.epsilon = static_cast<Scalar>(options_.epsilon);
    args.momentum = static_cast<Scalar>(options_.momentum);
    const auto part_of = [&slice](Matrix<Scalar>& state) {
      return state.size() == 0 ? nullptr : state.data() + slice.offset;
    };
    args.grad = slice.grad;
    args.value = slice.value;
    args.square = part_of(square_);
    args.mean = part_of(mean_);
    args.velocity = part_of(velocity_);
    args.count = slice.count;
    kernels::rmsprop_update(args);
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
