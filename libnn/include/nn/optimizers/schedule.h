#ifndef NN_OPTIMIZERS_SCHEDULE_H_
#define NN_OPTIMIZERS_SCHEDULE_H_

#include "nn/types.h"

namespace nn {

/// A learning rate as a function of the step, counted from 0.
/// docs/math/sgd.md says what a rate that changes is good for.
class Schedule {
 public:
  virtual ~Schedule() = default;
  /// The rate at `step`, which is at least 0.
  virtual double learning_rate(Index step) const = 0;
};

/// The same rate at every step.
class ConstantSchedule final : public Schedule {
 public:
  /// Throws std::invalid_argument unless the rate is finite and not negative.
  explicit ConstantSchedule(double learning_rate);
  /// The rate given to the constructor.
  double learning_rate(Index step) const override;

 private:
  double learning_rate_;
};

/// base * gamma^floor(step / period).
class StepSchedule final : public Schedule {
 public:
  /// Throws std::invalid_argument unless base >= 0, period >= 1, gamma > 0.
  StepSchedule(double base, Index period, double gamma);
  /// The formula above.
  double learning_rate(Index step) const override;

 private:
  double base_;
  Index period_;
  double gamma_;
};

/// A linear rise over `warmup_steps`, then half a cosine from `base` down to
/// `final` at step `total_steps` (Loshchilov and Hutter, 2017,
/// arXiv:1608.03983, eq. 5, without restarts):
///
///   t < warmup:  base * (t + 1) / warmup
///   else:        final + (base - final) * (1 + cos(pi * p)) / 2,
///                p = (t - warmup) / (total - warmup), at most 1
class CosineSchedule final : public Schedule {
 public:
  /// Throws std::invalid_argument unless 0 <= warmup_steps < total_steps and
  /// both rates are finite and not negative.
  CosineSchedule(double base,
                 Index total_steps,
                 Index warmup_steps = 0,
                 double final = 0.0);
  /// The formula above.
  double learning_rate(Index step) const override;

 private:
  double base_;
  Index total_steps_;
  Index warmup_steps_;
  double final_;
};

/// The settings of OneCycleSchedule.
struct OneCycleOptions {
  double max_learning_rate = 0.1;  ///< at the top of the cycle
  Index total_steps = 0;           ///< of the whole training; must be given
  double warmup_share = 0.3;       ///< of the steps, on the way up
  double initial_divisor = 25.0;   ///< the first rate is max / initial_divisor
  double final_divisor = 1e4;      ///< the last is the first / final_divisor
};

/// One cycle (Smith and Topin, 2018, arXiv:1708.07120), in the form of
/// PyTorch's OneCycleLR with cosine annealing and without its cycle of the
/// momentum: up along half a cosine from the initial rate to the maximum, and
/// down along another to the final rate at step total_steps - 1. With
///
///   top  = warmup_share * total - 1        (PyTorch's, in general no integer)
///   end  = total - 1
///
///   t <= top:  p = t / top                    from initial to max
///   else:      p = (t - top) / (end - top)    from max to final
///   rate     = to + (from - to) * (1 + cos(pi * p)) / 2
///
/// After the end it stays at the final rate.
class OneCycleSchedule final : public Schedule {
 public:
  /// Throws std::invalid_argument unless total_steps >= 1, the rate is finite
  /// and not negative, the share is in 0 .. 1 and both divisors are finite and
  /// above 0.
  explicit OneCycleSchedule(const OneCycleOptions& options);
  double learning_rate(Index step) const override;

 private:
  OneCycleOptions options_;
};

}  // namespace nn

#endif  // NN_OPTIMIZERS_SCHEDULE_H_
