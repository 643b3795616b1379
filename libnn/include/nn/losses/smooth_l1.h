#ifndef NN_LOSSES_SMOOTH_L1_H_
#define NN_LOSSES_SMOOTH_L1_H_

#include <vector>

#include "nn/losses/loss.h"

namespace nn {

/// For regression with outliers (Girshick, 2015, arXiv:1504.08083, eq. 3, with
/// PyTorch's beta). With e = (y - target) / unit:
///
///   l  = e^2 / (2 beta)      where |e| < beta
///        |e| - beta / 2      elsewhere
///   dy = e / beta  or  sign(e), over unit * features * N
///
/// The units are those of MeanSquaredError; beta is counted in them.
///
/// It is Huber's loss over beta. With beta = 0 it is |e|, whose derivative at 0
/// is taken to be 0, as in PyTorch's l1_loss (its smooth_l1_loss takes -1).
/// docs/math/regression_losses.md.
template <typename Scalar>
class SmoothL1 final : public Loss<Scalar> {
 public:
  /// Throws std::invalid_argument unless beta is finite and not negative, and
  /// as MeanSquaredError does.
  explicit SmoothL1(double beta = 1.0, const std::vector<double>& units = {});

  const char* name() const override { return "SmoothL1"; }

 private:
  void check_target(const ConstView<Scalar>& target) const override;
  double do_evaluate(ConstView<Scalar> y,
                     ConstView<Scalar> target,
                     Scalar scale,
                     Scalar* dy) const override;

  Scalar beta_;
  std::vector<Scalar> factors_;  ///< 1 / unit; none where all are 1
};

}  // namespace nn

#endif  // NN_LOSSES_SMOOTH_L1_H_
