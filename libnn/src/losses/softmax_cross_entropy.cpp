#include "nn/losses/softmax_cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "class_of.h"
#include "losses/sample_weights.h"
#include "nn/check.h"
#include "option_checks.h"

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

template <typename Scalar>
void check_gradient_size(ConstView<Scalar> logits, View<Scalar> dlogits) {
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
}

/// How one sample counts: its loss is
///   label * -log p_label + spread * sum over j of weight_j * -log p_j.
struct Weights {
  double label = 1.0;
  double spread = 0.0;
  double total = 1.0;                ///< label + spread * sum of weight_j
  const double* of_class = nullptr;  ///< weight_j; null where all are 1
  double share = 1.0;  ///< of the batch's loss: the gradient's factor
};

/// Loss of one sample. Writes its gradient into `dz` where that is not null;
/// `dz` may be `z`.
template <typename Scalar>
double sample_loss(const Scalar* z,
                   Index classes,
                   Index label,
                   const Weights& weights,
                   Scalar* dz,
                   bool& correct) {
  const auto weight_of = [&weights](Index j) {
    return weights.of_class == nullptr ? 1.0 : weights.of_class[j];
  };
  const Index largest = internal::class_of(z, classes);
  correct = largest == label;

  // Shifting by the maximum leaves softmax unchanged and keeps exp() from
  // overflowing. The largest term is then exp(0) = 1, so the sum is at least 1
  // and its logarithm finite. It is added up in double because the loss of a
  // sure sample is all in the terms that are tiny beside that 1. Without a
  // largest logit, all that follows is NaN.
  const Scalar shift =
      largest >= 0 ? z[largest] : std::numeric_limits<Scalar>::quiet_NaN();
  const auto shifted = [z, shift](Index j) {
    return static_cast<double>(z[j]) - static_cast<double>(shift);
  };
  const double label_logit = shifted(label);
  double spread_logits = 0.0;
  if (weights.spread > 0.0) {
    for (Index j = 0; j < classes; ++j) {
      // A logit of minus infinity does not matter to a class without weight.
      if (weight_of(j) > 0.0) {
        spread_logits += weights.spread * weight_of(j) * shifted(j);
      }
    }
  }
  double sum = 0.0;
  for (Index j = 0; j < classes; ++j) {
    const Scalar e = std::exp(z[j] - shift);
    sum += static_cast<double>(e);
    if (dz != nullptr) dz[j] = e;
  }
  if (dz != nullptr) {
    const auto scale = static_cast<Scalar>(weights.share * weights.total / sum);
    for (Index j = 0; j < classes; ++j) dz[j] *= scale;
    if (weights.spread > 0.0) {
      const double spread = weights.share * weights.spread;
      for (Index j = 0; j < classes; ++j) {
        dz[j] -= static_cast<Scalar>(spread * weight_of(j));
      }
    }
    dz[label] -= static_cast<Scalar>(weights.share * weights.label);
  }
  const double logarithm = std::log(sum);
  double loss = weights.label > 0.0 || std::isnan(logarithm)
                    ? weights.label * (logarithm - label_logit)
                    : 0.0;
  if (weights.spread > 0.0) {
    // Neither term is negative, so nothing cancels.
    loss += (weights.total - weights.label) * logarithm - spread_logits;
  }
  return loss;
}

}  // namespace

template <typename Scalar>
SoftmaxCrossEntropy<Scalar>::SoftmaxCrossEntropy(
    SoftmaxCrossEntropyOptions options)
    : options_(std::move(options)) {
  for (const double weight : options_.class_weights) {
    internal::check_not_negative("SoftmaxCrossEntropy", "class weight", weight);
    weight_sum_ += weight;
  }
  internal::check_share(
      "SoftmaxCrossEntropy", "a label smoothing", options_.label_smoothing);
}

