#ifndef NN_SRC_OPTION_CHECKS_H_
#define NN_SRC_OPTION_CHECKS_H_

#include <cmath>
#include <limits>
#include <type_traits>

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

/// What is above 0 must be so in the arithmetic that it is for: an epsilon of
/// 1e-46 is 0 in float, and keeps no division apart from 0 / 0.
template <typename Scalar>
void check_rounding(const char* who, const char* what, double value) {
  const char* const type = std::is_same_v<Scalar, float> ? "float" : "double";
  check_argument(value <= std::numeric_limits<Scalar>::max(),
                 "[",
                 who,
                 "] ",
                 what,
                 " ",
                 value,
                 " rounds to infinity in ",
                 type);
  check_argument(value == 0.0 || static_cast<Scalar>(value) > 0,
                 "[",
                 who,
                 "] ",
                 what,
                 " ",
                 value,
                 " rounds to 0 in ",
                 type);
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
