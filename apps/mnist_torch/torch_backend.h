#ifndef NN_APPS_MNIST_TORCH_TORCH_BACKEND_H_
#define NN_APPS_MNIST_TORCH_TORCH_BACKEND_H_

#include <torch/torch.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/backend.h"
#include "nn/losses/softmax_cross_entropy.h"
#include "nn/network/sequential.h"
#include "nn/optimizers/sgd.h"
#include "nn/shape.h"
#include "nn/types.h"
#include "torch_factory.h"

namespace apps {

/// The twin of a libnn network, trained by LibTorch: its own forward and
/// backward passes, its cross_entropy and its optim::SGD.
class TorchBackend final : public Backend {
 public:
  /// Takes the initial weights from `network` and then leaves it alone.
  /// Throws std::invalid_argument if a layer of the network has no twin.
  TorchBackend(const nn::Sequential<float>& network,
               const nn::SgdOptions& options);

  std::string name() const override { return "torch"; }
  nlohmann::json library_versions() const override;
  std::vector<std::string> variables() const override;
  nn::LossResult train_step(nn::ConstView<float> x,
                            nn::ConstLabels labels,
                            double learning_rate) override;
  void predict_logits(nn::ConstView<float> x, nn::View<float> logits) override;
  void copy_weights_to(nn::Sequential<float>& network) override;
  /// Module by module: what stands between two layers of libnn to reshape a
  /// batch counts as part of the second.
  std::vector<LayerTime> time_layers(nn::ConstView<float> x,
                                     nn::ConstLabels labels) override;

 private:
  nn::Shape input_shape_;
  std::vector<std::string> timed_layers_;
  torch::nn::Sequential network_;
  torch::optim::SGD optimizer_;
};

}  // namespace apps

#endif  // NN_APPS_MNIST_TORCH_TORCH_BACKEND_H_
