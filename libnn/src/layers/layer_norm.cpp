#include "nn/layers/layer_norm.h"

#include <cmath>
#include <utility>
#include <vector>

#include "kernels/layer_norm.h"
#include "nn/check.h"
#include "option_checks.h"

namespace nn {
namespace {

/// As PyTorch shapes it: the dimensions of a sample. Empty if not affine.
template <typename Scalar>
Parameter<Scalar> per_feature(const char* name,
                              const Shape& shape,
                              const LayerNormOptions& options) {
  if (!options.affine) return Parameter<Scalar>(name, {0}, 0, 1);
  std::vector<Index> dims{shape.channels};
  if (!shape.is_flat()) dims = {shape.channels, shape.height, shape.width};
  return Parameter<Scalar>(name, std::move(dims), shape.features(), 1);
}

}  // namespace

template <typename Scalar>
LayerNorm<Scalar>::LayerNorm(const Shape& input_shape,
                             const LayerNormOptions& options)
    : Layer<Scalar>(input_shape, input_shape),
      options_(options),
      weight_(per_feature<Scalar>("weight", input_shape, options)),
      bias_(per_feature<Scalar>("bias", input_shape, options)) {
  check_argument(options.eps > 0 && std::isfinite(options.eps),
                 "[LayerNorm] expected a positive eps, got ",
                 options.eps);
  internal::check_rounding<Scalar>("LayerNorm", "eps", options.eps);
}

template <typename Scalar>
std::string LayerNorm<Scalar>::describe() const {
  return concat("LayerNorm(",
                this->input_shape(),
                ", eps ",
                options_.eps,
                options_.affine ? ")" : ", not affine)");
}

template <typename Scalar>
Settings LayerNorm<Scalar>::settings() const {
  return {{"eps", options_.eps},
          {"elementwise_affine", options_.affine ? 1.0 : 0.0}};
}

template <typename Scalar>
std::vector<Parameter<Scalar>*> LayerNorm<Scalar>::parameters() {
  if (!options_.affine) return {};
  return {&weight_, &bias_};
}

template <typename Scalar>
void LayerNorm<Scalar>::initialize(Rng& /*rng*/) {
  weight_.value.setOnes();
  bias_.value.setZero();
}

template <typename Scalar>
MemoryNeeds LayerNorm<Scalar>::memory_needs(Index batch, Mode mode) const {
  if (mode == Mode::kInference) return {};
  // The mean of every sample, then 1 / sqrt(variance + eps) of every sample.
  const std::size_t saved = array_bytes(2, batch, sizeof(Scalar));
  if (!options_.affine) return {saved, 0};
  return {saved,
          kernels::sample_scratch_bytes<Scalar>(this->input_shape().features(),
                                                batch)};
}

template <typename Scalar>
void LayerNorm<Scalar>::do_forward(ConstView<Scalar> x,
                                   View<Scalar> y,
                                   Mode mode,
                                   PassMemory memory) const {
  Scalar* mean = nullptr;
  Scalar* inverse_std = nullptr;
  if (mode == Mode::kTraining) {
    mean = reinterpret_cast<Scalar*>(memory.saved);
    inverse_std = mean + x.cols();
  }
  kernels::sample_normalize<Scalar>({x.rows(),
                                     x.cols(),
                                     x.data(),
                                     static_cast<Scalar>(options_.eps),
                                     affine(weight_),
                                     affine(bias_),
                                     y.data(),
                                     mean,
                                     inverse_std});
}

template <typename Scalar>
void LayerNorm<Scalar>::do_backward(ConstView<Scalar> x,
                                    ConstView<Scalar> /*y*/,
                                    ConstView<Scalar> dy,
                                    View<Scalar> dx,
                                    PassMemory memory) {
  const auto* mean = reinterpret_cast<const Scalar*>(memory.saved);
  const kernels::SampleNormGradientArgs<Scalar> args{
      x.rows(),
      x.cols(),
      x.data(),
      dy.data(),
      affine(weight_),
      mean,
      /*inverse_std=*/mean + x.cols(),
      dx.data(),
      weight_.grad.data(),
      bias_.grad.data(),
      memory.scratch};
  if (options_.affine) kernels::sample_normalize_parameters(args);
  if (dx.size() > 0) kernels::sample_normalize_backward(args);
}

template class LayerNorm<float>;
template class LayerNorm<double>;

}  // namespace nn
