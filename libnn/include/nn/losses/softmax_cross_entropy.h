#ifndef NN_LOSSES_SOFTMAX_CROSS_ENTROPY_H_
#define NN_LOSSES_SOFTMAX_CROSS_ENTROPY_H_

#include "nn/types.h"

namespace nn {

/// What a classification loss says of a batch.
struct LossResult {
  double loss = 0.0;  ///< mean over the batch, in nats
  Index correct = 0;  ///< samples whose largest logit is their label's
};

/// Cross-entropy of the softmax of logits, with integer labels:
///
///   loss = mean over n of  log(sum_j exp(z_jn)) - z_(label_n)n
///   dz   = (softmax(z_n) - onehot(label_n)) / N
///
///   logits, dlogits   classes x N       labels   N, each in 0 .. classes-1
///
/// Written on logits and shifted by their maximum, it stays finite for any
/// finite logits. The division by N happens here and nowhere else.
/// docs/math/softmax_cross_entropy.md.
template <typename Scalar>
class SoftmaxCrossEntropy {
 public:
  /// The loss alone.
  /// Throws std::invalid_argument if the sizes disagree, the batch is empty, or
  /// a label is out of range.
  LossResult evaluate(ConstView<Scalar> logits, ConstLabels labels) const;

  /// The loss, and its gradient by the logits written into `dlogits`, which may
  /// be the logits' own memory.
  LossResult evaluate(ConstView<Scalar> logits,
                      ConstLabels labels,
                      View<Scalar> dlogits) const;
};

}  // namespace nn

#endif  // NN_LOSSES_SOFTMAX_CROSS_ENTROPY_H_
