#include "nn/optimizers/adagrad.h"

#include <utility>

#include "kernels/optimizers.h"
#include "option_checks.h"

namespace nn {

template <typename Scalar>
Adagrad<Scalar>::Adagrad(std::vector<Parameter<Scalar>*> parameters,
                         const AdagradOptions& options)
    : Optimizer<Scalar>(
          std::move(parameters), options.learning_rate, options.weight_decay),
      options_(options) {
  using internal::check_not_negative;
  check_not_negative(
      "Adagrad", "learning rate decay", options.learning_rate_decay);
  check_not_negative(
      "Adagrad", "initial accumulator", options.initial_accumulator);
  check_not_negative("Adagrad", "epsilon", options.epsilon);
  internal::check_rounding<Scalar>("Adagrad", "epsilon", options.epsilon);
  internal::check_rounding<Scalar>(
      "Adagrad", "initial accumulator", options.initial_accumulator);
  sum_ = Matrix<Scalar>::Constant(
      this->element_count(),
      1,
      static_cast<Scalar>(options.initial_accumulator));
}

template <typename Scalar>
void Adagrad<Scalar>::step() {
  const double slowdown =
      1.0 + static_cast<double>(steps_) * options_.learning_rate_decay;
  this->for_each_slice([&](const Slice& slice) {
    kernels::AdagradArgs<Scalar> args;
    args.weight_decay = static_cast<Scalar>(slice.weight_decay);
    args.l1 = static_cast<Scalar>(slice.l1);
    args.learning_rate = static_cast<Scalar>(slice.learning_rate / slowdown);
    args.epsilon = static_cast<Scalar>(options_.epsilon);
    args.grad = slice.grad;
    args.value = slice.value;
    args.sum = sum_.data() + slice.offset;
    args.count = slice.count;
    kernels::adagrad_update(args);
  });
  // After the slices, so that a refused step leaves no trace.
  ++steps_;
}

template <typename Scalar>
OptimizerState<Scalar> Adagrad<Scalar>::state() {
  return {"Adagrad", {{"sum", &sum_}}, &steps_};
}

template class Adagrad<float>;
template class Adagrad<double>;

}  // namespace nn
