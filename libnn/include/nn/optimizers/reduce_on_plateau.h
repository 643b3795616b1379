#ifndef NN_OPTIMIZERS_REDUCE_ON_PLATEAU_H_
#define NN_OPTIMIZERS_REDUCE_ON_PLATEAU_H_

#include "nn/types.h"

namespace nn {

/// The settings of ReduceOnPlateau.
struct ReduceOnPlateauOptions {
  double learning_rate = 0.1;  ///< at first
  double factor = 0.1;         ///< of the rate at each reduction
  /// So many metrics in a row may bring no improvement; the next reduces.
  Index patience = 10;
  /// A metric improves on the best one if it is better by more than this: a
  /// share of the best one, or an amount where the threshold is absolute.
  double threshold = 1e-4;
  bool absolute_threshold = false;  ///< see threshold
  /// Metrics after a reduction that are not counted against the patience.
  Index cooldown = 0;
  double min_learning_rate = 0.0;  ///< no reduction goes below it
  /// A reduction by no more than this is left out.
  double min_reduction = 1e-8;
  /// Larger metrics are better: an accuracy, not a loss.
  bool maximize = false;
};

/// A learning rate that falls when training gets no further, in the form of
/// PyTorch's ReduceLROnPlateau. Unlike a Schedule it is no function of the step
/// but depends on what it is told, once an epoch:
///
///   const double loss = ...;  // of the validation set
///   optimizer.set_learning_rate(plateau.update(loss));
///
/// A metric m is better than the best one b so far if
///   m < b * (1 - threshold)       or m < b - threshold, where absolute
///   m > b * (1 + threshold)       or m > b + threshold, to be maximized
///
/// docs/math/sgd.md sets it beside the schedules.
class ReduceOnPlateau {
 public:
  /// Throws std::invalid_argument unless 0 < factor < 1, patience and cooldown
  /// are not negative, and all other numbers are finite and not negative.
  explicit ReduceOnPlateau(const ReduceOnPlateauOptions& options);

  /// Takes the metric of an epoch and returns the learning rate for the next.
  /// Throws std::invalid_argument if the metric is NaN, changing nothing.
  double update(double metric);

  /// The rate that update() returned last; before, the first one.
  double learning_rate() const { return learning_rate_; }
  /// The best metric so far; infinite before the first.
  double best() const { return best_; }

 private:
  bool is_better(double metric) const;

  ReduceOnPlateauOptions options_;
  double learning_rate_;
  double best_;
  Index without_improvement_ = 0;
  Index cooldown_left_ = 0;
};

}  // namespace nn

#endif  // NN_OPTIMIZERS_REDUCE_ON_PLATEAU_H_
