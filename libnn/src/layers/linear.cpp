#include "nn/layers/linear.h"

#include "kernels/elementwise.h"
#include "kernels/linear.h"
#include "nn/check.h"
#include "nn/network/initializers.h"

namespace nn {

template <typename Scalar>
Linear<Scalar>::Linear(const Shape& input_shape, Index units)
    : Layer<Scalar>(
          input_shape,
          (check_argument(
               units >= 1, "[Linear] expected at least 1 unit, got ", units),
           Shape{units}),
          kLibraryKind),
      weight_("weight",
              {units, input_shape.features()},
              input_shape.features(),
              units),
      bias_("bias", {units}, units, 1) {}

template <typename Scalar>
std::string Linear<Scalar>::describe() const {
  return concat(
      "Linear(", weight_.value.rows(), " -> ", weight_.value.cols(), ")");
}

template <typename Scalar>
Settings Linear<Scalar>::settings() const {
  return {{"out_features", static_cast<double>(weight_.value.cols())}};
}

template <typename Scalar>
std::vector<Parameter<Scalar>*> Linear<Scalar>::parameters() {
  return {&weight_, &bias_};
}

template <typename Scalar>
void Linear<Scalar>::initialize(Rng& rng) {
  fan_in_uniform(view(weight_.value), weight_.value.rows(), rng);
  fan_in_uniform(view(bias_.value), weight_.value.rows(), rng);
}

template <typename Scalar>
MemoryNeeds Linear<Scalar>::memory_needs(Index batch, Mode /*mode*/) const {
  return {0,
          kernels::linear_scratch_bytes<Scalar>(this->input_shape().features(),
                                                this->output_shape().features(),
                                                batch)};
}

template <typename Scalar>
void Linear<Scalar>::do_forward(ConstView<Scalar> x,
                                View<Scalar> y,
                                Mode /*mode*/,
                                PassMemory memory) const {
  kernels::linear_forward(x,
                          view(weight_.value),
                          view(bias_.value),
                          y,
                          /*relu=*/false,
                          memory.scratch);
}

template <typename Scalar>
void Linear<Scalar>::do_backward(ConstView<Scalar> x,
                                 ConstView<Scalar> /*y*/,
                                 ConstView<Scalar> dy,
                                 View<Scalar> dx,
                                 PassMemory memory) {
  kernels::row_sums(dy.data(), dy.rows(), dy.cols(), bias_.grad.data());
  kernels::linear_backward(x,
                           as_const(view(weight_.value)),
                           dy,
                           dx,
                           view(weight_.grad),
                           memory.scratch);
}

template class Linear<float>;
template class Linear<double>;

}  // namespace nn
