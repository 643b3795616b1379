#include "nn/optimizers/schedule.h"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "support/catch.h"

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Points with round values come out round to a few units in the last place.
bool near(double value, double expected) {
  return std::abs(value - expected) <= 1e-15 + 1e-14 * std::abs(expected);
}

}  // namespace

TEST_CASE("a constant schedule gives its rate at every step", "[schedule]") {
  const nn::ConstantSchedule schedule(0.3);
  REQUIRE(schedule.learning_rate(0) == 0.3);
  REQUIRE(schedule.learning_rate(1) == 0.3);
  REQUIRE(schedule.learning_rate(1000000) == 0.3);
}

TEST_CASE("a step schedule multiplies by gamma once a period", "[schedule]") {
  const nn::StepSchedule schedule(0.8, 3, 0.5);
  const std::vector<double> expected = {
      0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2, 0.2, 0.2, 0.1};
  for (std::size_t step = 0; step < expected.size(); ++step) {
    CAPTURE(step);
    REQUIRE(near(schedule.learning_rate(static_cast<nn::Index>(step)),
                 expected[step]));
  }
}

TEST_CASE("a cosine schedule falls by half a cosine", "[schedule]") {
  const nn::CosineSchedule schedule(0.4, 12);
  REQUIRE(schedule.learning_rate(0) == 0.4);
  // cos of 30, 60, 90, 120 and 180 degrees.
  REQUIRE(near(schedule.learning_rate(2), 0.2 * (1 + std::sqrt(3.0) / 2)));
  REQUIRE(near(schedule.learning_rate(4), 0.3));
  REQUIRE(near(schedule.learning_rate(6), 0.2));
  REQUIRE(near(schedule.learning_rate(8), 0.1));
  REQUIRE(near(schedule.learning_rate(12), 0.0));
}

TEST_CASE("a cosine schedule stays at its final rate", "[schedule]") {
  const nn::CosineSchedule schedule(0.5, 10, 0, 0.1);
  REQUIRE(near(schedule.learning_rate(5), 0.3));
  REQUIRE(near(schedule.learning_rate(10), 0.1));
  REQUIRE(near(schedule.learning_rate(11), 0.1));
  REQUIRE(near(schedule.learning_rate(1000), 0.1));
}

TEST_CASE("warm-up rises in equal parts to the base rate", "[schedule]") {
  const nn::CosineSchedule schedule(1.0, 12, 4);
  REQUIRE(near(schedule.learning_rate(0), 0.25));
  REQUIRE(near(schedule.learning_rate(1), 0.5));
  REQUIRE(near(schedule.learning_rate(2), 0.75));
  REQUIRE(near(schedule.learning_rate(3), 1.0));
  // Then the cosine over the eight steps that are left.
  REQUIRE(near(schedule.learning_rate(4), 1.0));
  REQUIRE(near(schedule.learning_rate(6), 0.5 * (1 + std::sqrt(0.5))));
  REQUIRE(near(schedule.learning_rate(8), 0.5));
  REQUIRE(near(schedule.learning_rate(12), 0.0));
}

TEST_CASE("a cosine schedule never rises after the warm-up", "[schedule]") {
  const nn::CosineSchedule schedule(0.1, 997, 31, 0.001);
  for (nn::Index step = 31; step < 1100; ++step) {
    REQUIRE(schedule.learning_rate(step + 1) <= schedule.learning_rate(step));
    REQUIRE(schedule.learning_rate(step) >= 0.001);
  }
}

TEST_CASE("schedules refuse settings outside their range",
          "[schedule][errors]") {
  using Error = std::invalid_argument;
  for (const double bad : {-0.1, kNan, kInfinity}) {
    REQUIRE_THROWS_AS(nn::ConstantSchedule(bad), Error);
    REQUIRE_THROWS_AS(nn::StepSchedule(bad, 1, 0.5), Error);
    REQUIRE_THROWS_AS(nn::StepSchedule(0.1, 1, bad), Error);
    REQUIRE_THROWS_AS(nn::CosineSchedule(bad, 10), Error);
    REQUIRE_THROWS_AS(nn::CosineSchedule(0.1, 10, 0, bad), Error);
  }
  REQUIRE_THROWS_AS(nn::StepSchedule(0.1, 0, 0.5), Error);
  REQUIRE_THROWS_AS(nn::StepSchedule(0.1, 1, 0.0), Error);
  REQUIRE_THROWS_AS(nn::CosineSchedule(0.1, 0), Error);
  REQUIRE_THROWS_AS(nn::CosineSchedule(0.1, 10, 10), Error);
  REQUIRE_THROWS_AS(nn::CosineSchedule(0.1, 10, -1), Error);
}

