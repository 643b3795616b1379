#include "nn/losses/softmax_cross_entropy.h"

#include <cmath>

#include "nn/check.h"

namespace nn {
namespace {

/// Before anything is written: the gradient may overwrite the logits.
template <typename Scalar>
void check_sizes(ConstView<Scalar> logits, ConstLabels labels) {
  const Index classes = logits.rows();
  const Index batch = logits.cols();
  check_argument(classes >= 1 && batch >= 1,
                 "[SoftmaxCrossEntropy] expected at least 1 class and 1 "
                 "sample, got ",
                 classes,
                 " x ",
                 batch,
                 " logits");
  check_argument(labels.size() == batch,
                 "[SoftmaxCrossEntropy] expected ",
                 batch,
                 " labels for ",
                 classes,
                 " x ",
                 batch,
                 " logits, got ",
                 labels.size());
  for (Index n = 0; n < batch; ++n) {
    check_argument(labels[n] >= 0,
                   "[SoftmaxCrossEntropy] label ",
                   labels[n],
                   " of sample ",
                   n,
                   " is negative");
    check_argument(labels[n] < classes,
                   "[SoftmaxCrossEntropy] label ",
                   labels[n],
                   " of sample ",
                   n,
                   " is not below the ",
                   classes,
                   " classes");
  }
}

/// Loss of one sample. Writes its gradient into `dz` where that is not null;
/// `dz` may be `z`.
template <typename Scalar>
double sample_loss(const Scalar* z,
                   Index classes,
                   Index label,
                   Index batch,
                   Scalar* dz,
                   bool& correct) {
  Index largest = 0;
  for (Index j = 1; j < classes; ++j) {
    if (z[j] > z[largest]) largest = j;
  }
  correct = largest == label;

  // Shifting by the maximum leaves softmax unchanged and keeps exp() from
  // overflowing. The largest term is then exp(0) = 1, so the sum is at least 1
  // and its logarithm finite. It is added up in double because the loss of a
  // sure sample is all in the terms that are tiny beside that 1.
  const Scalar shift = z[largest];
  const double label_logit =
      static_cast<double>(z[label]) - static_cast<double>(shift);
  double sum = 0.0;
  for (Index j = 0; j < classes; ++j) {
    const Scalar e = std::exp(z[j] - shift);
    sum += static_cast<double>(e);
    if (dz != nullptr) dz[j] = e;
  }
  if (dz != nullptr) {
    const double share = 1.0 / static_cast<double>(batch);
    const auto scale = static_cast<Scalar>(share / sum);
    for (Index j = 0; j < classes; ++j) dz[j] *= scale;
    dz[label] -= static_cast<Scalar>(share);
  }
  return std::log(sum) - label_logit;
}

template <typename Scalar>
LossResult batch_loss(ConstView<Scalar> logits,
                      ConstLabels labels,
                      Scalar* dlogits) {
  const Index classes = logits.rows();
  const Index batch = logits.cols();
  LossResult result;
  for (Index n = 0; n < batch; ++n) {
    bool correct = false;
    result.loss +=
        sample_loss(logits.data() + n * classes,
                    classes,
                    static_cast<Index>(labels[n]),
                    batch,
                    dlogits == nullptr ? nullptr : dlogits + n * classes,
                    correct);
    if (correct) ++result.correct;
  }
  result.loss /= static_cast<double>(batch);
  return result;
}

}  // namespace

template <typename Scalar>
LossResult SoftmaxCrossEntropy<Scalar>::evaluate(ConstView<Scalar> logits,
                                                 ConstLabels labels) const {
  check_sizes<Scalar>(logits, labels);
  return batch_loss<Scalar>(logits, labels, nullptr);
}

template <typename Scalar>
LossResult SoftmaxCrossEntropy<Scalar>::evaluate(ConstView<Scalar> logits,
                                                 ConstLabels labels,
                                                 View<Scalar> dlogits) const {
  check_sizes<Scalar>(logits, labels);
  check_argument(
      dlogits.rows() == logits.rows() && dlogits.cols() == logits.cols(),
      "[SoftmaxCrossEntropy] expected dlogits of ",
      logits.rows(),
      " x ",
      logits.cols(),
      " as the logits are, got ",
      dlogits.rows(),
      " x ",
      dlogits.cols());
  return batch_loss<Scalar>(logits, labels, dlogits.data());
}

template class SoftmaxCrossEntropy<float>;
template class SoftmaxCrossEntropy<double>;

}  // namespace nn
