#ifndef NN_LOSSES_MEAN_SQUARED_ERROR_H_
#define NN_LOSSES_MEAN_SQUARED_ERROR_H_

#include "nn/losses/loss.h"

namespace nn {

/// For regression:
///
///   l  = (y - target)^2
///   dy = 2 (y - target) / (features * N)
///
/// docs/math/regression_losses.md.
template <typename Scalar>
class MeanSquaredError final : public Loss<Scalar> {
 public:
  const char* name() const override { return "MeanSquaredError"; }

 private:
  double do_evaluate(ConstView<Scalar> y,
                     ConstView<Scalar> target,
                     Scalar scale,
                     Scalar* dy) const override;
};

}  // namespace nn

#endif  // NN_LOSSES_MEAN_SQUARED_ERROR_H_
