#ifndef NN_SRC_OPTION_CHECKS_H_
#define NN_SRC_OPTION_CHECKS_H_

#include <cmath>

#include "nn/check.h"

namespace nn::internal {

// Ranges that options of losses, optimizers, schedules and data share. All
// throw std::invalid_argument: "[Adam] expected a finite weight decay of at
// least 0, got -1". NaN is outside of every range.

inline void check_not_negative(const char* who,
                               const char* what,
                               double value) {
  check_argument(std::isfinite(value) && value >= 0.0,
                 "[",
                 who,
                 "] expected a finite ",
                 what,
                 " of at least 0, got ",
                 value);
}

inline void check_positive(const char* who, const char* what, double value) {
  check_argument(std::isfinite(value) && value > 0.0,
                 "[",
                 who,
                 "] expected a finite ",
                 what,
                 " above 0, got ",
                 value);
}

/// From 0, included, to 1, excluded.
inline void check_decay_rate(const char* who, const char* what, double value) {
  check_argument(value >= 0.0 && value < 1.0,
                 "[",
                 who,
                 "] expected ",
                 what,
                 " of at least 0 and below 1, got ",
                 value);
}

/// From 0 to 1, both included.
inline void check_share(const char* who, const char* what, double value) {
  check_argument(value >= 0.0 && value <= 1.0,
                 "[",
                 who,
                 "] expected ",
                 what,
                 " from 0 to 1, got ",
                 value);
}

}  // namespace nn::internal

#endif  // NN_SRC_OPTION_CHECKS_H_
