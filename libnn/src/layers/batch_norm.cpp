#include "nn/layers/batch_norm.h"

#include <cmath>
#include <stdexcept>

#include "kernels/batch_norm.h"
#include "nn/buffer.h"
#include "nn/check.h"
#include "option_checks.h"

namespace nn {
namespace {

/// A pass has a few numbers a channel: array `i` of them.
template <typename Scalar>
Scalar* channel_array(std::byte* start, Index channels, Index i) {
  return reinterpret_cast<Scalar*>(start) + i * channels;
}
template <typename Scalar>
std::size_t channel_arrays_bytes(Index channels, Index arrays) {
  return aligned_size(sizeof(Scalar) *
                      static_cast<std::size_t>(channels * arrays));
}

constexpr Index kSavedArrays = 3;    // mean, variance, 1 / sqrt(variance + eps)
constexpr Index kForwardArrays = 3;  // 1 / sqrt(variance + eps), scale, shift
constexpr Index kBackwardArrays = 5;  // both sums; scale, mean of dy, slope

}  // namespace

template <typename Scalar>
BatchNorm<Scalar>::BatchNorm(const char* who,
                             const Shape& input_shape,
                             Index channels,
                             const BatchNormOptions& options)
    : Layer<Scalar>(input_shape, input_shape),
      options_(options),
      weight_("weight", {channels}, channels, 1),
      bias_("bias", {channels}, channels, 1),
      running_mean_(
          Parameter<Scalar>::buffer("running_mean", {channels}, channels, 1)),
      running_var_(
          Parameter<Scalar>::buffer("running_var", {channels}, channels, 1)),
      num_batches_tracked_(Parameter<Scalar>::counter("num_batches_tracked")) {
  check_argument(options.eps > 0 && std::isfinite(options.eps),
                 "[",
                 who,
                 "] expected a positive eps, got ",
                 options.eps);
  internal::check_rounding<Scalar>(who, "eps", options.eps);
  check_argument(
      !options.momentum || (*options.momentum >= 0 && *options.momentum <= 1),
      "[",
      who,
      "] expected a momentum from 0 to 1, got ",
      options.momentum.value_or(0));
}

template <typename Scalar>
std::string BatchNorm<Scalar>::describe() const {
  std::string text = concat(this->name(), "(", channels());
  text += concat(", eps ", options_.eps, ", momentum ");
  text += options_.momentum ? concat(*options_.momentum) : "none";
  return text + (options_.affine ? ")" : ", not affine)");
}

template <typename Scalar>
Settings BatchNorm<Scalar>::settings() const {
  Settings settings{{"eps", options_.eps},
                    {"affine", options_.affine ? 1.0 : 0.0}};
  if (options_.momentum) settings["momentum"] = *options_.momentum;
  return settings;
}

template <typename Scalar>
std::vector<Parameter<Scalar>*> BatchNorm<Scalar>::parameters() {
  if (!options_.affine) return {};
  return {&weight_, &bias_};
}

template <typename Scalar>
std::vector<Parameter<Scalar>*> BatchNorm<Scalar>::buffers() {
  return {&running_mean_, &running_var_, &num_batches_tracked_};
}

template <typename Scalar>
void BatchNorm<Scalar>::initialize(Rng& /*rng*/) {
  weight_.value.setOnes();
  bias_.value.setZero();
  running_mean_.value.setZero();
  running_var_.value.setOnes();
  num_batches_tracked_.value.setZero();
}

template <typename Scalar>
MemoryNeeds BatchNorm<Scalar>::memory_needs(Index batch, Mode mode) const {
  const Index c = channels();
  const std::size_t forward = channel_arrays_bytes<Scalar>(c, kForwardArrays);
  if (mode == Mode::kInference) return {0, forward};
  const std::size_t sums =
      kernels::channel_scratch_bytes<Scalar>({c, pixels(), batch});
  return {channel_arrays_bytes<Scalar>(c, kSavedArrays),
          channel_arrays_bytes<Scalar>(c, kBackwardArrays) + sums};
}

template <typename Scalar>
void BatchNorm<Scalar>::do_forward(ConstView<Scalar> x,
                                   View<Scalar> y,
                                   Mode mode,
                                   PassMemory memory) const {
  const Index c = channels();
  const kernels::ChannelGeometry g{c, pixels(), x.cols()};
  const auto array = [c](std::byte* start, Index i) {
    return channel_array<Scalar>(start, c, i);
  };
  const Scalar* mean = running_mean_.value.data();
  const Scalar* variance = running_var_.value.data();
  Scalar* inverse_std = array(memory.scratch, 0);
  Scalar* scale = array(memory.scratch, 1);
  Scalar* shift = array(memory.scratch, 2);
  if (mode == Mode::kTraining) {
    if (g.count() < 2) {
      check_argument(false,
                     "[",
                     this->name(),
                     "] expected more than one value of a channel in training, "
                     "got a batch of 1 for input ",
                     this->input_shape());
    }
    Scalar* batch_mean = array(memory.saved, 0);
    Scalar* batch_variance = array(memory.saved, 1);
    kernels::channel_moments<Scalar>(
        {g,
         x.data(),
         batch_mean,
         batch_variance,
         memory.scratch + channel_arrays_bytes<Scalar>(c, kForwardArrays)});
    mean = batch_mean;
    variance = batch_variance;
    inverse_std = array(memory.saved, 2);
  }
  const auto eps = static_cast<Scalar>(options_.eps);
  for (Index i = 0; i < c; ++i) {
    inverse_std[i] = Scalar(1) / std::sqrt(variance[i] + eps);
    scale[i] = inverse_std[i] * (options_.affine ? weight_.value(i, 0) : 1);
    shift[i] = options_.affine ? bias_.value(i, 0) : 0;
  }
  kernels::channel_affine<Scalar>({g, x.data(), mean, scale, shift, y.data()});
}

template <typename Scalar>
void BatchNorm<Scalar>::check_moments(const Scalar* mean,
                                      const Scalar* variance,
                                      Scalar unbias) const {
  // One value that is not finite would stay in the running ones for ever.
  for (Index i = 0; i < channels(); ++i) {
    if (std::isfinite(mean[i]) && std::isfinite(variance[i] * unbias)) continue;
    throw std::runtime_error(
        concat("[",
               this->name(),
               "] expected a batch of finite mean and variance, got ",
               mean[i],
               " and ",
               variance[i],
               " in channel ",
               i,
               " of ",
               channels(),
               "; the running statistics stay as they were"));
  }
}

template <typename Scalar>
void BatchNorm<Scalar>::do_backward(ConstView<Scalar> x,
                                    ConstView<Scalar> /*y*/,
                                    ConstView<Scalar> dy,
                                    View<Scalar> dx,
                                    PassMemory memory) {
  const Index channel_count = channels();
  const kernels::ChannelGeometry g{channel_count, pixels(), x.cols()};
  const auto array = [channel_count](std::byte* start, Index i) {
    return channel_array<Scalar>(start, channel_count, i);
  };
  const Scalar* mean = array(memory.saved, 0);
  const Scalar* variance = array(memory.saved, 1);
  const Scalar* inverse_std = array(memory.saved, 2);
  Scalar* sum = array(memory.scratch, 0);
  Scalar* weighted_sum = array(memory.scratch, 1);
  Scalar* scale = array(memory.scratch, 2);
  Scalar* mean_dy = array(memory.scratch, 3);
  Scalar* slope = array(memory.scratch, 4);
  const auto count = static_cast<Scalar>(g.count());
  const Scalar unbias = count / (count - 1);
  check_moments(mean, variance, unbias);
  kernels::channel_gradients<Scalar>(
      {g,
       x.data(),
       dy.data(),
       mean,
       sum,
       weighted_sum,
       memory.scratch +
           channel_arrays_bytes<Scalar>(channel_count, kBackwardArrays)});

  for (Index i = 0; i < channel_count; ++i) {
    const Scalar r = inverse_std[i];
    Scalar weight = 1;
    if (options_.affine) {
      weight = weight_.value(i, 0);
      weight_.grad(i, 0) = r * weighted_sum[i];
      bias_.grad(i, 0) = sum[i];
    }
    scale[i] = weight * r;
    mean_dy[i] = sum[i] / count;
    slope[i] = -r * r * weighted_sum[i] / count;
  }
  if (dx.size() > 0) {
    kernels::channel_input_gradient<Scalar>(
        {g, x.data(), dy.data(), mean, scale, mean_dy, slope, dx.data()});
  }

  Scalar& batches = num_batches_tracked_.value(0, 0);
  batches += 1;
  const Scalar share =
      options_.momentum ? static_cast<Scalar>(*options_.momentum) : 1 / batches;
  for (Index i = 0; i < channel_count; ++i) {
    Scalar& running_mean = running_mean_.value(i, 0);
    Scalar& running_var = running_var_.value(i, 0);
    const Scalar unbiased = variance[i] * unbias;
    running_mean = (1 - share) * running_mean + share * mean[i];
    running_var = (1 - share) * running_var + share * unbiased;
  }
}

template <typename Scalar>
BatchNorm1d<Scalar>::BatchNorm1d(const Shape& input_shape,
                                 const BatchNormOptions& options)
    : BatchNorm<Scalar>(
          "BatchNorm1d", input_shape, input_shape.features(), options) {}

template <typename Scalar>
BatchNorm2d<Scalar>::BatchNorm2d(const Shape& input_shape,
                                 const BatchNormOptions& options)
    : BatchNorm<Scalar>(
          "BatchNorm2d", input_shape, input_shape.channels, options) {}

template class BatchNorm<float>;
template class BatchNorm<double>;
template class BatchNorm1d<float>;
template class BatchNorm1d<double>;
template class BatchNorm2d<float>;
template class BatchNorm2d<double>;

}  // namespace nn
