#include "nn/losses/binary_cross_entropy.h"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/errors.h"
#include "support/loss_contract.h"

namespace {

using Catch::Approx;
using nn_test::message_of;

template <typename Scalar>
constexpr double kRounding = sizeof(Scalar) == 4 ? 1e-6 : 1e-14;

}  // namespace

TEMPLATE_TEST_CASE("binary cross-entropy has the values of a hand count",
                   "[losses]",
                   float,
                   double) {
  // Sigmoids 3/4, 1/4, 1/2, 3/4; answers yes, no, half, no.
  const auto three = static_cast<TestType>(std::log(3.0));
  const nn::Matrix<TestType> z =
      nn_test::samples<TestType>({{three, -three}, {0, three}});
  const nn::Matrix<TestType> target =
      nn_test::samples<TestType>({{1, 0}, {0.5, 0}});
  nn::Matrix<TestType> dz(2, 2);
  const double thirds = std::log(4.0 / 3.0);
  REQUIRE(std::abs(nn::BinaryCrossEntropy<TestType>().evaluate(z, target, dz) -
                   (thirds + thirds + std::log(2.0) + std::log(4.0)) / 4.0) <
          kRounding<TestType>);
  REQUIRE(nn_test::relative_difference(
              dz,
              nn_test::samples<double>({{-0.25 / 4, 0.25 / 4},
                                        {0, 0.75 / 4}})) < kRounding<TestType>);

  // Positive answers count 2 in the first row and 3 in the second.
  const nn::BinaryCrossEntropy<TestType> weighted({2.0, 3.0});
  REQUIRE(std::abs(weighted.evaluate(z, target, dz) -
                   (2 * thirds + thirds + (2 + 1) * std::log(2.0) / 2.0 +
                    std::log(4.0)) /
                       4.0) < kRounding<TestType>);
  // Half of yes with weight 2 and half of no: -2/4 + 1/4.
  REQUIRE(nn_test::relative_difference(
              dz,
              nn_test::samples<double>(
                  {{-0.5 / 4, 0.25 / 4}, {-0.25 / 4, 0.75 / 4}})) <
          kRounding<TestType>);
}

TEMPLATE_TEST_CASE("binary cross-entropy keeps what every loss promises",
                   "[losses][gradient][allocations]",
                   float,
                   double) {
  using Loss = nn::BinaryCrossEntropy<TestType>;
  CHECK(nn_test::loss_violations<TestType>(Loss()) ==
        std::vector<std::string>{});
  CHECK(nn_test::loss_violations<TestType>(Loss({2.5})) ==
        std::vector<std::string>{});
}

TEST_CASE("weights of features have the gradient of differences",
          "[losses][gradient]") {
  nn::Rng rng(4);
  const nn::BinaryCrossEntropy<double> loss({0.5, 3.0, 0.0});
  const nn::Matrix<double> z = 2.0 * nn_test::normal_matrix<double>(3, 7, rng);
  const nn::Matrix<double> target =
      nn_test::normal_matrix<double>(3, 7, rng).array().abs().min(1.0);
  const nn::GradientReport report = nn::check_gradients(loss, z, target);
  INFO(report.to_string());
  REQUIRE(report.passed);
}

TEMPLATE_TEST_CASE("every feature has its weight in batches of any length",
                   "[losses]",
                   float,
                   double) {
  // At logit 0 a positive answer of weight p costs p log 2.
  for (const nn::Index rows : {2, 3, 7, 300}) {
    std::vector<double> weights;
    double sum = 0.0;
    for (nn::Index i = 0; i < rows; ++i) {
      weights.push_back(static_cast<double>(1 + i % 5));
      sum += weights.back();
    }
    const nn::BinaryCrossEntropy<TestType> loss(weights);
    for (const nn::Index cols : {1, 5, 1000}) {
      const nn::Matrix<TestType> z = nn::Matrix<TestType>::Zero(rows, cols);
      const nn::Matrix<TestType> yes = nn::Matrix<TestType>::Ones(rows, cols);
      nn::Matrix<TestType> dz(rows, cols);
      CAPTURE(rows, cols);
      REQUIRE(loss.evaluate(z, yes, dz) ==
              Approx(sum / double(rows) * std::log(2.0)).epsilon(1e-6));
      for (nn::Index r = 0; r < rows; ++r) {
        const double expected =
            -0.5 * weights[static_cast<std::size_t>(r)] / double(rows * cols);
        REQUIRE(double(dz(r, 0)) == Approx(expected).epsilon(1e-6));
        REQUIRE(dz(r, cols - 1) == dz(r, 0));
      }
    }
  }
}

