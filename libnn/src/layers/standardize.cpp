#include "nn/layers/standardize.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "kernels/batch_norm.h"
#include "nn/buffer.h"
#include "nn/check.h"

namespace nn {
namespace {

constexpr Index kArrays = 2;  // what is multiplied by, and zeros

template <typename Scalar>
std::size_t arrays_bytes(Index channels) {
  return sizeof(Scalar) * static_cast<std::size_t>(kArrays * channels);
}

/// Whether Scalar holds this positive number with all digits.
template <typename Scalar>
bool is_normal(double value) {
  return value >= double(std::numeric_limits<Scalar>::min()) &&
         value <= double(std::numeric_limits<Scalar>::max());
}

/// A file may have brought any numbers.
template <typename Scalar>
void check_deviations(const Scalar* deviation, Index channels) {
  for (Index c = 0; c < channels; ++c) {
    check_argument(is_normal<Scalar>(static_cast<double>(deviation[c])),
                   "[Standardize] expected deviations above 0 that can be "
                   "divided by, got ",
                   deviation[c],
                   " for channel ",
                   c);
  }
}

}  // namespace

template <typename Scalar>
Standardize<Scalar>::Standardize(const Shape& input_shape, StandardizeForm form)
    : Layer<Scalar>(input_shape, input_shape),
      form_(form),
      mean_(Parameter<Scalar>::buffer(
          "mean", {input_shape.channels}, input_shape.channels, 1)),
      deviation_(Parameter<Scalar>::buffer(
          "deviation", {input_shape.channels}, input_shape.channels, 1)) {
  deviation_.value.setOnes();
}

template <typename Scalar>
Standardize<Scalar>::Standardize(const Shape& input_shape,
                                 const Moments& moments,
                                 StandardizeForm form)
    : Standardize(input_shape, form) {
  fit(moments);
}

template <typename Scalar>
void Standardize<Scalar>::fit(const Moments& moments) {
  const Index features = this->input_shape().features();
  check_argument(moments.size() == features || moments.size() == channels(),
                 "[Standardize] expected moments of ",
                 features,
                 " features for input ",
                 this->input_shape(),
                 ", got those of ",
                 moments.size());
  const Moments all =
      moments.size() == channels() ? moments : moments.of_groups(channels());
  const std::vector<double> mean = all.mean();
  const std::vector<double> deviation = all.deviation();
  for (std::size_t c = 0; c < mean.size(); ++c) {
    const bool fits =
        std::abs(mean[c]) <= double(std::numeric_limits<Scalar>::max()) &&
        is_normal<Scalar>(deviation[c]) && is_normal<Scalar>(1 / deviation[c]);
    check_argument(
        fits,
        "[Standardize] expected a mean and a deviation that ",
        std::is_same_v<Scalar, float> ? "float" : "double",
        " can hold and divide by, got ",
        mean[c],
        " and ",
        deviation[c],
        this->input_shape().is_flat() ? " for feature " : " for channel ",
        c,
        "; another unit of it may do");
  }
  for (Index c = 0; c < channels(); ++c) {
    const auto place = static_cast<std::size_t>(c);
    mean_.value(c, 0) = static_cast<Scalar>(mean[place]);
    deviation_.value(c, 0) = static_cast<Scalar>(deviation[place]);
  }
}

template <typename Scalar>
std::string Standardize<Scalar>::describe() const {
  return concat("Standardize(",
                channels(),
                form_ == StandardizeForm::kInverse ? ", inverse)" : ")");
}

template <typename Scalar>
Settings Standardize<Scalar>::settings() const {
  return {{"inverse", form_ == StandardizeForm::kInverse ? 1.0 : 0.0}};
}

template <typename Scalar>
std::vector<Parameter<Scalar>*> Standardize<Scalar>::buffers() {
  return {&mean_, &deviation_};
}

template <typename Scalar>
MemoryNeeds Standardize<Scalar>::memory_needs(Index /*batch*/,
                                              Mode /*mode*/) const {
  return {0, arrays_bytes<Scalar>(channels())};
}

template <typename Scalar>
void Standardize<Scalar>::do_forward(ConstView<Scalar> x,
                                     View<Scalar> y,
                                     Mode /*mode*/,
                                     PassMemory memory) const {
  const Index c = channels();
  const Scalar* const mean = mean_.value.data();
  const Scalar* const deviation = deviation_.value.data();
  check_deviations(deviation, c);
  auto* const factors = reinterpret_cast<Scalar*>(memory.scratch);
  Scalar* const zeros = factors + c;
  std::fill_n(zeros, c, Scalar(0));
  kernels::ChannelAffineArgs<Scalar> args{
      {c, this->input_shape().features() / c, x.cols()},
      x.data(),
      /*mean=*/zeros,
      /*scale=*/deviation,
      /*shift=*/mean,
      y.data()};
  if (form_ == StandardizeForm::kForward) {
    for (Index i = 0; i < c; ++i) factors[i] = Scalar(1) / deviation[i];
    args.mean = mean;
    args.scale = factors;
    args.shift = zeros;
  }
  kernels::channel_affine(args);
}

template <typename Scalar>
void Standardize<Scalar>::do_backward(ConstView<Scalar> /*x*/,
                                      ConstView<Scalar> /*y*/,
                                      ConstView<Scalar> dy,
                                      View<Scalar> dx,
                                      PassMemory memory) {
  if (dx.size() == 0) return;
  const Index c = channels();
  const Scalar* const deviation = deviation_.value.data();
  auto* const factors = reinterpret_cast<Scalar*>(memory.scratch);
  Scalar* const zeros = factors + c;
  std::fill_n(zeros, c, Scalar(0));
  for (Index i = 0; i < c; ++i) {
    factors[i] = form_ == StandardizeForm::kForward ? Scalar(1) / deviation[i]
                                                    : deviation[i];
  }
  kernels::channel_affine<Scalar>(
      {{c, this->input_shape().features() / c, dy.cols()},
       dy.data(),
       /*mean=*/zeros,
       /*scale=*/factors,
       /*shift=*/zeros,
       dx.data()});
}

template class Standardize<float>;
template class Standardize<double>;

}  // namespace nn
