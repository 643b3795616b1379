#include "nn/losses/mean_squared_error.h"

#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/errors.h"
#include "support/loss_contract.h"

TEMPLATE_TEST_CASE("the squared error has the values of a hand count",
                   "[losses]",
                   float,
                   double) {
  // Errors 1, -2, 0 and 3: squares 1, 4, 0, 9, in all 14 over 4.
  const nn::Matrix<TestType> y = nn_test::samples<TestType>({{2, 0}, {5, 1}});
  const nn::Matrix<TestType> target =
      nn_test::samples<TestType>({{1, 2}, {5, -2}});
  nn::Matrix<TestType> dy(2, 2);
  const nn::MeanSquaredError<TestType> loss;
  REQUIRE(loss.evaluate(y, target, dy) == 3.5);
  REQUIRE(dy == nn_test::samples<TestType>({{0.5, -1}, {0, 1.5}}));
}

TEMPLATE_TEST_CASE("the squared error keeps what every loss promises",
                   "[losses][gradient][allocations]",
                   float,
                   double) {
  CHECK(nn_test::loss_violations<TestType>(nn::MeanSquaredError<TestType>()) ==
        std::vector<std::string>{});
  CHECK(nn_test::loss_violations<TestType>(nn::MeanSquaredError<TestType>(
            {2.5})) == std::vector<std::string>{});
}

TEMPLATE_TEST_CASE("the squared error may count in units",
                   "[losses]",
                   float,
                   double) {
  // Errors 1, -2, 0 and 3 are 0.5, -8, 0 and 12 of their units.
  const nn::Matrix<TestType> y = nn_test::samples<TestType>({{2, 0}, {5, 1}});
  const nn::Matrix<TestType> target =
      nn_test::samples<TestType>({{1, 2}, {5, -2}});
  nn::Matrix<TestType> dy(2, 2);
  const nn::MeanSquaredError<TestType> loss({2, 0.25});
  REQUIRE(loss.evaluate(y, target, dy) == (0.25 + 64 + 144) / 4);
  REQUIRE(dy == nn_test::samples<TestType>({{0.125, -16}, {0, 24}}));
  REQUIRE(nn::MeanSquaredError<TestType>({2}).evaluate(y, target) == 3.5 / 4);
}

TEST_CASE("the squared error refuses units outside their range",
          "[losses][errors]") {
  using Error = std::invalid_argument;
  for (const double bad : {0.0,
                           -1.0,
                           std::numeric_limits<double>::quiet_NaN(),
                           std::numeric_limits<double>::infinity(),
                           1e-40,
                           1e46}) {
    REQUIRE_THROWS_AS(nn::MeanSquaredError<float>({1.0, bad}), Error);
  }
  REQUIRE(nn_test::message_of<Error>([] {
            nn::MeanSquaredError<float>({0.0});
          }) == "[MeanSquaredError] expected a finite unit above 0, got 0");
  nn::Matrix<float> y = nn::Matrix<float>::Ones(3, 2);
  const nn::Matrix<float> target = nn::Matrix<float>::Zero(3, 2);
  REQUIRE(nn_test::message_of<Error>([&] {
            nn::MeanSquaredError<float>({1.0, 2.0}).evaluate(y, target, y);
          }) ==
          "[MeanSquaredError] expected 1 unit or one for each of 3 features, "
          "got 2");
  REQUIRE(y == nn::Matrix<float>::Ones(3, 2));
}

TEST_CASE("weights whose sum cannot be divided by are refused",
          "[losses][errors]") {
  const nn::Matrix<double> y = nn::Matrix<double>::Ones(1, 2);
  const nn::Matrix<double> target = nn::Matrix<double>::Zero(1, 2);
  for (const double weight : {1.7e308, 5e-324}) {
    const nn::Matrix<double> weights =
        nn::Matrix<double>::Constant(1, 2, weight);
    CHECK_THROWS_AS(
        nn::MeanSquaredError<double>().evaluate(nn::view(y),
                                                nn::view(target),
                                                nn::no_view<double>(),
                                                nn::view(weights)),
        std::invalid_argument);
  }
}

TEST_CASE("a float squared error is added up in double", "[losses]") {
  // In float the sum stands still once it is 2^24 times a term.
  constexpr nn::Index kSize = (1 << 25) / 64;
  const nn::Matrix<float> y = nn::Matrix<float>::Constant(64, kSize, 1.0f);
  const nn::Matrix<float> target = nn::Matrix<float>::Zero(64, kSize);
  REQUIRE(nn::MeanSquaredError<float>().evaluate(y, target) == 1.0);
}
