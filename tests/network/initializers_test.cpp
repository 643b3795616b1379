#include "nn/network/initializers.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "support/catch.h"
#include "support/errors.h"
#include "support/matrices.h"

namespace {

using Catch::Matchers::ContainsSubstring;
using nn::Index;

constexpr Index kFanIn = 250;
constexpr Index kFanOut = 400;

struct Moments {
  double mean = 0.0;
  double variance = 0.0;
  double largest = 0.0;
};

template <typename Scalar>
Moments moments(const nn::Matrix<Scalar>& m) {
  Moments result;
  const auto count = static_cast<double>(m.size());
  for (Index i = 0; i < m.size(); ++i) {
    const auto value = static_cast<double>(m.data()[i]);
    result.mean += value / count;
    result.variance += value * value / count;
    result.largest = std::max(result.largest, std::abs(value));
  }
  return result;
}

// 100,000 draws: five standard deviations of the mean, and of the variance for
// the larger of the two kurtoses, the normal's.
void check_moments(const Moments& m, double variance) {
  const double n = static_cast<double>(kFanIn * kFanOut);
  CHECK(std::abs(m.mean) < 5.0 * std::sqrt(variance / n));
  CHECK(std::abs(m.variance / variance - 1.0) < 5.0 * std::sqrt(2.0 / n));
}

}  // namespace

TEMPLATE_TEST_CASE("kaiming weights have the variance 2 / fan_in",
                   "[initializers]",
                   float,
                   double) {
  nn::Rng rng(1);
  nn::Matrix<TestType> weight(kFanIn, kFanOut);
  const double variance = 2.0 / kFanIn;

  nn::kaiming_uniform<TestType>(nn::view(weight), kFanIn, rng);
  Moments m = moments(weight);
  check_moments(m, variance);
  // So many draws come close to both ends of the interval.
  const double bound = std::sqrt(6.0 / kFanIn);
  CHECK(m.largest <= bound * (1.0 + 1e-7));
  CHECK(m.largest > 0.999 * bound);

  nn::kaiming_normal<TestType>(nn::view(weight), kFanIn, rng);
  m = moments(weight);
  check_moments(m, variance);
  CHECK(m.largest > 3.5 * std::sqrt(variance));
}

TEMPLATE_TEST_CASE("fan-in weights have the variance 1 / (3 fan_in)",
                   "[initializers]",
                   float,
                   double) {
  nn::Rng rng(5);
  nn::Matrix<TestType> weight(200, 300);
  nn::fan_in_uniform(nn::view(weight), 200, rng);
  const double variance =
      weight.template cast<double>().array().square().mean();
  CHECK(variance == Catch::Approx(1.0 / 600.0).epsilon(0.02));
  CHECK(weight.cwiseAbs().maxCoeff() <= TestType(1.0 / std::sqrt(200.0)));
}

TEMPLATE_TEST_CASE("xavier weights have the variance 2 / (fan_in + fan_out)",
                   "[initializers]",
                   float,
                   double) {
  nn::Rng rng(2);
  nn::Matrix<TestType> weight(kFanIn, kFanOut);
  const double variance = 2.0 / (kFanIn + kFanOut);

  nn::xavier_uniform<TestType>(nn::view(weight), kFanIn, kFanOut, rng);
  Moments m = moments(weight);
  check_moments(m, variance);
  const double bound = std::sqrt(6.0 / (kFanIn + kFanOut));
  CHECK(m.largest <= bound * (1.0 + 1e-7));
  CHECK(m.largest > 0.999 * bound);

  nn::xavier_normal<TestType>(nn::view(weight), kFanIn, kFanOut, rng);
  m = moments(weight);
  check_moments(m, variance);
  CHECK(m.largest > 3.5 * std::sqrt(variance));
}

TEST_CASE("a convolution's fans are taken from the call, not the matrix",
          "[initializers]") {
  // 16 filters of 1 x 5 x 5: the matrix has 16 columns, but fan_out is 400.
  nn::Rng rng(3);
  nn::Matrix<double> weight(25, 16);
  nn::xavier_uniform<double>(nn::view(weight), 25, 400, rng);
  const double bound = std::sqrt(6.0 / 425.0);
  CHECK(weight.cwiseAbs().maxCoeff() <= bound);
  CHECK(weight.cwiseAbs().maxCoeff() > 0.97 * bound);
}

TEST_CASE("the same seed gives float and double the same weights",
          "[initializers]") {
  nn::Matrix<float> narrow(7, 5);
  nn::Matrix<double> wide(7, 5);
  nn::Rng a(9);
  nn::Rng b(9);
  nn::kaiming_normal<float>(nn::view(narrow), 7, a);
  nn::kaiming_normal<double>(nn::view(wide), 7, b);
  REQUIRE(nn_test::same_bits(narrow, nn::Matrix<float>(wide.cast<float>())));
  REQUIRE(a.next() == b.next());
}

TEST_CASE("a fan that is not positive is refused by name",
          "[initializers][errors]") {
  nn::Rng rng;
  nn::Matrix<float> weight(2, 2);
  const nn::View<float> w = nn::view(weight);
  using Error = std::invalid_argument;
  REQUIRE_THROWS_AS(nn::kaiming_uniform<float>(w, 0, rng), Error);
  REQUIRE_THROWS_AS(nn::kaiming_normal<float>(w, -1, rng), Error);
  REQUIRE_THROWS_AS(nn::xavier_uniform<float>(w, 0, 2, rng), Error);
  REQUIRE_THROWS_AS(nn::xavier_normal<float>(w, 2, 0, rng), Error);
  const std::string message = nn_test::message_of<Error>(
      [&] { nn::xavier_uniform<float>(w, 2, -4, rng); });
  REQUIRE_THAT(message, ContainsSubstring("[xavier_uniform]"));
  REQUIRE_THAT(message, ContainsSubstring("fan_out"));
  REQUIRE_THAT(message, ContainsSubstring("-4"));
}
