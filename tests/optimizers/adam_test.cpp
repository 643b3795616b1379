#include "nn/optimizers/adam.h"

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
using nn_test::message_of;
using nn_test::scalar_steps;

nn::AdamOptions round_options() {
  nn::AdamOptions options;
  options.learning_rate = 0.1;
  options.beta1 = 0.5;
  options.beta2 = 0.75;
  options.epsilon = 0.0;
  return options;
}

nn::AdamWOptions round_options_w() {
  nn::AdamWOptions options;
  options.learning_rate = 0.1;
  options.beta1 = 0.5;
  options.beta2 = 0.75;
  options.epsilon = 0.0;
  options.weight_decay = 0.5;
  return options;
}

}  // namespace

TEMPLATE_TEST_CASE("adam has the values of a hand count",
                   "[optimizers][adam]",
                   float,
                   double) {
  // From w = 1, beta1 = 1/2, beta2 = 3/4, epsilon = 0.
  // t = 1, g = 4:  m = 2    v = 4      m / (1/2) = 4     v / (1/4) = 16
  //                w = 1 - 0.1 * 4/4 = 0.9
  // t = 2, g = -8: m = -3   v = 3 + 16 = 19
  //                m / (3/4) = -4      v / (7/16) = 304/7
  //                w = 0.9 + 0.4 / sqrt(304/7)
  // t = 3, g = 0:  m = -1.5 v = 14.25
  //                m / (7/8) = -12/7   v / (37/64) = 912/37
  //                w = ... + 1.2/7 / sqrt(912/37)
  const double second = 0.9 + 0.4 / std::sqrt(304.0 / 7.0);
  const double third = second + 1.2 / 7.0 / std::sqrt(912.0 / 37.0);
  REQUIRE(largest_difference(scalar_steps<nn::Adam, TestType>(
                                 round_options(), 1.0, {4.0, -8.0, 0.0}),
                             {0.9, second, third}) < kHandCount<TestType>);
}

TEMPLATE_TEST_CASE("adam's epsilon is added behind the root",
                   "[optimizers][adam]",
                   float,
                   double) {
  // m / (1/2) = 4, sqrt(v / (1/4)) = 4: 0.1 * 4 / (4 + 1) = 0.08.
  nn::AdamOptions options = round_options();
  options.epsilon = 1.0;
  REQUIRE(largest_difference(
              scalar_steps<nn::Adam, TestType>(options, 1.0, {4.0}), {0.92}) <
          kHandCount<TestType>);
}

TEMPLATE_TEST_CASE("amsgrad divides by the largest mean of squares so far",
                   "[optimizers][adam]",
                   float,
                   double) {
  // t = 1, g = 4: as before, w = 0.9, v = 4.
  // t = 2, g = 0: m = 1, v = 3; the largest is 4.
  //               m / (3/4) = 4/3, 4 / (7/16) = 64/7
  nn::AdamOptions options = round_options();
  options.amsgrad = true;
  const double second = 0.9 - 0.1 * 4.0 / 3.0 / std::sqrt(64.0 / 7.0);
  REQUIRE(largest_difference(
              scalar_steps<nn::Adam, TestType>(options, 1.0, {4.0, 0.0}),
              {0.9, second}) < kHandCount<TestType>);
}

TEMPLATE_TEST_CASE("adam's weight decay goes through the averages",
                   "[optimizers][adam]",
                   float,
                   double) {
  // g = 3.5 + 0.5 * 1 = 4: the step of the hand count.
  nn::AdamOptions options = round_options();
  options.weight_decay = 0.5;
  REQUIRE(largest_difference(
              scalar_steps<nn::Adam, TestType>(options, 1.0, {3.5}), {0.9}) <
          kHandCount<TestType>);
}

TEMPLATE_TEST_CASE("adamw's weight decay stays apart from the averages",
                   "[optimizers][adam]",
                   float,
                   double) {
  // w = (1 - 0.1 * 0.5) * 1 - 0.1, however large the gradient is.
  for (const double gradient : {4.0, 0.25}) {
    REQUIRE(largest_difference(scalar_steps<nn::AdamW, TestType>(
                                   round_options_w(), 1.0, {gradient}),
                               {0.85}) < kHandCount<TestType>);
  }
  // And a second step as in the hand count, from 0.95 * 0.85.
  REQUIRE(
      largest_difference(scalar_steps<nn::AdamW, TestType>(
                             round_options_w(), 1.0, {4.0, -8.0}),
                         {0.85, 0.95 * 0.85 + 0.4 / std::sqrt(304.0 / 7.0)}) <
      kHandCount<TestType>);
}

