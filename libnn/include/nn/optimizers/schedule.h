#ifndef NN_OPTIMIZERS_SCHEDULE_H_
#define NN_OPTIMIZERS_SCHEDULE_H_

#include "nn/types.h"

namespace nn {

/// A learning rate as a function of the step, counted from 0.
class Schedule {
 public:
  virtual ~Schedule() = default;
  virtual double learning_rate(Index step) const = 0;
};

/// The same rate at every step.
class ConstantSchedule final : public Schedule {
 public:
  /// Throws std::invalid_argument unless the rate is finite and not negative.
  explicit ConstantSchedule(double learning_rate);
  double learning_rate(Index step) const override;

 private:
  double learning_rate_;
};

/// base * gamma^floor(step / period).
class StepSchedule final : public Schedule {
 public:
  /// Throws std::invalid_argument unless base >= 0, period >= 1, gamma > 0.
  StepSchedule(double base, Index period, double gamma);
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
  double learning_rate(Index step) const override;

 private:
  double base_;
  Index total_steps_;
  Index warmup_steps_;
  double final_;
};

}  // namespace nn

#endif  // NN_OPTIMIZERS_SCHEDULE_H_
