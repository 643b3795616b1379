#ifndef NN_LOSSES_SOFTMAX_CROSS_ENTROPY_H_
#define NN_LOSSES_SOFTMAX_CROSS_ENTROPY_H_

#include <vector>

#include "nn/types.h"

namespace nn {

/// What a classification loss says of a batch.
struct LossResult {
  double loss = 0.0;  ///< (weighted) mean over the batch, in nats
  /// Samples whose largest logit is their label's. One with a NaN among its
  /// logits has no largest and is not counted.
  Index correct = 0;
  ///@{
  /// What `loss` is the quotient of: the (weighted) losses of all samples, and
  /// their number, or their weights and the class weights of their labels,
  /// multiplied and added up. The loss of several batches together is that of
  /// their sums.
  double sum = 0.0;
  double weight = 0.0;
  ///@}
};

/// The settings of SoftmaxCrossEntropy.
struct SoftmaxCrossEntropyOptions {
  /// One for each class, or none: a sample counts as much as its label's class
  /// does, and the mean is a weighted one.
  std::vector<double> class_weights;
  /// The share of each label that is spread evenly over all classes (Szegedy
  /// et al., 2016, arXiv:1512.00567, section 7).
  double label_smoothing = 0.0;
};

/// Cross-entropy of the softmax of logits, with integer labels:
///
///   loss = mean over n of  log(sum_j exp(z_jn)) - z_(label_n)n
///   dz   = (softmax(z_n) - onehot(label_n)) / N
///
///   logits, dlogits   classes x N       labels   N, each in 0 .. classes-1
///
/// Written on logits and shifted by their maximum, it stays finite for any
/// finite logits (of double: of which differences are finite). A logit of minus
/// infinity is a probability of 0. The division by N happens here and nowhere
/// else.
///
/// With class weights w and label smoothing s, in PyTorch's form, where p is
/// the softmax, C the number of classes and W the sum of w over all labels of
/// the batch:
///
///   loss = 1/W * sum over n of  -(1 - s) w_(label_n) log p_(label_n)n
///                               - s/C * sum over j of w_j log p_jn
///
/// If W is 0 no sample counts: loss and gradient are then 0, where PyTorch's
/// are NaN. docs/math/softmax_cross_entropy.md.
///
/// With a weight for each sample, every term of sample n is multiplied by it,
/// and what sample n adds to W too: a sample of weight 2 counts as two would.
/// One of weight 0 does not count whatever its logits are. Right answers are
/// counted without weights. docs/math/sample_weights.md.
template <typename Scalar>
class SoftmaxCrossEntropy {
 public:
  SoftmaxCrossEntropy() = default;
  /// Throws std::invalid_argument unless all weights are finite and not
  /// negative and the smoothing is in 0 .. 1.
  explicit SoftmaxCrossEntropy(SoftmaxCrossEntropyOptions options);

  /// The loss alone.
  /// Throws std::invalid_argument if the sizes disagree, the batch is empty, a
  /// label is out of range, or there are class weights of another number than
  /// the classes.
  LossResult evaluate(ConstView<Scalar> logits, ConstLabels labels) const;

  /// The loss, and its gradient by the logits written into `dlogits`, which may
  /// be the logits' own memory.
  LossResult evaluate(ConstView<Scalar> logits,
                      ConstLabels labels,
                      View<Scalar> dlogits) const;

  /// The weighted loss, and its gradient unless `dlogits` is no_view().
  ///
  ///   weights   one for each sample; of size zero where all count alike
  ///
  /// Throws as the others, and if there are other than N weights or one is
  /// negative or not finite.
  LossResult evaluate(ConstView<Scalar> logits,
                      ConstLabels labels,
                      View<Scalar> dlogits,
                      ConstView<Scalar> weights) const;

 private:
  LossResult batch_loss(const ConstView<Scalar>& logits,
                        const ConstLabels& labels,
                        Scalar* dlogits,
                        const ConstView<Scalar>& sample_weights) const;

  SoftmaxCrossEntropyOptions options_;
  double weight_sum_ = 0.0;  ///< of the classes
};

}  // namespace nn

#endif  // NN_LOSSES_SOFTMAX_CROSS_ENTROPY_H_
