#include "nn/training/network_learner.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "files/defect.h"
#include "files/named_tensors.h"
#include "files/safetensors_reader.h"
#include "losses/sample_weights.h"
#include "nn/check.h"
#include "nn/optimizers/clip_gradients.h"
#include "option_checks.h"
#include "resize.h"
#include "training/state_dict.h"

namespace nn {
namespace {

constexpr const char* kNetwork = "network.";
constexpr const char* kOptimizer = "optimizer.";
constexpr const char* kPasses = "passes";

}  // namespace

template <typename Scalar>
NetworkLearner<Scalar>::NetworkLearner(
    Sequential<Scalar>& network,
    Optimizer<Scalar>& optimizer,
    std::shared_ptr<const Objective<Scalar>> objective,
    const StepOptions& options,
    const char* who)
    : network_(network),
      optimizer_(optimizer),
      objective_(std::move(objective)),
      options_(options),
      parameters_(network.parameters()),
      plan_number_(network.plan_number()),
      layers_(network.size()) {
  check_argument(objective_ != nullptr,
                 "[",
                 who,
                 "] expected an objective, got a null pointer");
  objective_->check_outputs(who, network.output_shape().features());
  const auto& optimized = optimizer.parameters();
  for (std::size_t i = 0; i < optimized.size(); ++i) {
    check_argument(
        std::find(parameters_.begin(), parameters_.end(), optimized[i]) !=
            parameters_.end(),
        "[",
        who,
        "] expected an optimizer of the network's "
        "parameters, got that of another at place ",
        i);
  }
  if (options.max_gradient_norm) {
    internal::check_positive(
        who, "maximal gradient norm", *options.max_gradient_norm);
  }
  check_argument(options.micro_batches >= 1,
                 "[",
                 who,
                 "] expected at least 1 micro-batch, got ",
                 options.micro_batches);
}

template <typename Scalar>
bool NetworkLearner<Scalar>::is_intact() {
  // Every change of the layers gives the network another number, and a moved
  // one takes its number along. Most changes of it do not matter, so what must
  // not change, the parameters, is compared then alone: that allocates.
  if (network_.plan_number() == plan_number_ && network_.size() == layers_) {
    return true;
  }
  // One moved from has no layers, and does not say its parameters.
  const bool has_layers = network_.size() > 0 || layers_ == 0;
  if (!has_layers || network_.parameters() != parameters_) return false;
  plan_number_ = network_.plan_number();
  layers_ = network_.size();
  return true;
}

template <typename Scalar>
LossResult NetworkLearner<Scalar>::run_part(ConstView<Scalar> x,
                                            const Targets<Scalar>& targets) {
  const ConstView<Scalar> outputs = network_.forward(x, training_);
  if (doutputs_.rows() != outputs.rows() || doutputs_.cols() < outputs.cols()) {
    internal::resize(doutputs_, outputs.rows(), outputs.cols());
  }
  const View<Scalar> doutputs(doutputs_.data(), outputs.rows(), outputs.cols());
  const LossResult result = objective_->evaluate(outputs, targets, doutputs);
  if (std::isfinite(result.loss)) {
    network_.backward(as_const(doutputs), training_);
  }
  return result;
}

template <typename Scalar>
LossResult NetworkLearner<Scalar>::run_parts(ConstView<Scalar> x,
                                             const Targets<Scalar>& targets) {
  if (gradients_.empty()) {
    for (const Parameter<Scalar>* parameter : parameters_) {
      gradients_.emplace_back(parameter->grad.rows(), parameter->grad.cols());
    }
  }
  for (Matrix<Scalar>& gradient : gradients_) gradient.setZero();
  const Index parts = std::min(options_.micro_batches, x.cols());
  // Weights of any size make sums that Scalar holds.
  const ConstView<Scalar> weights = targets.weights();
  const double whole =
      weights.size() == 0
          ? 1.0
          : internal::sum_of_weights("NetworkLearner", weights, x.cols());
  const double unit = whole > 0.0 ? whole : 1.0;
  LossResult all;
  for (Index i = 0; i < parts; ++i) {
    const Index first = x.cols() * i / parts;
    const Index count = x.cols() * (i + 1) / parts - first;
    const LossResult part =
        run_part(ConstView<Scalar>(x.middleCols(first, count)),
                 targets.middle(first, count));
    all.sum += part.sum;
    all.weight += part.weight;
    all.correct += part.correct;
    if (!std::isfinite(part.loss)) break;
    // Each gradient is that of its part's mean.
    for (std::size_t p = 0; p < parameters_.size(); ++p) {
      gradients_[p] +=
          static_cast<Scalar>(part.weight / unit) * parameters_[p]->grad;
    }
  }
  all.loss = all.weight > 0.0 ? all.sum / all.weight : 0.0;
  const auto share =
      static_cast<Scalar>(all.weight > 0.0 ? unit / all.weight : 0.0);
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    parameters_[p]->grad = share * gradients_[p];
  }
  return all;
}

