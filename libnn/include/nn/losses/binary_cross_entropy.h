#ifndef NN_LOSSES_BINARY_CROSS_ENTROPY_H_
#define NN_LOSSES_BINARY_CROSS_ENTROPY_H_

#include <vector>

#include "nn/losses/loss.h"

namespace nn {

/// Cross-entropy of the sigmoid of logits, for questions answered by yes or no:
/// one for each feature, independent of each other. With the logit z = y, the
/// sigmoid s = 1 / (1 + exp(-z)) and the weight p of the positive answers:
///
///   l  = -p target log(s) - (1 - target) log(1 - s)
///   dy = ((1 - target) s - p target (1 - s)) / (features * N)
///
///   target   in 0 .. 1: 1 for yes, 0 for no, or a probability
///
/// Written on logits, it stays finite for any finite logits; the network's last
/// layer computes them, without a sigmoid. A weight above 1 makes up for
/// positive answers that are rare, as PyTorch's pos_weight.
/// docs/math/binary_cross_entropy.md.
template <typename Scalar>
class BinaryCrossEntropy final : public Loss<Scalar> {
 public:
  /// One weight for all features, or one for each; none stands for 1.
  /// Throws std::invalid_argument unless all are finite and not negative. A
  /// number of weights that is not that of the features is refused by
  /// evaluate(), and so is a target outside of 0 .. 1.
  explicit BinaryCrossEntropy(const std::vector<double>& positive_weights = {});

  const char* name() const override { return "BinaryCrossEntropy"; }

 private:
  void check_target(const ConstView<Scalar>& target) const override;
  double do_evaluate(ConstView<Scalar> y,
                     ConstView<Scalar> target,
                     Scalar scale,
                     Scalar* dy) const override;

  std::vector<Scalar> weights_;
};

}  // namespace nn

#endif  // NN_LOSSES_BINARY_CROSS_ENTROPY_H_
