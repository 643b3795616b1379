#include "swish.h"

#include <cmath>

#include "nn/check.h"

template <typename Scalar>
Swish<Scalar>::Swish(const nn::Shape& input_shape, double slope)
    : nn::Layer<Scalar>(input_shape, input_shape),
      initial_slope_(slope),
      slope_("slope", {1}, 1, 1) {
  nn::check_argument(
      std::isfinite(slope), "[Swish] expected a finite slope, got ", slope);
}

template <typename Scalar>
std::vector<nn::Parameter<Scalar>*> Swish<Scalar>::parameters() {
  return {&slope_};
}

template <typename Scalar>
void Swish<Scalar>::initialize(nn::Rng& /*rng*/) {
  slope_.value(0, 0) = static_cast<Scalar>(initial_slope_);
}

template <typename Scalar>
nn::MemoryNeeds Swish<Scalar>::memory_needs(nn::Index batch,
                                            nn::Mode mode) const {
  if (mode == nn::Mode::kInference) return {};
  // backward() reads every s again: exp() costs more than the memory.
  const nn::Index count = this->input_shape().features() * batch;
  return {sizeof(Scalar) * static_cast<std::size_t>(count), 0};
}

template <typename Scalar>
void Swish<Scalar>::do_forward(nn::ConstView<Scalar> x,
                               nn::View<Scalar> y,
                               nn::Mode mode,
                               nn::PassMemory memory) const {
  const Scalar b = slope_.value(0, 0);
  auto* saved = reinterpret_cast<Scalar*>(memory.saved);
  for (nn::Index i = 0; i < x.size(); ++i) {
    const Scalar s = 1 / (1 + std::exp(-b * x.data()[i]));
    y.data()[i] = x.data()[i] * s;
    if (mode == nn::Mode::kTraining) saved[i] = s;
  }
}

template <typename Scalar>
void Swish<Scalar>::do_backward(nn::ConstView<Scalar> x,
                                nn::ConstView<Scalar> /*y*/,
                                nn::ConstView<Scalar> dy,
                                nn::View<Scalar> dx,
                                nn::PassMemory memory) {
  const Scalar b = slope_.value(0, 0);
  const auto* saved = reinterpret_cast<const Scalar*>(memory.saved);
  Scalar slope_gradient = 0;
  for (nn::Index i = 0; i < x.size(); ++i) {
    const Scalar xi = x.data()[i];
    const Scalar s = saved[i];
    const Scalar ds = s * (1 - s);
    slope_gradient += dy.data()[i] * xi * xi * ds;
    // The first layer of a network gets no input gradient to compute.
    if (dx.size() > 0) dx.data()[i] = dy.data()[i] * (s + b * xi * ds);
  }
  slope_.grad(0, 0) = slope_gradient;
}

template class Swish<float>;
template class Swish<double>;