TEST_CASE("adam's first step has the size of the learning rate",
          "[optimizers][adam]") {
  for (const double gradient : {1e-3, 1.0, 1e5}) {
    const auto values =
        scalar_steps<nn::Adam, double>(nn::AdamOptions{}, 0.0, {gradient});
    REQUIRE(std::abs(values[0] + 1e-3) < 1e-7);
  }
}

TEST_CASE("adam counts its steps once a batch and not once a parameter",
          "[optimizers][adam]") {
  // The bias correction of each of four equal parameters is that of a lone
  // one.
  nn::Parameter<double> lone("w", {1}, 1, 1);
  std::vector<nn::Parameter<double>> four(4, lone);
  nn::Adam<double> single({&lone}, round_options());
  nn::Adam<double> many({&four[0], &four[1], &four[2], &four[3]},
                        round_options());
  for (const double gradient : {4.0, -8.0, 1.0}) {
    lone.grad(0, 0) = gradient;
    for (auto& parameter : four) parameter.grad(0, 0) = gradient;
    single.step();
    many.step();
    for (const auto& parameter : four) {
      REQUIRE(parameter.value(0, 0) == lone.value(0, 0));
    }
  }
}

TEMPLATE_TEST_CASE("adam and adamw keep what every optimizer promises",
                   "[optimizers][adam]",
                   float,
                   double) {
  using Pointers = nn_test::Pointers<TestType>;
  for (const bool amsgrad : {false, true}) {
    const auto adam = [amsgrad](Pointers parameters, double weight_decay) {
      nn::AdamOptions options;
      options.learning_rate = 0.1;
      options.weight_decay = weight_decay;
      options.amsgrad = amsgrad;
      return std::make_unique<nn::Adam<TestType>>(parameters, options);
    };
    CHECK(nn_test::optimizer_violations<TestType>(adam) ==
          std::vector<std::string>{});
    const auto adamw = [amsgrad](Pointers parameters, double weight_decay) {
      nn::AdamWOptions options;
      options.learning_rate = 0.1;
      options.weight_decay = weight_decay;
      options.amsgrad = amsgrad;
      return std::make_unique<nn::AdamW<TestType>>(parameters, options);
    };
    CHECK(nn_test::optimizer_violations<TestType>(adamw) ==
          std::vector<std::string>{});
  }
}

TEST_CASE("adam and adamw refuse options outside their range",
          "[optimizers][adam][errors]") {
  using Error = std::invalid_argument;
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  nn::Parameter<float> w("w", {1}, 1, 1);
  const auto check = [&w](const auto& fine, auto member, double bad) {
    auto options = fine;
    options.*member = bad;
    CAPTURE(bad);
    if constexpr (std::is_same_v<decltype(options), nn::AdamOptions>) {
      REQUIRE_THROWS_AS(nn::Adam<float>({&w}, options), Error);
    } else {
      REQUIRE_THROWS_AS(nn::AdamW<float>({&w}, options), Error);
    }
  };
  const auto check_all = [&check](const auto& fine,
                                  auto rate,
                                  auto decay,
                                  auto beta1,
                                  auto beta2,
                                  auto epsilon) {
    for (const double bad : {-0.1, kNan, kInfinity}) {
      check(fine, rate, bad);
      check(fine, decay, bad);
      check(fine, epsilon, bad);
    }
    for (const double bad : {-0.1, 1.0, kNan}) {
      check(fine, beta1, bad);
      check(fine, beta2, bad);
    }
  };
  REQUIRE_NOTHROW(nn::Adam<float>({&w}));
  REQUIRE_NOTHROW(nn::AdamW<float>({&w}));
  check_all(nn::AdamOptions{},
            &nn::AdamOptions::learning_rate,
            &nn::AdamOptions::weight_decay,
            &nn::AdamOptions::beta1,
            &nn::AdamOptions::beta2,
            &nn::AdamOptions::epsilon);
  check_all(nn::AdamWOptions{},
            &nn::AdamWOptions::learning_rate,
            &nn::AdamWOptions::weight_decay,
            &nn::AdamWOptions::beta1,
            &nn::AdamWOptions::beta2,
            &nn::AdamWOptions::epsilon);
  nn::AdamWOptions bad;
  bad.beta2 = 1.0;
  REQUIRE(message_of<Error>([&] { nn::AdamW<float>({&w}, bad); }) ==
          "[AdamW] expected beta2 of at least 0 and below 1, got 1");
}
