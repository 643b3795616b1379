#include "nn/optimizers/adagrad.h"

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

nn::AdagradOptions round_options() {
  nn::AdagradOptions options;
  options.learning_rate = 0.1;
  options.epsilon = 0.0;
  return options;
}

}  // namespace

TEMPLATE_TEST_CASE("adagrad divides by the root of all squares so far",
                   "[optimizers][adagrad]",
                   float,
                   double) {
  // g = 3:   s = 9      w = 1 - 0.1 * 3/3
  // g = -4:  s = 25     w = 0.9 + 0.1 * 4/5
  // g = 12:  s = 169    w = 0.98 - 0.1 * 12/13
  REQUIRE(largest_difference(scalar_steps<nn::Adagrad, TestType>(
                                 round_options(), 1.0, {3.0, -4.0, 12.0}),
                             {0.9, 0.98, 0.98 - 1.2 / 13.0}) <
          kHandCount<TestType>);
}

TEMPLATE_TEST_CASE("adagrad's rate decay, start and epsilon have their places",
                   "[optimizers][adagrad]",
                   float,
                   double) {
  // s starts at 16.
  // t = 1, g = 3 : s = 25,  rate 0.1,       step 3 / (5 + 1) = 0.5
  // t = 2, g = 12: s = 169, rate 0.1 / 1.5, step 12 / (13 + 1)
  nn::AdagradOptions options = round_options();
  options.initial_accumulator = 16.0;
  options.epsilon = 1.0;
  options.learning_rate_decay = 0.5;
  REQUIRE(largest_difference(
              scalar_steps<nn::Adagrad, TestType>(options, 1.0, {3.0, 12.0}),
              {0.95, 0.95 - 0.1 / 1.5 * 12.0 / 14.0}) < kHandCount<TestType>);
}

TEMPLATE_TEST_CASE("adagrad's weight decay is added to the gradient",
                   "[optimizers][adagrad]",
                   float,
                   double) {
  // g = 2.5 + 0.5 = 3, s = 9 + 16
  nn::AdagradOptions options = round_options();
  options.initial_accumulator = 16.0;
  options.weight_decay = 0.5;
  REQUIRE(largest_difference(
              scalar_steps<nn::Adagrad, TestType>(options, 1.0, {2.5}),
              {0.94}) < kHandCount<TestType>);
}

TEMPLATE_TEST_CASE("adagrad keeps what every optimizer promises",
                   "[optimizers][adagrad]",
                   float,
                   double) {
  const auto make = [](nn_test::Pointers<TestType> parameters,
                       double weight_decay) {
    nn::AdagradOptions options;
    options.learning_rate = 0.1;
    options.learning_rate_decay = 0.1;
    options.weight_decay = weight_decay;
    return std::make_unique<nn::Adagrad<TestType>>(parameters, options);
  };
  CHECK(nn_test::optimizer_violations<TestType>(make) ==
        std::vector<std::string>{});
}

TEST_CASE("adagrad refuses options outside their range",
          "[optimizers][adagrad][errors]") {
  using Error = std::invalid_argument;
  using Options = nn::AdagradOptions;
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  nn::Parameter<float> w("w", {1}, 1, 1);
  REQUIRE_NOTHROW(nn::Adagrad<float>({&w}));
  for (const auto member : {&Options::learning_rate,
                            &Options::learning_rate_decay,
                            &Options::weight_decay,
                            &Options::initial_accumulator,
                            &Options::epsilon}) {
    for (const double bad : {-0.1, kNan, kInfinity}) {
      Options options;
      options.*member = bad;
      REQUIRE_THROWS_AS(nn::Adagrad<float>({&w}, options), Error);
    }
  }
  Options options;
  options.learning_rate_decay = -1.0;
  REQUIRE(
      nn_test::message_of<Error>([&] { nn::Adagrad<float>({&w}, options); }) ==
      "[Adagrad] expected a finite learning rate decay of at least 0, got "
      "-1");
}