TEMPLATE_TEST_CASE(
    "binary cross-entropy stays finite and right for huge logits",
    "[losses]",
    float,
    double) {
  const nn::BinaryCrossEntropy<TestType> loss;
  const nn::Matrix<TestType> z =
      nn_test::samples<TestType>({{TestType(1e4), TestType(-1e4)}});
  const nn::Matrix<TestType> right = nn_test::samples<TestType>({{1, 0}});
  const nn::Matrix<TestType> wrong = nn_test::samples<TestType>({{0, 1}});
  nn::Matrix<TestType> dz(2, 1);
  REQUIRE(loss.evaluate(z, right, dz) == 0.0);
  REQUIRE(dz.isZero(0));
  REQUIRE(loss.evaluate(z, wrong, dz) == 1e4);
  REQUIRE(dz == nn_test::samples<TestType>({{0.5, -0.5}}));
}

TEMPLATE_TEST_CASE("what is tiny beside 1 is kept on both sides",
                   "[losses]",
                   float,
                   double) {
  // log(1 + exp(-30)) is lost beside 30 in float and nearly so in double.
  const nn::BinaryCrossEntropy<TestType> loss;
  const double tiny = std::exp(-30.0);
  nn::Matrix<TestType> dz(1, 1);
  const nn::Matrix<TestType> up = nn_test::samples<TestType>({{30}});
  const nn::Matrix<TestType> down = nn_test::samples<TestType>({{-30}});
  const nn::Matrix<TestType> yes = nn_test::samples<TestType>({{1}});
  const nn::Matrix<TestType> no = nn_test::samples<TestType>({{0}});
  REQUIRE(loss.evaluate(up, yes, dz) == Approx(tiny).epsilon(1e-6));
  REQUIRE(double(dz(0, 0)) == Approx(-tiny).epsilon(1e-6));
  REQUIRE(loss.evaluate(down, no, dz) == Approx(tiny).epsilon(1e-6));
  REQUIRE(double(dz(0, 0)) == Approx(tiny).epsilon(1e-6));
}

TEST_CASE("targets and weights outside their range are refused",
          "[losses][errors]") {
  using Error = std::invalid_argument;
  using Loss = nn::BinaryCrossEntropy<float>;
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const double bad : {-0.1, kNan, kInfinity}) {
    REQUIRE_THROWS_AS(Loss({1.0, bad}), Error);
  }
  nn::Matrix<float> z = nn::Matrix<float>::Ones(3, 20);
  nn::Matrix<float> target = nn::Matrix<float>::Ones(3, 20);
  REQUIRE(message_of<Error>([&] {
            Loss({1.0, 2.0}).evaluate(z, target);
          }) ==
          "[BinaryCrossEntropy] expected 1 positive weight or one for each of "
          "3 features, got 2");
  for (const double bad : {-0.1, 1.1, kNan}) {
    target(2, 19) = static_cast<float>(bad);
    REQUIRE_THROWS_AS(Loss().evaluate(z, target, z), Error);
  }
  target(2, 19) = 1.5f;
  REQUIRE(message_of<Error>([&] { Loss().evaluate(z, target, z); }) ==
          "[BinaryCrossEntropy] expected targets from 0 to 1, got 1.5 for "
          "feature 2 of sample 19");
  REQUIRE(z == nn::Matrix<float>::Ones(3, 20));
}
