#include "nn/optimizers/schedule.h"

#include <algorithm>
#include <cmath>

#include "nn/check.h"
#include "option_checks.h"

namespace nn {
namespace {

using internal::check_not_negative;
using internal::check_positive;

constexpr double kPi = 3.141592653589793238462643383280;

void check_step(const char* who, Index step) {
  check_argument(
      step >= 0, "[", who, "] expected a step of at least 0, got ", step);
}

/// Half a cosine from `from` at p = 0 to `to` at p = 1.
double cosine_between(double from, double to, double p) {
  return to + (from - to) * (1.0 + std::cos(kPi * p)) / 2.0;
}

}  // namespace

ConstantSchedule::ConstantSchedule(double learning_rate)
    : learning_rate_(learning_rate) {
  check_not_negative("ConstantSchedule", "learning rate", learning_rate);
}

double ConstantSchedule::learning_rate(Index step) const {
  check_step("ConstantSchedule", step);
  return learning_rate_;
}

StepSchedule::StepSchedule(double base, Index period, double gamma)
    : base_(base), period_(period), gamma_(gamma) {
  check_not_negative("StepSchedule", "base rate", base);
  check_argument(period >= 1,
                 "[StepSchedule] expected a period of at least 1 step, got ",
                 period);
  check_positive("StepSchedule", "gamma", gamma);
}

double StepSchedule::learning_rate(Index step) const {
  check_step("StepSchedule", step);
  return base_ * std::pow(gamma_, static_cast<double>(step / period_));
}

CosineSchedule::CosineSchedule(double base,
                               Index total_steps,
                               Index warmup_steps,
                               double final)
    : base_(base),
      total_steps_(total_steps),
      warmup_steps_(warmup_steps),
      final_(final) {
  check_not_negative("CosineSchedule", "base rate", base);
  check_not_negative("CosineSchedule", "final rate", final);
  check_argument(0 <= warmup_steps && warmup_steps < total_steps,
                 "[CosineSchedule] expected a warm-up of at least 0 and less "
                 "than the total of ",
                 total_steps,
                 " steps, got ",
                 warmup_steps);
}

double CosineSchedule::learning_rate(Index step) const {
  check_step("CosineSchedule", step);
  if (step < warmup_steps_) {
    return base_ * static_cast<double>(step + 1) /
           static_cast<double>(warmup_steps_);
  }
  const double p =
      std::min(1.0,
               static_cast<double>(step - warmup_steps_) /
                   static_cast<double>(total_steps_ - warmup_steps_));
  return cosine_between(base_, final_, p);
}

OneCycleSchedule::OneCycleSchedule(const OneCycleOptions& options)
    : options_(options) {
  constexpr const char* kWho = "OneCycleSchedule";
  check_not_negative(kWho, "maximal learning rate", options.max_learning_rate);
  check_argument(options.total_steps >= 1,
                 "[OneCycleSchedule] expected a total of at least 1 step, got ",
                 options.total_steps);
  internal::check_share(kWho, "a warm-up share", options.warmup_share);
  check_positive(kWho, "initial divisor", options.initial_divisor);
  check_positive(kWho, "final divisor", options.final_divisor);
}

double OneCycleSchedule::learning_rate(Index step) const {
  check_step("OneCycleSchedule", step);
  const double highest = options_.max_learning_rate;
  const double initial = highest / options_.initial_divisor;
  const double final = initial / options_.final_divisor;
  const double end = static_cast<double>(options_.total_steps) - 1.0;
  const double top =
      options_.warmup_share * static_cast<double>(options_.total_steps) - 1.0;
  const auto t = static_cast<double>(step);
  // With the top at the first step there is no way up to be part of.
  if (t <= top && top > 0.0) return cosine_between(initial, highest, t / top);
  if (t == top) return highest;
  if (t >= end) return final;
  return cosine_between(highest, final, (t - top) / (end - top));
}

}  // namespace nn
