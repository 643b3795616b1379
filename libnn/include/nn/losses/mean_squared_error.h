#ifndef NN_LOSSES_MEAN_SQUARED_ERROR_H_
#define NN_LOSSES_MEAN_SQUARED_ERROR_H_

#include <vector>

#include "nn/losses/loss.h"

namespace nn {

/// For regression:
///
///   l  = e^2                               e = (y - target) / unit
///   dy = 2 e / unit / (features * N)
///
/// Targets in units of their own, and features of which one is in metres and
/// another in grams, are learned as if they were scaled: by their deviations as
/// units, Moments::deviation(), after which a loss of 1 is that of predicting
/// the mean. docs/math/regression_losses.md.
template <typename Scalar>
class MeanSquaredError final : public Loss<Scalar> {
 public:
  /// One unit for all features, or one for each; none stands for 1.
  /// Throws std::invalid_argument unless all are finite and above 0, and their
  /// reciprocals too. A number of units that is not that of the features is
  /// refused by evaluate().
  explicit MeanSquaredError(const std::vector<double>& units = {});

  const char* name() const override { return "MeanSquaredError"; }

 private:
  void check_target(const ConstView<Scalar>& target) const override;
  double do_evaluate(ConstView<Scalar> y,
                     ConstView<Scalar> target,
                     Scalar scale,
                     Scalar* dy) const override;

  std::vector<Scalar> factors_;  ///< 1 / unit; none where all are 1
};

}  // namespace nn

#endif  // NN_LOSSES_MEAN_SQUARED_ERROR_H_
