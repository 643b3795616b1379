#include "nn/optimizers/rmsprop.h"

#include <cmath>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/errors.h"
#include "support/optimizer_contract.h"
#include "support/scalar_steps.h"

namespace {

using nn_test::kHandCount;
using nn_test::largest_difference;
using nn_test::scalar_steps;

nn::RmsPropOptions round_options() {
  nn::RmsPropOptions options;
  options.learning_rate = 0.1;
  options.alpha = 0.75;
  options.epsilon = 1.0;
  return options;
}

}  // namespace

// From w = 1 with alpha = 3/4 and epsilon = 1.

TEMPLATE_TEST_CASE("rmsprop divides by the root of the mean square",
                   "[optimizers][rmsprop]",
                   float,
                   double) {
  // g = 4:  s = 4     u = 4 / (2 + 1)    w = 1 - 0.4/3
  // g = -2: s = 4     u = -2 / 3         w = ... + 0.2/3
  REQUIRE(largest_difference(scalar_steps<nn::RmsProp, TestType>(
                                 round_options(), 1.0, {4.0, -2.0}),
                             {1.0 - 0.4 / 3.0, 1.0 - 0.2 / 3.0}) <
          kHandCount<TestType>);
}

TEMPLATE_TEST_CASE("rmsprop's momentum averages the quotients",
                   "[optimizers][rmsprop]",
                   float,
                   double) {
  // g = 4:  u = 4/3    v = 4/3                w = 1 - 0.4/3
  // g = -2: u = -2/3   v = 2/3 - 2/3 = 0      w stays
  // g = 0:  u = 0      v = 0
  nn::RmsPropOptions options = round_options();
  options.momentum = 0.5;
  const double first = 1.0 - 0.4 / 3.0;
  REQUIRE(largest_difference(scalar_steps<nn::RmsProp, TestType>(
                                 options, 1.0, {4.0, -2.0, 0.0}),
                             {first, first, first}) < kHandCount<TestType>);
}

TEMPLATE_TEST_CASE("centered rmsprop divides by the root of the variance",
                   "[optimizers][rmsprop]",
                   float,
                   double) {
  // g = 4:  s = 4, m = 1        u = 4 / (sqrt(3) + 1)
  // g = -2: s = 4, m = 0.25     u = -2 / (sqrt(3.9375) + 1)
  nn::RmsPropOptions options = round_options();
  options.centered = true;
  const double first = 1.0 - 0.4 / (std::sqrt(3.0) + 1.0);
  const double second = first + 0.2 / (std::sqrt(3.9375) + 1.0);
  REQUIRE(largest_difference(
              scalar_steps<nn::RmsProp, TestType>(options, 1.0, {4.0, -2.0}),
              {first, second}) < kHandCount<TestType>);
}

TEMPLATE_TEST_CASE("rmsprop's weight decay is added to the gradient",
                   "[optimizers][rmsprop]",
                   float,
                   double) {
  // g = 3.5 + 0.5 = 4
  nn::RmsPropOptions options = round_options();
  options.weight_decay = 0.5;
  REQUIRE(largest_difference(
              scalar_steps<nn::RmsProp, TestType>(options, 1.0, {3.5}),
              {1.0 - 0.4 / 3.0}) < kHandCount<TestType>);
}

TEST_CASE("centered rmsprop stays finite where the variance rounds below zero",
          "[optimizers][rmsprop]") {
  // With a gradient that never changes, s - m^2 tends to zero and is rounded
  // to either side of it.
  nn::RmsPropOptions options;
  options.alpha = 0.5;
  options.centered = true;
  options.learning_rate = 1e-12;
  for (const double gradient : {0.1, 0.3, 1.7, 123.4}) {
    const auto values = scalar_steps<nn::RmsProp, float>(
        options, 1.0, std::vector<double>(200, gradient));
    for (const double value : values) REQUIRE(std::isfinite(value));
  }
}

TEMPLATE_TEST_CASE("rmsprop keeps what every optimizer promises",
                   "[optimizers][rmsprop]",
                   float,
                   double) {
  for (const bool centered : {false, true}) {
    for (const double momentum : {0.0, 0.9}) {
      const auto make = [&](nn_test::Pointers<TestType> parameters,
                            double weight_decay) {
        nn::RmsPropOptions options;
        options.centered = centered;
        options.momentum = momentum;
        options.weight_decay = weight_decay;
        return std::make_unique<nn::RmsProp<TestType>>(parameters, options);
      };
      CHECK(nn_test::optimizer_violations<TestType>(make) ==
            std::vector<std::string>{});
    }
  }
}

TEST_CASE("rmsprop refuses options outside their range",
          "[optimizers][rmsprop][errors]") {
  using Error = std::invalid_argument;
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  nn::Parameter<float> w("w", {1}, 1, 1);
  const auto check = [&w](double nn::RmsPropOptions::*member, double bad) {
    nn::RmsPropOptions options;
    options.*member = bad;
    REQUIRE_THROWS_AS(nn::RmsProp<float>({&w}, options), Error);
  };
  REQUIRE_NOTHROW(nn::RmsProp<float>({&w}));
  for (const double bad : {-0.1, kNan, kInfinity}) {
    check(&nn::RmsPropOptions::learning_rate, bad);
    check(&nn::RmsPropOptions::weight_decay, bad);
    check(&nn::RmsPropOptions::epsilon, bad);
  }
  for (const double bad : {-0.1, 1.0, kNan}) {
    check(&nn::RmsPropOptions::alpha, bad);
    check(&nn::RmsPropOptions::momentum, bad);
  }
  nn::RmsPropOptions options;
  options.alpha = 1.5;
  REQUIRE(nn_test::message_of<Error>([&] {
            nn::RmsProp<float>({&w}, options);
          }) == "[RmsProp] expected alpha of at least 0 and below 1, got 1.5");
}
