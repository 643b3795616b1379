#ifndef NN_SRC_LOSSES_UNITS_H_
#define NN_SRC_LOSSES_UNITS_H_

#include <vector>

#include "kernels/losses.h"
#include "nn/check.h"
#include "nn/types.h"
#include "option_checks.h"

namespace nn::internal {

// Losses that measure errors in units, one for all features or one for each;
// none stands for 1.

/// What errors are multiplied by. Throws std::invalid_argument unless all units
/// are finite and above 0, also in Scalar, and so are the reciprocals.
template <typename Scalar>
std::vector<Scalar> factors_of(const char* who,
                               const std::vector<double>& units) {
  std::vector<Scalar> factors;
  for (const double unit : units) {
    check_positive(who, "unit", unit);
    check_rounding<Scalar>(who, "1 / unit", 1 / unit);
    factors.push_back(static_cast<Scalar>(1 / unit));
  }
  return factors;
}

/// Throws std::invalid_argument if there are too few or too many for samples of
/// so many features.
template <typename Scalar>
void check_factors(const char* who,
                   const std::vector<Scalar>& factors,
                   Index features) {
  const auto count = static_cast<Index>(factors.size());
  check_argument(count <= 1 || count == features,
                 "[",
                 who,
                 "] expected 1 unit or one for each of ",
                 features,
                 " features, got ",
                 count);
}

template <typename Scalar>
void set_factors(const std::vector<Scalar>& factors,
                 kernels::LossArgs<Scalar>& args) {
  if (factors.empty()) return;
  args.weights = factors.data();
  args.weight_count = static_cast<Index>(factors.size());
}

}  // namespace nn::internal

#endif  // NN_SRC_LOSSES_UNITS_H_
