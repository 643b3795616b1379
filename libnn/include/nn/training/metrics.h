#ifndef NN_TRAINING_METRICS_H_
#define NN_TRAINING_METRICS_H_

#include <vector>

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
