#ifndef NN_OPTIMIZERS_ADAGRAD_H_
#define NN_OPTIMIZERS_ADAGRAD_H_

#include <cstdint>
#include <vector>

#include "nn/optimizers/optimizer.h"

namespace nn {

/// The settings of Adagrad. Its formula says what each does.
struct AdagradOptions {
  double learning_rate = 1e-2;       ///< finite, at least 0
  double learning_rate_decay = 0.0;  ///< finite, at least 0
  double weight_decay = 0.0;         ///< finite, at least 0
  double initial_accumulator = 0.0;  ///< what sums of squares start from
  double epsilon = 1e-10;            ///< keeps the division finite
};

/// Adagrad (Duchi, Hazan and Singer, 2011, with a diagonal matrix), in
/// PyTorch's form, where t counts the steps from 1:
///
///   g = grad + weight_decay * w + l1 * sign(w)       (l1: see GroupOptions)
///   s = s + g^2                                      from initial_accumulator
///   w = w - learning_rate / (1 + (t - 1) * learning_rate_decay)
///           * g / (sqrt(s) + epsilon)
///
/// docs/math/adaptive_optimizers.md.
template <typename Scalar>
class Adagrad final : public Optimizer<Scalar> {
 public:
  /// Throws std::invalid_argument as Optimizer does, and unless all numbers are
  /// finite and not negative.
  explicit Adagrad(std::vector<Parameter<Scalar>*> parameters,
                   const AdagradOptions& options = {});

  void step() override;
  OptimizerState<Scalar> state() override;

 private:
  using typename Optimizer<Scalar>::Slice;

  AdagradOptions options_;
  std::int64_t steps_ = 0;  ///< of all parameters together
  Matrix<Scalar> sum_;      ///< one element for each of all parameters
};

}  // namespace nn

#endif  // NN_OPTIMIZERS_ADAGRAD_H_
