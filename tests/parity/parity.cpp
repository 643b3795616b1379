#include "parity.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

#include "twin.h"

namespace parity {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <typename Scalar>
double ratio(double difference, double scale, double largest_term) {
  const double rounding =
      kRoundings * std::numeric_limits<Scalar>::epsilon() * largest_term;
  const double left = std::max(difference - rounding, 0.0);
  if (left == 0.0) return 0.0;
  return scale > 0.0 ? left / scale : kInfinity;
}

}  // namespace

template <typename Scalar>
double relative_error(const nn::Matrix<Scalar>& actual,
                      const torch::Tensor& expected,
                      double largest_term) {
  if (actual.size() != expected.numel()) return kInfinity;
  const torch::Tensor dense = expected.detach().contiguous();
  const nn::ConstView<Scalar> wanted(
      dense.data_ptr<Scalar>(), actual.rows(), actual.cols());
  double difference = 0.0;
  double scale = 0.0;
  for (nn::Index i = 0; i < actual.size(); ++i) {
    const auto a = static_cast<double>(actual.data()[i]);
    const auto b = static_cast<double>(wanted.data()[i]);
    if (!std::isfinite(a) || !std::isfinite(b)) return kInfinity;
    difference = std::max(difference, std::abs(a - b));
    scale = std::max(scale, std::abs(b));
  }
  return ratio<Scalar>(difference, scale, largest_term);
}

template <typename Scalar>
double relative_error(double actual, double expected, double largest_term) {
  if (!std::isfinite(actual) || !std::isfinite(expected)) return kInfinity;
  return ratio<Scalar>(
      std::abs(actual - expected), std::abs(expected), largest_term);
}

std::uint64_t seed() {
  constexpr std::uint64_t kDefault = 20;
  const char* text = std::getenv("NN_PARITY_SEED");
  return text == nullptr ? kDefault : std::stoull(text);
}

nn::Index between(nn::Rng& rng, nn::Index low, nn::Index high) {
  return low + rng.index(high - low + 1);
}

template <typename Scalar>
nn::Matrix<Scalar> random_matrix(nn::Rng& rng,
                                 nn::Index rows,
                                 nn::Index cols,
                                 double scale) {
  nn::Matrix<Scalar> matrix(rows, cols);
  for (nn::Index i = 0; i < matrix.size(); ++i) {
    matrix.data()[i] = static_cast<Scalar>(rng.uniform(-scale, scale));
  }
  return matrix;
}

template <typename Scalar>
void randomize_parameters(nn::Layer<Scalar>& layer, nn::Rng& rng) {
  for (nn::Parameter<Scalar>* parameter : layer.parameters()) {
    parameter->value = random_matrix<Scalar>(
        rng, parameter->value.rows(), parameter->value.cols());
  }
}

nn::Shape random_shape(nn::Rng& rng) {
  if (rng.index(2) == 0) return nn::Shape{between(rng, 1, 80)};
  nn::Shape shape;
  shape.channels = between(rng, 1, 5);
  shape.height = between(rng, 1, 6);
  shape.width = between(rng, 1, 6);
  return shape;
}

#define NN_INSTANTIATE_PARITY(Scalar)                             \
  template double relative_error(                                 \
      const nn::Matrix<Scalar>&, const torch::Tensor&, double);   \
  template double relative_error<Scalar>(double, double, double); \
  template nn::Matrix<Scalar> random_matrix(                      \
      nn::Rng&, nn::Index, nn::Index, double);                    \
  template void randomize_parameters(nn::Layer<Scalar>&, nn::Rng&);
NN_INSTANTIATE_PARITY(float)
NN_INSTANTIATE_PARITY(double)
#undef NN_INSTANTIATE_PARITY

}  // namespace parity
