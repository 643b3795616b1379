#include "nn/losses/smooth_l1.h"

#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/errors.h"
#include "support/loss_contract.h"

TEMPLATE_TEST_CASE("smooth l1 has the values of a hand count",
                   "[losses]",
                   float,
                   double) {
  // beta = 2. Errors 1, -1, 4 and -2: 1/4, 1/4, 3 and, on the border, 1.
  const nn::Matrix<TestType> y = nn_test::samples<TestType>({{1, -1}, {5, -2}});
  const nn::Matrix<TestType> target =
      nn_test::samples<TestType>({{0, 0}, {1, 0}});
  nn::Matrix<TestType> dy(2, 2);
  REQUIRE(nn::SmoothL1<TestType>(2.0).evaluate(y, target, dy) == 4.5 / 4.0);
  REQUIRE(dy == nn_test::samples<TestType>({{0.125, -0.125}, {0.25, -0.25}}));
}

TEMPLATE_TEST_CASE("smooth l1 with beta 0 is the absolute error",
                   "[losses]",
                   float,
                   double) {
  const nn::Matrix<TestType> y = nn_test::samples<TestType>({{1, -3}, {0, 7}});
  const nn::Matrix<TestType> target =
      nn_test::samples<TestType>({{0, 0}, {0, 7}});
  nn::Matrix<TestType> dy(2, 2);
  REQUIRE(nn::SmoothL1<TestType>(0.0).evaluate(y, target, dy) == 1.0);
  REQUIRE(dy == nn_test::samples<TestType>({{0.25, -0.25}, {0, 0}}));
}

TEMPLATE_TEST_CASE("smooth l1 may count in units", "[losses]", float, double) {
  // beta = 2. Errors 1, -1, 4 and -2 are 2, -0.25, 8 and -0.5 of their units:
  // 1, 1/64, 7 and 1/16.
  const nn::Matrix<TestType> y = nn_test::samples<TestType>({{1, -1}, {5, -2}});
  const nn::Matrix<TestType> target =
      nn_test::samples<TestType>({{0, 0}, {1, 0}});
  nn::Matrix<TestType> dy(2, 2);
  const nn::SmoothL1<TestType> loss(2.0, {0.5, 4});
  REQUIRE(loss.evaluate(y, target, dy) == (8 + 1.0 / 64 + 1.0 / 16) / 4);
  REQUIRE(dy ==
          nn_test::samples<TestType>({{0.5, -1.0 / 128}, {0.5, -1.0 / 64}}));
  REQUIRE_THROWS_AS(nn::SmoothL1<TestType>(2.0, {1.0, 0.0}),
                    std::invalid_argument);
  REQUIRE_THROWS_AS(
      (nn::SmoothL1<TestType>(2.0, {1, 1, 1}).evaluate(y, target)),
      std::invalid_argument);
}

TEMPLATE_TEST_CASE("smooth l1 keeps what every loss promises",
                   "[losses][gradient][allocations]",
                   float,
                   double) {
  // Outputs are off their targets by 0.05 to 1.5: on one side of the border
  // between the two formulas or on the other. A difference that reaches over it
  // would not be the derivative of either.
  for (const double beta : {0.0, 0.01, 2.0}) {
    CAPTURE(beta);
    CHECK(nn_test::loss_violations<TestType>(nn::SmoothL1<TestType>(beta)) ==
          std::vector<std::string>{});
  }
}

TEST_CASE("smooth l1 refuses a beta outside its range", "[losses][errors]") {
  using Error = std::invalid_argument;
  for (const double bad : {-1.0,
                           std::numeric_limits<double>::quiet_NaN(),
                           std::numeric_limits<double>::infinity()}) {
    REQUIRE_THROWS_AS(nn::SmoothL1<float>(bad), Error);
  }
  REQUIRE(nn_test::message_of<Error>([] { nn::SmoothL1<float>(-1.0); }) ==
          "[SmoothL1] expected a finite beta of at least 0, got -1");
}

TEMPLATE_TEST_CASE("smooth l1 of a denormal beta is the absolute error",
                   "[losses][edges]",
                   float,
                   double) {
  const double beta = double(std::numeric_limits<TestType>::denorm_min());
  const nn::Matrix<TestType> y = nn_test::samples<TestType>({{1, -3}, {0, 7}});
  const nn::Matrix<TestType> target =
      nn_test::samples<TestType>({{1, 0}, {0, 7}});
  nn::Matrix<TestType> dy(2, 2);
  REQUIRE(nn::SmoothL1<TestType>(beta).evaluate(y, target, dy) == 0.75);
  REQUIRE(dy == nn_test::samples<TestType>({{0, -0.25}, {0, 0}}));
}
