#include "nn/optimizers/reduce_on_plateau.h"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "support/catch.h"
#include "support/errors.h"

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

nn::ReduceOnPlateauOptions halving(nn::Index patience) {
  nn::ReduceOnPlateauOptions options;
  options.learning_rate = 1.0;
  options.factor = 0.5;
  options.patience = patience;
  options.threshold = 0.0;
  return options;
}

/// The rates after each of these metrics.
std::vector<double> rates(const nn::ReduceOnPlateauOptions& options,
                          const std::vector<double>& metrics) {
  nn::ReduceOnPlateau plateau(options);
  std::vector<double> result;
  for (const double metric : metrics) {
    result.push_back(plateau.update(metric));
    REQUIRE(plateau.learning_rate() == result.back());
  }
  return result;
}

using Rates = std::vector<double>;

}  // namespace

TEST_CASE("the rate falls once the patience is used up", "[schedule]") {
  REQUIRE(rates(halving(2), {5, 4, 4, 4, 4, 4, 4, 4, 3, 3}) ==
          Rates{1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25});
  // Without patience each metric must be better than all before.
  REQUIRE(rates(halving(0), {5, 4, 4.5, 3, 3}) == Rates{1, 1, 0.5, 0.5, 0.25});
}

TEST_CASE("an improvement must exceed the threshold", "[schedule]") {
  nn::ReduceOnPlateauOptions options = halving(0);
  options.threshold = 0.25;
  // Better than 8 is what is below 6, and better than 5 what is below 3.75.
  REQUIRE(rates(options, {8, 6, 5, 3.75, 3.5}) ==
          Rates{1, 0.5, 0.5, 0.25, 0.25});
  options.absolute_threshold = true;
  REQUIRE(rates(options, {8, 7.75, 7.5, 7.25}) == Rates{1, 0.5, 0.5, 0.25});
}

TEST_CASE("what is to be maximized improves by rising", "[schedule]") {
  nn::ReduceOnPlateauOptions options = halving(0);
  options.maximize = true;
  REQUIRE(rates(options, {1, 2, 2, 3, 1}) == Rates{1, 1, 0.5, 0.5, 0.25});
  options.threshold = 0.5;
  REQUIRE(rates(options, {2, 3, 3.25}) == Rates{1, 0.5, 0.5});
  options.absolute_threshold = true;
  REQUIRE(rates(options, {2, 2.5, 2.75}) == Rates{1, 0.5, 0.5});
}

TEST_CASE("a cooldown lets metrics pass after a reduction", "[schedule]") {
  nn::ReduceOnPlateauOptions options = halving(0);
  options.cooldown = 2;
  REQUIRE(rates(options, {1, 1, 1, 1, 1, 1, 1, 1}) ==
          Rates{1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125});
}

TEST_CASE("the rate stays at its minimum and is not reduced by next to nothing",
          "[schedule]") {
  nn::ReduceOnPlateauOptions options = halving(0);
  options.min_learning_rate = 0.2;
  REQUIRE(rates(options, {1, 1, 1, 1, 1}) == Rates{1, 0.5, 0.25, 0.2, 0.2});
  options.min_learning_rate = 0.0;
  options.min_reduction = 0.2;
  REQUIRE(rates(options, {1, 1, 1, 1, 1}) == Rates{1, 0.5, 0.25, 0.25, 0.25});
}

TEST_CASE("the best metric is remembered", "[schedule]") {
  nn::ReduceOnPlateau plateau(halving(3));
  REQUIRE(plateau.best() == kInfinity);
  plateau.update(4.0);
  plateau.update(2.0);
  plateau.update(3.0);
  REQUIRE(plateau.best() == 2.0);
  plateau.update(kInfinity);
  REQUIRE(plateau.best() == 2.0);
}

TEST_CASE("a metric that is no number is refused and changes nothing",
          "[schedule][errors]") {
  nn::ReduceOnPlateau plateau(halving(0));
  plateau.update(1.0);
  REQUIRE(nn_test::message_of<std::invalid_argument>(
              [&] { plateau.update(kNan); }) ==
          "[ReduceOnPlateau] expected a metric that is a number, got nan");
  REQUIRE(plateau.learning_rate() == 1.0);
  REQUIRE(plateau.update(1.0) == 0.5);
}

TEST_CASE("options of a plateau outside their range are refused",
          "[schedule][errors]") {
  using Error = std::invalid_argument;
  using Options = nn::ReduceOnPlateauOptions;
  REQUIRE_NOTHROW(nn::ReduceOnPlateau(Options{}));
  for (const auto member : {&Options::learning_rate,
                            &Options::factor,
                            &Options::threshold,
                            &Options::min_learning_rate,
                            &Options::min_reduction}) {
    for (const double bad : {-0.1, kNan, kInfinity}) {
      Options options;
      options.*member = bad;
      REQUIRE_THROWS_AS(nn::ReduceOnPlateau(options), Error);
    }
  }
  for (const double bad : {0.0, 1.0}) {
    Options options;
    options.factor = bad;
    REQUIRE_THROWS_AS(nn::ReduceOnPlateau(options), Error);
  }
  for (const auto member : {&Options::patience, &Options::cooldown}) {
    Options options;
    options.*member = -1;
    REQUIRE_THROWS_AS(nn::ReduceOnPlateau(options), Error);
  }
}
