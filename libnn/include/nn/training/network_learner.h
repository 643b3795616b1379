#ifndef NN_TRAINING_NETWORK_LEARNER_H_
#define NN_TRAINING_NETWORK_LEARNER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "nn/network/sequential.h"
#include "nn/network/workspace.h"
#include "nn/optimizers/optimizer.h"
#include "nn/training/learner.h"
#include "nn/training/objective.h"
#include "nn/types.h"

namespace nn {

/// The settings of a NetworkLearner.
struct StepOptions {
  /// Gradients are shrunk to this norm before the update:
  /// clip_gradient_norm().
  std::optional<double> max_gradient_norm = std::nullopt;
  /// A batch is cut into so many parts, as even as can be, whose gradients are
  /// added up for one update: activations then need memory for a part alone.
  /// BatchNorm takes its statistics of each part. At least 1.
  Index micro_batches = 1;
};

/// A network, an optimizer and an objective: the one place where libnn takes a
/// step.
///
/// Network and optimizer belong to the caller and must outlive the learner,
/// which owns the memory of the passes. It serves one thread at a time.
template <typename Scalar>
class NetworkLearner final : public Learner<Scalar> {
 public:
  /// Throws std::invalid_argument if the objective is null or does not take the
  /// network's outputs, a parameter of the optimizer is not the network's, or
  /// an option is out of its range; `who` stands in its messages.
  NetworkLearner(Sequential<Scalar>& network,
                 Optimizer<Scalar>& optimizer,
                 std::shared_ptr<const Objective<Scalar>> objective,
                 const StepOptions& options = {},
                 const char* who = "NetworkLearner");

  const Objective<Scalar>& objective() const override { return *objective_; }
  Sequential<Scalar>& network() override { return network_; }
  bool is_intact() override;
  /// Throws std::invalid_argument if sizes do not fit the network, the batch is
  /// one that the objective or a layer refuses, or the learner is not intact;
  /// std::runtime_error if a gradient that is to be clipped is not finite.
  LossResult step(ConstView<Scalar> x,
                  const Targets<Scalar>& targets,
                  double learning_rate) override;
  void check_batch(ConstView<Scalar> x) override;
  /// Throws std::invalid_argument if sizes do not fit the network.
  void outputs(ConstView<Scalar> x, View<Scalar> outputs) override;
  double learning_rate() const override;
  void set_steps(Index steps) override;
  StateDict state() override;
  std::function<void()> restoring(const StateDict& state) override;

 private:
  LossResult run_part(ConstView<Scalar> x, const Targets<Scalar>& targets);
  LossResult run_parts(ConstView<Scalar> x, const Targets<Scalar>& targets);

  Sequential<Scalar>& network_;
  Optimizer<Scalar>& optimizer_;
  std::shared_ptr<const Objective<Scalar>> objective_;
  StepOptions options_;
  std::vector<Parameter<Scalar>*> parameters_;
  std::uint64_t plan_number_;  ///< of the network when they were seen
  Index layers_;               ///< likewise
  Workspace<Scalar> training_;
  // Apart, since it is for larger batches and needs less for each sample.
  Workspace<Scalar> inference_;
  Matrix<Scalar> doutputs_;                ///< room for the largest part
  std::vector<Matrix<Scalar>> gradients_;  ///< of the parts so far, added up
};

}  // namespace nn

#endif  // NN_TRAINING_NETWORK_LEARNER_H_