template <typename Scalar>
LossResult SoftmaxCrossEntropy<Scalar>::batch_loss(
    const ConstView<Scalar>& logits,
    const ConstLabels& labels,
    Scalar* dlogits,
    const ConstView<Scalar>& sample_weights) const {
  const Index classes = logits.rows();
  const Index batch = logits.cols();
  const std::vector<double>& class_weights = options_.class_weights;
  const bool is_weighted = !class_weights.empty();
  check_argument(
      !is_weighted || static_cast<Index>(class_weights.size()) == classes,
      "[SoftmaxCrossEntropy] expected ",
      class_weights.size(),
      " classes as there are class weights, got ",
      classes);
  double divisor =
      internal::sum_of_weights("SoftmaxCrossEntropy", sample_weights, batch);
  const auto weight_of_sample = [&](Index n) {
    return sample_weights.size() == 0
               ? 1.0
               : static_cast<double>(sample_weights.data()[n]);
  };
  const auto weight_of_label = [&](Index n) {
    return is_weighted ? class_weights[static_cast<std::size_t>(labels[n])]
                       : 1.0;
  };
  if (is_weighted) {
    divisor = 0.0;
    for (Index n = 0; n < batch; ++n) {
      divisor += weight_of_sample(n) * weight_of_label(n);
    }
  }

  Weights weights;
  weights.share = divisor > 0.0 ? 1.0 / divisor : 0.0;
  weights.of_class = is_weighted ? class_weights.data() : nullptr;
  const double spread = options_.label_smoothing / static_cast<double>(classes);
  const double spread_sum =
      spread * (is_weighted ? weight_sum_ : double(classes));
  LossResult result;
  for (Index n = 0; n < batch; ++n) {
    bool correct = false;
    const Scalar* const z = logits.data() + n * classes;
    Scalar* const dz = dlogits == nullptr ? nullptr : dlogits + n * classes;
    const auto label = static_cast<Index>(labels[n]);
    const double weight = weight_of_sample(n);
    if (weight > 0.0) {
      weights.label =
          weight * (1.0 - options_.label_smoothing) * weight_of_label(n);
      weights.spread = weight * spread;
      weights.total = weights.label + weight * spread_sum;
      result.loss += sample_loss(z, classes, label, weights, dz, correct);
    } else {
      correct = internal::class_of(z, classes) == label;
      if (dz != nullptr) std::fill_n(dz, classes, Scalar(0));
    }
    if (correct) ++result.correct;
  }
  result.sum = result.loss;
  result.weight = divisor;
  result.loss = divisor > 0.0 ? result.sum / divisor : 0.0;
  return result;
}

template <typename Scalar>
LossResult SoftmaxCrossEntropy<Scalar>::evaluate(ConstView<Scalar> logits,
                                                 ConstLabels labels) const {
  check_sizes<Scalar>(logits, labels);
  return batch_loss(logits, labels, nullptr, ConstView<Scalar>(nullptr, 0, 0));
}

template <typename Scalar>
LossResult SoftmaxCrossEntropy<Scalar>::evaluate(ConstView<Scalar> logits,
                                                 ConstLabels labels,
                                                 View<Scalar> dlogits) const {
  check_sizes<Scalar>(logits, labels);
  check_gradient_size<Scalar>(logits, dlogits);
  return batch_loss(
      logits, labels, dlogits.data(), ConstView<Scalar>(nullptr, 0, 0));
}

template <typename Scalar>
LossResult SoftmaxCrossEntropy<Scalar>::evaluate(
    ConstView<Scalar> logits,
    ConstLabels labels,
    View<Scalar> dlogits,
    ConstView<Scalar> weights) const {
  check_sizes<Scalar>(logits, labels);
  const bool wants_gradient = dlogits.size() > 0;
  if (wants_gradient) check_gradient_size<Scalar>(logits, dlogits);
  return batch_loss(
      logits, labels, wants_gradient ? dlogits.data() : nullptr, weights);
}

template class SoftmaxCrossEntropy<float>;
template class SoftmaxCrossEntropy<double>;

}  // namespace nn
