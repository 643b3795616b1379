#ifndef NN_APPS_MNIST_TORCH_TORCH_LEARNER_H_
#define NN_APPS_MNIST_TORCH_TORCH_LEARNER_H_

#include <torch/torch.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/run.h"
#include "nn/losses/softmax_cross_entropy.h"
#include "nn/network/sequential.h"
#include "nn/training/learner.h"
#include "nn/training/objective.h"
#include "nn/types.h"

namespace apps {

/// The twin of a libnn network, trained by LibTorch: its own forward and
/// backward passes, its losses and its optimizers.
///
/// A Dropout draws from LibTorch's own generator, which set_steps() and state()
/// leave alone.
class TorchLearner final : public nn::Learner<float> {
 public:
  /// The mean loss of outputs (N x features) by labels (N, int64) or a matrix
  /// of targets (N x features).
  using Loss = std::function<torch::Tensor(const torch::Tensor& outputs,
                                           const torch::Tensor& targets)>;
  using Optimizer = std::unique_ptr<torch::optim::Optimizer>;
  using MakeOptimizer = std::function<Optimizer(std::vector<torch::Tensor>)>;

  /// Takes the initial weights from `network`, which must outlive it. The loss
  /// is that of `objective`, each sample of weight 1; gradients are clipped to
  /// the norm `max_gradient` if it is above 0.
  /// Throws std::invalid_argument if a layer of the network has no twin.
  TorchLearner(nn::Sequential<float>& network,
               std::shared_ptr<const nn::Objective<float>> objective,
               Loss loss,
               const MakeOptimizer& make_optimizer,
               double max_gradient = 0.0);

  const nn::Objective<float>& objective() const override { return *objective_; }
  nn::Sequential<float>& network() override { return network_; }
  void fetch() override;
  void put() override;
  nn::LossResult step(nn::ConstView<float> x,
                      const nn::Targets<float>& targets,
                      double learning_rate) override;
  void outputs(nn::ConstView<float> x, nn::View<float> outputs) override;
  double learning_rate() const override;
  void set_steps(nn::Index /*steps*/) override {}
  /// Values and the momentum of SGD. Other optimizers' memory is not in it:
  /// throws std::logic_error for those.
  nn::StateDict state() override;
  std::function<void()> restoring(const nn::StateDict& state) override;

  /// Framework::time_layers(), module by module: what stands between two layers
  /// of libnn to reshape a batch counts as part of the second.
  std::vector<LayerTime> time_layers(nn::ConstView<float> x,
                                     nn::ConstLabels labels);

 private:
  /// The twin's parameters and buffers by name.
  std::vector<std::pair<std::string, torch::Tensor>> values() const;

  nn::Sequential<float>& network_;
  std::shared_ptr<const nn::Objective<float>> objective_;
  Loss loss_;
  double max_gradient_;
  torch::nn::Sequential twin_;
  std::vector<torch::Tensor> parameters_;
  Optimizer optimizer_;
};

}  // namespace apps

#endif  // NN_APPS_MNIST_TORCH_TORCH_LEARNER_H_