TEST_CASE("schedules refuse a step before the first", "[schedule][errors]") {
  using Error = std::invalid_argument;
  REQUIRE_THROWS_AS(nn::ConstantSchedule(0.1).learning_rate(-1), Error);
  REQUIRE_THROWS_AS(nn::StepSchedule(0.1, 1, 0.5).learning_rate(-1), Error);
  REQUIRE_THROWS_AS(nn::CosineSchedule(0.1, 10).learning_rate(-1), Error);
}

TEST_CASE("one cycle goes up and down along half a cosine each", "[schedule]") {
  // The top is at 0.5 * 10 - 1 = 4, the end at 9.
  nn::OneCycleOptions options;
  options.max_learning_rate = 1.0;
  options.total_steps = 10;
  options.warmup_share = 0.5;
  options.initial_divisor = 5.0;
  options.final_divisor = 2.0;
  const nn::OneCycleSchedule schedule(options);
  const double root = std::sqrt(0.5);
  REQUIRE(near(schedule.learning_rate(0), 0.2));
  REQUIRE(near(schedule.learning_rate(1), 0.6 - 0.4 * root));
  REQUIRE(near(schedule.learning_rate(2), 0.6));
  REQUIRE(near(schedule.learning_rate(3), 0.6 + 0.4 * root));
  REQUIRE(near(schedule.learning_rate(4), 1.0));
  // Fifths of 180 degrees: cos(36) = (1 + sqrt(5)) / 4.
  const double cosine = (1.0 + std::sqrt(5.0)) / 4.0;
  REQUIRE(near(schedule.learning_rate(5), 0.55 + 0.45 * cosine));
  REQUIRE(near(schedule.learning_rate(8), 0.55 - 0.45 * cosine));
  REQUIRE(near(schedule.learning_rate(9), 0.1));
  REQUIRE(near(schedule.learning_rate(10), 0.1));
  REQUIRE(near(schedule.learning_rate(100000), 0.1));
}

TEST_CASE("one cycle without a way up or down has the other alone",
          "[schedule]") {
  nn::OneCycleOptions options;
  options.max_learning_rate = 1.0;
  options.total_steps = 4;
  // Down from a top at -1: steps of 45 degrees, step 1 at 90.
  options.warmup_share = 0.0;
  const double final = 1.0 / 25.0 / 1e4;
  const nn::OneCycleSchedule down(options);
  REQUIRE(near(down.learning_rate(1), (1.0 + final) / 2));
  REQUIRE(near(down.learning_rate(3), final));
  // Up to the last step.
  options.warmup_share = 1.0;
  const nn::OneCycleSchedule up(options);
  REQUIRE(near(up.learning_rate(0), 0.04));
  REQUIRE(near(up.learning_rate(3), 1.0));
  REQUIRE(near(up.learning_rate(4), final));
  // The top at step 0.
  options.warmup_share = 0.25;
  REQUIRE(near(nn::OneCycleSchedule(options).learning_rate(0), 1.0));
  options.total_steps = 1;
  REQUIRE(near(nn::OneCycleSchedule(options).learning_rate(0), final));
}

TEST_CASE("one cycle refuses what is no cycle", "[schedule][errors]") {
  using Error = std::invalid_argument;
  nn::OneCycleOptions fine;
  fine.total_steps = 10;
  const auto refuses = [&fine](double nn::OneCycleOptions::*member,
                               double bad) {
    nn::OneCycleOptions options = fine;
    options.*member = bad;
    REQUIRE_THROWS_AS(nn::OneCycleSchedule(options), Error);
  };
  for (const double bad : {-0.1, kNan, kInfinity}) {
    refuses(&nn::OneCycleOptions::max_learning_rate, bad);
    refuses(&nn::OneCycleOptions::warmup_share, bad);
    refuses(&nn::OneCycleOptions::initial_divisor, bad);
    refuses(&nn::OneCycleOptions::final_divisor, bad);
  }
  refuses(&nn::OneCycleOptions::warmup_share, 1.1);
  refuses(&nn::OneCycleOptions::initial_divisor, 0.0);
  refuses(&nn::OneCycleOptions::final_divisor, 0.0);
  REQUIRE_THROWS_AS(nn::OneCycleSchedule(nn::OneCycleOptions{}), Error);
  REQUIRE_THROWS_AS(nn::OneCycleSchedule(fine).learning_rate(-1), Error);
}
