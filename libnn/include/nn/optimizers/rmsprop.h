#ifndef NN_OPTIMIZERS_RMSPROP_H_
#define NN_OPTIMIZERS_RMSPROP_H_

#include <vector>

#include "nn/optimizers/optimizer.h"

namespace nn {

/// The settings of RmsProp. Its formula says what each does.
struct RmsPropOptions {
  double learning_rate = 1e-2;  ///< finite, at least 0
  double alpha = 0.99;          ///< decay of the mean of squared gradients
  double epsilon = 1e-8;        ///< keeps the division finite
  double weight_decay = 0.0;    ///< finite, at least 0
  double momentum = 0.0;        ///< of the steps; 0 is none
  /// Divides by the root of the gradient's variance, not of its mean square.
  bool centered = false;
};

/// RMSprop (Hinton, 2012, lecture 6e; centered: Graves, 2013,
/// arXiv:1308.0850, eq. 38 to 45), in PyTorch's form:
///
///   g = grad + weight_decay * w + l1 * sign(w)       (l1: see GroupOptions)
///   s = alpha * s + (1 - alpha) * g^2                from 0
///   m = alpha * m + (1 - alpha) * g                  from 0, if centered
///   u = g / (sqrt(centered ? s - m^2 : s) + epsilon)
///   v = momentum * v + u                             from 0
///   w = w - learning_rate * v
///
/// Where rounding makes s - m^2 negative it counts as 0; PyTorch goes on with
/// NaN. docs/math/adaptive_optimizers.md.
template <typename Scalar>
class RmsProp final : public Optimizer<Scalar> {
 public:
  /// Throws std::invalid_argument as Optimizer does, and unless alpha and
  /// momentum are in [0, 1) and epsilon is finite and not negative.
  explicit RmsProp(std::vector<Parameter<Scalar>*> parameters,
                   const RmsPropOptions& options = {});

  void step() override;
  OptimizerState<Scalar> state() override;

 private:
  using typename Optimizer<Scalar>::Slice;

  RmsPropOptions options_;
  // One element for each of all parameters.
  Matrix<Scalar> square_;
  Matrix<Scalar> mean_;      ///< empty unless centered
  Matrix<Scalar> velocity_;  ///< empty without momentum
};

}  // namespace nn

#endif  // NN_OPTIMIZERS_RMSPROP_H_
