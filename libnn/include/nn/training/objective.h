#ifndef NN_TRAINING_OBJECTIVE_H_
#define NN_TRAINING_OBJECTIVE_H_

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "nn/losses/binary_cross_entropy.h"
#include "nn/losses/loss.h"
#include "nn/losses/softmax_cross_entropy.h"
#include "nn/network/gradient_check.h"
#include "nn/training/samples.h"
#include "nn/types.h"

namespace nn {

/// What a training minimizes: the loss of outputs against what they are to be.
///
///   outputs, doutputs   features x N
///
/// A loss of one's own that is a mean over elements derives from Loss, and
/// LossObjective makes an objective of it. What is another mean, wants labels
/// or counts right answers derives from this class and overrides name() and
/// do_evaluate().
template <typename Scalar>
class Objective {
 public:
  virtual ~Objective() = default;

  /// As in messages and in the file of a training: "SoftmaxCrossEntropy".
  virtual const char* name() const = 0;
  /// Whether LossResult::correct is counted, and accuracies are of use.
  virtual bool counts_correct() const { return false; }
  /// Whether do_evaluate() heeds Targets::weights(). Where it does not, as
  /// here, samples with weights are refused.
  virtual bool takes_weights() const { return false; }

  /// Throws std::invalid_argument if the objective does not take outputs of so
  /// many features; `who` stands in messages. Any will do here.
  virtual void check_outputs(const char* who, Index features) const;
  /// Throws std::invalid_argument if samples do not fit outputs of so many
  /// features, so that it shows before the first step. `what` stands in
  /// messages: "training". Any will do here.
  virtual void check_samples(const char* what,
                             const Samples<Scalar>& samples,
                             Index features) const;

  /// The loss of a batch: `sum` over its samples, the `weight` that they have
  /// together, and the mean, `loss`. The mean over several batches is the
  /// quotient of their sums, so that training and validation agree.
  /// Throws std::invalid_argument if sizes disagree, or targets or weights are
  /// such as the objective does not take.
  LossResult evaluate(ConstView<Scalar> outputs,
                      const Targets<Scalar>& targets) const;
  /// The same, and the gradient of the mean by the outputs written into
  /// `doutputs`, which may be the outputs' own memory. Allocates nothing.
  LossResult evaluate(ConstView<Scalar> outputs,
                      const Targets<Scalar>& targets,
                      View<Scalar> doutputs) const;

 protected:
  ///@{
  /// An objective holds its settings alone; what derives from it may be copied.
  Objective() = default;
  Objective(const Objective&) = default;
  Objective& operator=(const Objective&) = default;
  ///@}

 private:
  /// Returns sum, weight and, where it is counted, correct; the caller divides.
  /// The weight is N, or what the samples weigh: with Targets::weights() a
  /// sample of weight 2 must count as two would. Where `doutputs` is not of
  /// size zero, writes the gradient of sum / weight into it. The number of
  /// samples agrees. Must not depend on the number of threads.
  virtual LossResult do_evaluate(ConstView<Scalar> outputs,
                                 const Targets<Scalar>& targets,
                                 View<Scalar> doutputs) const = 0;
};

/// Classes told apart: SoftmaxCrossEntropy of logits, by labels.
template <typename Scalar>
class CrossEntropyObjective final : public Objective<Scalar> {
 public:
  /// Throws as SoftmaxCrossEntropy does.
  explicit CrossEntropyObjective(SoftmaxCrossEntropyOptions options = {});

  const char* name() const override { return "SoftmaxCrossEntropy"; }
  bool counts_correct() const override { return true; }
  bool takes_weights() const override { return true; }
  /// Refuses fewer than two classes, and class weights of another number.
  void check_outputs(const char* who, Index features) const override;
  /// Refuses a matrix of targets, and labels that are none of the classes.
  void check_samples(const char* what,
                     const Samples<Scalar>& samples,
                     Index features) const override;

 private:
  LossResult do_evaluate(ConstView<Scalar> outputs,
                         const Targets<Scalar>& targets,
                         View<Scalar> doutputs) const override;

  std::size_t class_weights_;  ///< their number
  SoftmaxCrossEntropy<Scalar> loss_;
};

/// Numbers predicted: any Loss of outputs by a matrix of targets of their size,
/// a mean over all elements.
template <typename Scalar>
class LossObjective final : public Objective<Scalar> {
 public:
  /// Throws std::invalid_argument if the loss is null.
  explicit LossObjective(std::shared_ptr<const Loss<Scalar>> loss);

  const char* name() const override { return loss_->name(); }
  bool takes_weights() const override { return true; }
  /// Refuses labels, and targets of another number than the outputs.
  void check_samples(const char* what,
                     const Samples<Scalar>& samples,
                     Index features) const override;

 private:
  LossResult do_evaluate(ConstView<Scalar> outputs,
                         const Targets<Scalar>& targets,
                         View<Scalar> doutputs) const override;

  std::shared_ptr<const Loss<Scalar>> loss_;
};

/// Several labels at once: each output is the logit of a question that is
/// answered by yes or no, BinaryCrossEntropy by a matrix of targets, 1 for yes
/// and 0 for no. A sample is correct if all its answers are: the logit is above
/// 0 where the target is above 0.5, and nowhere else.
template <typename Scalar>
class MultiLabelObjective final : public Objective<Scalar> {
 public:
  /// As BinaryCrossEntropy.
  explicit MultiLabelObjective(
      const std::vector<double>& positive_weights = {});

  const char* name() const override { return loss_.name(); }
  bool counts_correct() const override { return true; }
  bool takes_weights() const override { return true; }
  /// Refuses labels, targets of another number than the outputs, and those
  /// outside of 0 .. 1.
  void check_samples(const char* what,
                     const Samples<Scalar>& samples,
                     Index features) const override;

 private:
  LossResult do_evaluate(ConstView<Scalar> outputs,
                         const Targets<Scalar>& targets,
                         View<Scalar> doutputs) const override;

  BinaryCrossEntropy<Scalar> loss_;
};

/// check_gradients() of gradient_check.h for an objective: its mean, by the
/// outputs, with the targets' weights.
GradientReport check_gradients(const Objective<double>& objective,
                               ConstView<double> outputs,
                               const Targets<double>& targets,
                               const GradientCheckOptions& options = {});

namespace internal {

/// Whether a type is an objective or a loss.
template <typename Scalar, typename Goal>
constexpr bool is_goal = std::is_base_of_v<Objective<Scalar>, Goal> ||
                         std::is_base_of_v<Loss<Scalar>, Goal>;

}  // namespace internal

/// The objective that an objective is, or that a loss makes; a copy of it.
template <typename Scalar,
          typename Goal,
          std::enable_if_t<internal::is_goal<Scalar, Goal>, int> = 0>
std::shared_ptr<const Objective<Scalar>> make_objective(Goal goal) {
  auto shared = std::make_shared<const Goal>(std::move(goal));
  if constexpr (std::is_base_of_v<Objective<Scalar>, Goal>) {
    return shared;
  } else {
    return std::make_shared<const LossObjective<Scalar>>(std::move(shared));
  }
}

}  // namespace nn

#endif  // NN_TRAINING_OBJECTIVE_H_
