#include "nn/training/metrics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>

#include "class_of.h"
#include "nn/check.h"

namespace nn {
namespace {

template <typename Scalar>
void check_targets(const char* who,
                   const ConstView<Scalar>& outputs,
                   const ConstView<Scalar>& target) {
  check_argument(outputs.size() > 0 && target.rows() == outputs.rows() &&
                     target.cols() == outputs.cols(),
                 "[",
                 who,
                 "] expected outputs and a target of one size, with at least 1 "
                 "element, got ",
                 outputs.rows(),
                 " x ",
                 outputs.cols(),
                 " and ",
                 target.rows(),
                 " x ",
                 target.cols());
}

template <typename Scalar>
void check_labels(const char* who,
                  const ConstView<Scalar>& logits,
                  const ConstLabels& labels) {
  check_argument(logits.size() > 0 && labels.size() == logits.cols(),
                 "[",
                 who,
                 "] expected logits of at least 1 sample and a label for each, "
                 "got ",
                 logits.rows(),
                 " x ",
                 logits.cols(),
                 " and ",
                 labels.size());
  for (Index n = 0; n < labels.size(); ++n) {
    check_argument(0 <= labels[n] && labels[n] < logits.rows(),
                   "[",
                   who,
                   "] expected labels from 0 to ",
                   logits.rows() - 1,
                   ", got ",
                   labels[n],
                   " for sample ",
                   n);
  }
}

double share_of(Index count, Index all) {
  return all > 0 ? static_cast<double>(count) / static_cast<double>(all) : 0.0;
}

/// Samples that a network sees at a time.
constexpr Index kPart = 256;

template <typename Scalar>
Labels classes_of(const ConstView<Scalar>& logits) {
  Labels classes(logits.cols());
  for (Index n = 0; n < logits.cols(); ++n) {
    classes[n] = static_cast<int>(
        internal::class_of(logits.data() + n * logits.rows(), logits.rows()));
  }
  return classes;
}

/// Of labels that have been checked; -1 is no class.
std::vector<ClassScores> scores_of(Index classes,
                                   const Labels& found,
                                   const ConstLabels& labels) {
  const auto count = static_cast<std::size_t>(classes);
  std::vector<ClassScores> scores(count);
  std::vector<Index> right(count, 0);
  std::vector<Index> said(count, 0);
  for (Index n = 0; n < labels.size(); ++n) {
    const auto label = static_cast<std::size_t>(labels[n]);
    ++scores[label].support;
    if (found[n] < 0) continue;
    ++said[static_cast<std::size_t>(found[n])];
    if (found[n] == labels[n]) ++right[label];
  }
  for (std::size_t c = 0; c < count; ++c) {
    scores[c].precision = share_of(right[c], said[c]);
    scores[c].recall = share_of(right[c], scores[c].support);
    scores[c].f1 = share_of(2 * right[c], said[c] + scores[c].support);
  }
  return scores;
}

ClassificationReport report_of(Index classes,
                               const Labels& found,
                               const ConstLabels& labels) {
  ClassificationReport report;
  report.scores = scores_of(classes, found, labels);
  report.confusion = Matrix<Index>::Zero(classes, classes);
  for (Index n = 0; n < labels.size(); ++n) {
    if (found[n] >= 0) ++report.confusion(labels[n], found[n]);
    if (found[n] == labels[n]) ++report.correct;
  }
  report.accuracy = share_of(report.correct, labels.size());
  return report;
}

}  // namespace

template <typename Scalar>
double mean_absolute_error(ConstView<Scalar> outputs,
                           ConstView<Scalar> target) {
  check_targets("mean_absolute_error", outputs, target);
  double sum = 0.0;
  for (Index i = 0; i < outputs.size(); ++i) {
    sum += std::abs(static_cast<double>(outputs.data()[i]) -
                    static_cast<double>(target.data()[i]));
  }
  return sum / static_cast<double>(outputs.size());
}

template <typename Scalar>
double r_squared(ConstView<Scalar> outputs, ConstView<Scalar> target) {
  check_targets("r_squared", outputs, target);
  const auto samples = static_cast<double>(outputs.cols());
  double sum = 0.0;
  for (Index i = 0; i < outputs.rows(); ++i) {
    double mean = 0.0;
    for (Index n = 0; n < outputs.cols(); ++n) {
      mean += static_cast<double>(target(i, n));
    }
    mean /= samples;
    double errors = 0.0;
    double deviations = 0.0;
    // Equal numbers may have a mean that is another, by rounding.
    bool is_constant = true;
    for (Index n = 0; n < outputs.cols(); ++n) {
      const auto wanted = static_cast<double>(target(i, n));
      const double error = static_cast<double>(outputs(i, n)) - wanted;
      errors += error * error;
      deviations += (wanted - mean) * (wanted - mean);
      is_constant = is_constant && target(i, n) == target(i, 0);
    }
    if (!is_constant) {
      sum += 1.0 - errors / deviations;
    } else if (!(errors > 0.0)) {
      sum += errors == 0.0 ? 1.0 : errors;
    }
  }
  return sum / static_cast<double>(outputs.rows());
}

template <typename Scalar>
double top_k_accuracy(ConstView<Scalar> logits, ConstLabels labels, Index k) {
  check_labels("top_k_accuracy", logits, labels);
  check_argument(1 <= k && k <= logits.rows(),
                 "[top_k_accuracy] expected k from 1 to ",
                 logits.rows(),
                 ", got ",
                 k);
  Index correct = 0;
  for (Index n = 0; n < logits.cols(); ++n) {
    const Index label = labels[n];
    Index before = 0;
    bool has_nan = false;
    for (Index j = 0; j < logits.rows(); ++j) {
      const Scalar z = logits(j, n);
      has_nan = has_nan || std::isnan(z);
      if (z > logits(label, n) || (z == logits(label, n) && j < label)) {
        ++before;
      }
    }
    if (!has_nan && before < k) ++correct;
  }
  return share_of(correct, logits.cols());
}

template <typename Scalar>
std::vector<ClassScores> class_scores(ConstView<Scalar> logits,
                                      ConstLabels labels) {
  check_labels("class_scores", logits, labels);
  return scores_of(logits.rows(), classes_of(logits), labels);
}

template <typename Scalar>
ClassificationReport classification_report(ConstView<Scalar> logits,
                                           ConstLabels labels) {
  check_labels("classification_report", logits, labels);
  return report_of(logits.rows(), classes_of(logits), labels);
}

template <typename Scalar>
ClassificationReport classification_report(const Sequential<Scalar>& network,
                                           const Samples<Scalar>& samples) {
  const Index features = network.input_shape().features();
  const Index classes = network.output_shape().features();
  check_argument(samples.has_labels() && samples.features() == features,
                 "[classification_report] expected samples of ",
                 features,
                 " features with labels, got ",
                 samples.features(),
                 samples.has_labels() ? "" : " with a matrix of targets");
  const Index total = samples.size();
  Labels found(total);
  Labels labels(total);
  Matrix<Scalar> x(features, std::min(kPart, total));
  std::vector<Index> indices(static_cast<std::size_t>(x.cols()));
  for (Index first = 0; first < total; first += kPart) {
    const Index count = std::min(kPart, total - first);
    std::iota(indices.begin(), indices.begin() + count, first);
    const View<Scalar> part(x.leftCols(count));
    samples.gather(indices.data(), count, part, labels.segment(first, count));
    found.segment(first, count) = network.predict_classes(as_const(part));
  }
  for (Index n = 0; n < total; ++n) {
    check_argument(0 <= labels[n] && labels[n] < classes,
                   "[classification_report] expected labels from 0 to ",
                   classes - 1,
                   ", got ",
                   labels[n],
                   " for sample ",
                   samples.place(n));
  }
  return report_of(classes, found, labels);
}

template <typename Scalar>
double area_under_roc(ConstView<Scalar> scores, ConstView<Scalar> target) {
  check_targets("area_under_roc", scores, target);
  for (Index i = 0; i < scores.size(); ++i) {
    if (std::isnan(scores.data()[i])) {
      return std::numeric_limits<double>::quiet_NaN();
    }
  }
  std::vector<Index> order(static_cast<std::size_t>(scores.size()));
  std::iota(order.begin(), order.end(), Index{0});
  std::sort(order.begin(), order.end(), [&scores](Index a, Index b) {
    return scores.data()[a] < scores.data()[b];
  });
  // Pairs of a positive and a smaller negative; those of equal scores are seen
  // together.
  double pairs = 0.0;
  double positives = 0.0;
  double negatives = 0.0;
  for (std::size_t first = 0; first < order.size();) {
    const Scalar score = scores.data()[order[first]];
    double equal_positives = 0.0;
    double equal_negatives = 0.0;
    for (; first < order.size() && scores.data()[order[first]] == score;
         ++first) {
      (target.data()[order[first]] > Scalar(0.5) ? equal_positives
                                                 : equal_negatives) += 1.0;
    }
    pairs += equal_positives * (negatives + 0.5 * equal_negatives);
    positives += equal_positives;
    negatives += equal_negatives;
  }
  return pairs / (positives * negatives);
}

#define NN_INSTANTIATE(Scalar)                                               \
  template double mean_absolute_error(ConstView<Scalar>, ConstView<Scalar>); \
  template double r_squared(ConstView<Scalar>, ConstView<Scalar>);           \
  template double top_k_accuracy(ConstView<Scalar>, ConstLabels, Index);     \
  template std::vector<ClassScores> class_scores(ConstView<Scalar>,          \
                                                 ConstLabels);               \
  template ClassificationReport classification_report(ConstView<Scalar>,     \
                                                      ConstLabels);          \
  template ClassificationReport classification_report(                       \
      const Sequential<Scalar>&, const Samples<Scalar>&);                    \
  template double area_under_roc(ConstView<Scalar>, ConstView<Scalar>);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn
