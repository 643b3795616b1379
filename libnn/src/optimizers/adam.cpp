#include "nn/optimizers/adam.h"

#include <cmath>
#include <utility>

#include "kernels/optimizers.h"
#include "option_checks.h"

namespace nn {
namespace internal {

template <typename Scalar>
AdamBase<Scalar>::AdamBase(const char* who,
                           std::vector<Parameter<Scalar>*> parameters,
                           const AdamOptions& options,
                           bool is_decoupled)
    : Optimizer<Scalar>(
          std::move(parameters), options.learning_rate, options.weight_decay),
      kind_(who),
      options_(options),
      is_decoupled_(is_decoupled) {
  check_decay_rate(who, "beta1", options.beta1);
  check_decay_rate(who, "beta2", options.beta2);
  check_not_negative(who, "epsilon", options.epsilon);
  check_rounding<Scalar>(who, "epsilon", options.epsilon);
  mean_ = Matrix<Scalar>::Zero(this->element_count(), 1);
  square_ = Matrix<Scalar>::Zero(this->element_count(), 1);
  if (options.amsgrad) {
    largest_ = Matrix<Scalar>::Zero(this->element_count(), 1);
  }
}

template <typename Scalar>
void AdamBase<Scalar>::step() {
  const auto t = static_cast<double>(steps_ + 1);
  const double bias1 = 1.0 - std::pow(options_.beta1, t);
  const double bias2 = 1.0 - std::pow(options_.beta2, t);
  this->for_each_slice([&](const Slice& slice) {
    const double decay = is_decoupled_ ? 0.0 : slice.weight_decay;
    const double shrink =
        is_decoupled_ ? 1.0 - slice.learning_rate * slice.weight_decay : 1.0;
    kernels::AdamArgs<Scalar> args;
    args.weight_decay = static_cast<Scalar>(decay);
    args.l1 = static_cast<Scalar>(slice.l1);
    args.shrink = static_cast<Scalar>(shrink);
    args.beta1 = static_cast<Scalar>(options_.beta1);
    args.rest1 = static_cast<Scalar>(1.0 - options_.beta1);
    args.beta2 = static_cast<Scalar>(options_.beta2);
    args.rest2 = static_cast<Scalar>(1.0 - options_.beta2);
    args.step_size = static_cast<Scalar>(slice.learning_rate / bias1);
    args.root = static_cast<Scalar>(1.0 / std::sqrt(bias2));
    args.epsilon = static_cast<Scalar>(options_.epsilon);
    args.grad = slice.grad;
    args.value = slice.value;
    args.mean = mean_.data() + slice.offset;
    args.square = square_.data() + slice.offset;
    args.largest =
        largest_.size() == 0 ? nullptr : largest_.data() + slice.offset;
    args.count = slice.count;
    kernels::adam_update(args);
  });
  // After the slices, so that a refused step leaves no trace.
  ++steps_;
}

template <typename Scalar>
OptimizerState<Scalar> AdamBase<Scalar>::state() {
  OptimizerState<Scalar> state;
  state.kind = kind_;
  state.arrays = {{"exp_avg", &mean_}, {"exp_avg_sq", &square_}};
  if (largest_.size() != 0) {
    state.arrays.push_back({"max_exp_avg_sq", &largest_});
  }
  state.steps = &steps_;
  return state;
}

template class AdamBase<float>;
template class AdamBase<double>;

}  // namespace internal

template <typename Scalar>
Adam<Scalar>::Adam(std::vector<Parameter<Scalar>*> parameters,
                   const AdamOptions& options)
    : internal::AdamBase<Scalar>(
          "Adam", std::move(parameters), options, /*is_decoupled=*/false) {}

template <typename Scalar>
AdamW<Scalar>::AdamW(std::vector<Parameter<Scalar>*> parameters,
                     const AdamWOptions& options)
    : internal::AdamBase<Scalar>("AdamW",
                                 std::move(parameters),
                                 {options.learning_rate,
                                  options.beta1,
                                  options.beta2,
                                  options.epsilon,
                                  options.weight_decay,
                                  options.amsgrad},
                                 /*is_decoupled=*/true) {}

template class Adam<float>;
template class Adam<double>;
template class AdamW<float>;
template class AdamW<double>;

}  // namespace nn
