#include "nn/optimizers/reduce_on_plateau.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "option_checks.h"

namespace nn {

ReduceOnPlateau::ReduceOnPlateau(const ReduceOnPlateauOptions& options)
    : options_(options),
      learning_rate_(options.learning_rate),
      best_(options.maximize ? -std::numeric_limits<double>::infinity()
                             : std::numeric_limits<double>::infinity()) {
  constexpr const char* kWho = "ReduceOnPlateau";
  using internal::check_not_negative;
  check_not_negative(kWho, "learning rate", options.learning_rate);
  check_argument(
      options.factor > 0.0 && options.factor < 1.0,
      "[ReduceOnPlateau] expected a factor above 0 and below 1, got ",
      options.factor);
  check_argument(options.patience >= 0,
                 "[ReduceOnPlateau] expected a patience of at least 0, got ",
                 options.patience);
  check_not_negative(kWho, "threshold", options.threshold);
  check_argument(options.cooldown >= 0,
                 "[ReduceOnPlateau] expected a cooldown of at least 0, got ",
                 options.cooldown);
  check_not_negative(kWho, "minimal learning rate", options.min_learning_rate);
  check_not_negative(kWho, "minimal reduction", options.min_reduction);
}

bool ReduceOnPlateau::is_better(double metric) const {
  const double sign = options_.maximize ? 1.0 : -1.0;
  const double bound = options_.absolute_threshold
                           ? best_ + sign * options_.threshold
                           : best_ * (1.0 + sign * options_.threshold);
  return options_.maximize ? metric > bound : metric < bound;
}

double ReduceOnPlateau::update(double metric) {
  check_argument(!std::isnan(metric),
                 "[ReduceOnPlateau] expected a metric that is a number, got ",
                 metric);
  if (is_better(metric)) {
    best_ = metric;
    without_improvement_ = 0;
  } else {
    ++without_improvement_;
  }
  if (cooldown_left_ > 0) {
    --cooldown_left_;
    without_improvement_ = 0;
  }
  if (without_improvement_ > options_.patience) {
    const double reduced =
        std::max(learning_rate_ * options_.factor, options_.min_learning_rate);
    if (learning_rate_ - reduced > options_.min_reduction) {
      learning_rate_ = reduced;
    }
    cooldown_left_ = options_.cooldown;
    without_improvement_ = 0;
  }
  return learning_rate_;
}

}  // namespace nn