template <typename Scalar>
LossResult NetworkLearner<Scalar>::step(ConstView<Scalar> x,
                                        const Targets<Scalar>& targets,
                                        double learning_rate) {
  check_argument(is_intact(),
                 "[NetworkLearner] expected the network to keep the parameters "
                 "that it had when the learner was built, got others");
  check_argument(
      x.cols() >= 1 && targets.size() == x.cols(),
      "[NetworkLearner] expected a batch of at least 1 sample and as "
      "many targets, got ",
      x.cols(),
      " and ",
      targets.size());
  const std::uint64_t passes = training_.passes();
  const LossResult result = options_.micro_batches == 1 ? run_part(x, targets)
                                                        : run_parts(x, targets);
  // A step counts the same passes whatever the size of its batch, so that
  // set_steps() knows them.
  const std::uint64_t last =
      passes + static_cast<std::uint64_t>(options_.micro_batches);
  if (training_.passes() != last) training_.set_passes(last);
  if (!std::isfinite(result.loss)) return result;
  if (options_.max_gradient_norm) {
    clip_gradient_norm(parameters_, *options_.max_gradient_norm);
  }
  optimizer_.set_learning_rate(learning_rate);
  optimizer_.step();
  return result;
}

template <typename Scalar>
void NetworkLearner<Scalar>::check_batch(ConstView<Scalar> x) {
  // Layers that need more than one sample, as BatchNorm1d does, say so when
  // they see it. A trial changes nothing, for forward() is const.
  const Index parts =
      std::max<Index>(1, std::min(options_.micro_batches, x.cols()));
  Workspace<Scalar> workspace;
  network_.forward(ConstView<Scalar>(x.leftCols(x.cols() / parts)), workspace);
}

template <typename Scalar>
void NetworkLearner<Scalar>::outputs(ConstView<Scalar> x,
                                     View<Scalar> outputs) {
  network_.predict_logits(x, outputs, inference_);
}

template <typename Scalar>
double NetworkLearner<Scalar>::learning_rate() const {
  return optimizer_.learning_rate();
}

template <typename Scalar>
void NetworkLearner<Scalar>::set_steps(Index steps) {
  training_.set_passes(static_cast<std::uint64_t>(steps) *
                       static_cast<std::uint64_t>(options_.micro_batches));
}

template <typename Scalar>
StateDict NetworkLearner<Scalar>::state() {
  StateDict state;
  internal::add_part(
      state, kNetwork, internal::tensors_of(internal::state_of(network_)));
  internal::add_part(state, kOptimizer, internal::tensors_of(optimizer_));
  state.tensors.push_back(internal::tensor_of(
      kPasses, static_cast<std::int64_t>(training_.passes())));
  return state;
}

template <typename Scalar>
std::function<void()> NetworkLearner<Scalar>::restoring(
    const StateDict& state) {
  const StateDict of_network = internal::part_of(state, kNetwork);
  const StateDict of_optimizer = internal::part_of(state, kOptimizer);
  if (state.tensors.size() !=
      of_network.tensors.size() + of_optimizer.tensors.size() + 1) {
    internal::throw_defect(
        "expected the tensors of a network and an optimizer, found also "
        "others");
  }
  internal::SafetensorsReader numbers(state, "learner");
  const auto passes = internal::read_number<std::int64_t>(numbers, kPasses);
  if (passes < 0) {
    internal::throw_defect("expected a number of passes of at least 0, found ",
                           passes);
  }
  internal::SafetensorsReader network(of_network, "network");
  internal::SafetensorsReader optimizer(of_optimizer, "optimizer");
  const auto take_values = internal::reading_tensors(
      network, "network", internal::state_of(network_));
  const auto take_optimizer =
      internal::reading_optimizer(optimizer, optimizer_);
  return [this, passes, take_values, take_optimizer] {
    take_values();
    take_optimizer();
    training_.set_passes(static_cast<std::uint64_t>(passes));
  };
}

template class NetworkLearner<float>;
template class NetworkLearner<double>;

}  // namespace nn
