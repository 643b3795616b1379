#ifndef NN_TRAINING_METRICS_H_
#define NN_TRAINING_METRICS_H_

#include <vector>

#include "nn/network/sequential.h"
#include "nn/training/samples.h"
#include "nn/types.h"

namespace nn {

// How good outputs are, beyond their loss. All throw std::invalid_argument if
// sizes disagree, there is no sample, or a label is none of the classes. A NaN
// among the outputs makes a number NaN, and a sample one without a class.
// Trainer::add_metric() measures them on validation samples.
//
//   outputs, target   features x N     logits   classes x N     labels   N

/// The mean of |output - target| over all elements.
template <typename Scalar>
double mean_absolute_error(ConstView<Scalar> outputs, ConstView<Scalar> target);

/// The coefficient of determination, R2: 1 - (sum of squared errors) / (sum of
/// squared deviations of the target from its mean), for each feature, and then
/// the mean over features. A feature whose target is constant counts 1 if its
/// outputs have no error and 0 otherwise.
template <typename Scalar>
double r_squared(ConstView<Scalar> outputs, ConstView<Scalar> target);

/// The share of samples whose label is among the k classes of the largest
/// logits; of equal ones the first counts as larger.
/// Throws std::invalid_argument if k is not in 1 .. classes, too.
template <typename Scalar>
double top_k_accuracy(ConstView<Scalar> logits, ConstLabels labels, Index k);

/// How one class is told from all others.
struct ClassScores {
  double precision = 0.0;  ///< share of right ones among those said to be of it
  double recall = 0.0;     ///< share of those of it that are said to be
  double f1 = 0.0;         ///< harmonic mean of both
  Index support = 0;       ///< samples of it
};

/// The scores of each class. A quotient by 0 is 0.
template <typename Scalar>
std::vector<ClassScores> class_scores(ConstView<Scalar> logits,
                                      ConstLabels labels);

/// Which classes were said to be which.
struct ClassificationReport {
  /// classes x classes: in row i and column j, how many samples of class i were
  /// said to be of class j. One without a class is in no column.
  Matrix<Index> confusion;
  std::vector<ClassScores> scores;  ///< of each class
  Index correct = 0;                ///< the sum of the diagonal
  double accuracy = 0.0;            ///< their share of all samples
};

/// The report of logits; a sample with a NaN among them has no class.
template <typename Scalar>
ClassificationReport classification_report(ConstView<Scalar> logits,
                                           ConstLabels labels);

/// The same of a network, in inference mode, which needs memory for some of the
/// samples at a time alone:
///
///   const auto report = nn::classification_report<float>(net, {x, labels});
///   const nn::Index sevens_taken_for_ones = report.confusion(7, 1);
///
/// Throws std::invalid_argument also if the samples do not fit the network or
/// have no labels.
template <typename Scalar>
ClassificationReport classification_report(const Sequential<Scalar>& network,
                                           const Samples<Scalar>& samples);

/// The area under the curve of the receiver operating characteristic: the
/// probability that a positive sample has a higher score than a negative one,
/// where equal scores count half. Positive is a target above 0.5. NaN without a
/// positive or without a negative sample.
///
///   scores, target   any size, the same
template <typename Scalar>
double area_under_roc(ConstView<Scalar> scores, ConstView<Scalar> target);

}  // namespace nn

#endif  // NN_TRAINING_METRICS_H_
