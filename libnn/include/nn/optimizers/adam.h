#ifndef NN_OPTIMIZERS_ADAM_H_
#define NN_OPTIMIZERS_ADAM_H_

#include <cstdint>
#include <string>
#include <vector>

#include "nn/optimizers/optimizer.h"

namespace nn {

/// The settings of Adam.
struct AdamOptions {
  double learning_rate = 1e-3;  ///< finite, at least 0
  double beta1 = 0.9;           ///< decay of the mean of gradients
  double beta2 = 0.999;         ///< decay of the mean of their squares
  double epsilon = 1e-8;        ///< keeps the division finite
  double weight_decay = 0.0;    ///< L2: its gradient is averaged as well
  /// Divides by the largest mean of squares so far (Reddi et al., 2018).
  bool amsgrad = false;
};

/// The settings of AdamW.
struct AdamWOptions {
  double learning_rate = 1e-3;  ///< finite, at least 0
  double beta1 = 0.9;           ///< as in AdamOptions
  double beta2 = 0.999;         ///< as in AdamOptions
  double epsilon = 1e-8;        ///< as in AdamOptions
  double weight_decay = 1e-2;   ///< decoupled: apart from the averages
  bool amsgrad = false;         ///< as in AdamOptions
};

namespace internal {

/// What Adam and AdamW share: all but where the weight decay goes.
template <typename Scalar>
class AdamBase : public Optimizer<Scalar> {
 public:
  void step() final;
  OptimizerState<Scalar> state() final;

 protected:
  AdamBase(const char* who,
           std::vector<Parameter<Scalar>*> parameters,
           const AdamOptions& options,
           bool is_decoupled);

 private:
  using typename Optimizer<Scalar>::Slice;

  std::string kind_;
  AdamOptions options_;
  bool is_decoupled_;
  std::int64_t steps_ = 0;  ///< of all parameters together
  // One element for each of all parameters.
  Matrix<Scalar> mean_;
  Matrix<Scalar> square_;
  Matrix<Scalar> largest_;  ///< empty without AMSGrad
};

}  // namespace internal

/// Adam (Kingma and Ba, 2015, arXiv:1412.6980, algorithm 1), in PyTorch's form,
/// where t counts the steps from 1:
///
///   g = grad + weight_decay * w + l1 * sign(w)       (l1: see GroupOptions)
///   m = beta1 * m + (1 - beta1) * g                  from 0
///   v = beta2 * v + (1 - beta2) * g^2                from 0
///   w = w - learning_rate / (1 - beta1^t) * m
///           / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
///
/// With AMSGrad the largest v so far stands in place of v in the last line.
/// docs/math/adaptive_optimizers.md.
template <typename Scalar>
class Adam final : public internal::AdamBase<Scalar> {
 public:
  /// Throws std::invalid_argument as Optimizer does, and unless both betas are
  /// in [0, 1) and epsilon is finite and not negative.
  explicit Adam(std::vector<Parameter<Scalar>*> parameters,
                const AdamOptions& options = {});
};

/// Adam with decoupled weight decay (Loshchilov and Hutter, 2019,
/// arXiv:1711.05101, algorithm 2), in PyTorch's form: as Adam, but
///
///   g = grad + l1 * sign(w)
///   w = (1 - learning_rate * weight_decay) * w       before Adam's step
///
/// so that all weights shrink alike, however large their gradients are.
template <typename Scalar>
class AdamW final : public internal::AdamBase<Scalar> {
 public:
  /// Throws std::invalid_argument as Adam does.
  explicit AdamW(std::vector<Parameter<Scalar>*> parameters,
                 const AdamWOptions& options = {});
};

}  // namespace nn

#endif  // NN_OPTIMIZERS_ADAM_H_
