#ifndef NN_OPTIMIZERS_SGD_H_
#define NN_OPTIMIZERS_SGD_H_

#include <vector>

#include "nn/optimizers/optimizer.h"

namespace nn {

/// The settings of Sgd. Its formula says what each does.
struct SgdOptions {
  double learning_rate = 0.1;  ///< finite, at least 0
  double momentum = 0.0;       ///< at least 0, less than 1
  double weight_decay = 0.0;   ///< finite, at least 0
  /// Look-ahead momentum; needs momentum > 0.
  bool nesterov = false;
};

/// Stochastic gradient descent with momentum, in PyTorch's form:
///
///   g = grad + weight_decay * w + l1 * sign(w)       (l1: see GroupOptions)
///   v = g                      in the first step
///   v = momentum * v + g       in later ones
///   w = w - learning_rate * (nesterov ? g + momentum * v : v)
///
/// The learning rate multiplies the velocity (Sutskever et al., 2013 put it
/// inside), so a change of the rate acts at once.
/// docs/math/sgd.md derives both forms of the momentum.
template <typename Scalar>
class Sgd final : public Optimizer<Scalar> {
 public:
  /// Throws std::invalid_argument as Optimizer does, and unless
  /// 0 <= momentum < 1 and Nesterov comes with momentum.
  Sgd(std::vector<Parameter<Scalar>*> parameters, const SgdOptions& options);

  void step() override;
  OptimizerState<Scalar> state() override;

 private:
  using typename Optimizer<Scalar>::Slice;

  SgdOptions options_;
  Matrix<Scalar> velocity_;  ///< of every element; empty without momentum
};

}  // namespace nn

#endif  // NN_OPTIMIZERS_SGD_H_
