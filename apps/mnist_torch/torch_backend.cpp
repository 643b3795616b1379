#include "torch_backend.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include "nn/check.h"
#include "twin.h"

namespace apps {
namespace {

torch::optim::SGDOptions sgd_options(const nn::SgdOptions& options) {
  return torch::optim::SGDOptions(options.learning_rate)
      .momentum(options.momentum)
      .weight_decay(options.weight_decay)
      .nesterov(options.nesterov);
}

bool openmp_waits_passively() {
  const char* policy = std::getenv("OMP_WAIT_POLICY");
  if (policy == nullptr) return false;
  std::string lower = policy;
  std::transform(
      lower.begin(), lower.end(), lower.begin(), [](unsigned char c) {
        return static_cast<char>(std::tolower(c));
      });
  return lower == "passive";
}

}  // namespace

TorchBackend::TorchBackend(const nn::Sequential<float>& network,
                           const nn::SgdOptions& options)
    : input_shape_(network.input_shape()),
      network_(torch_twin::make_twin(network, torch_twin::TwinOutput::kLogits)),
      optimizer_(network_->parameters(), sgd_options(options)) {}

nlohmann::json TorchBackend::library_versions() const {
  return {{"LibTorch", TORCH_VERSION}};
}

nn::LossResult TorchBackend::train_step(nn::ConstView<float> x,
                                        nn::ConstLabels labels,
                                        double learning_rate) {
  nn::check_argument(x.cols() == labels.size(),
                     "[TorchBackend] expected a label for each of ",
                     x.cols(),
                     " samples, got ",
                     labels.size());
  const torch::Tensor target =
      torch::from_blob(
          const_cast<int*>(labels.data()), {labels.size()}, torch::kInt32)
          .to(torch::kInt64);

  network_->train();
  optimizer_.zero_grad();
  const torch::Tensor logits =
      network_->forward(torch_twin::as_tensor(x, input_shape_));
  const torch::Tensor loss =
      torch::nn::functional::cross_entropy(logits, target);

  nn::LossResult result;
  result.loss = loss.item<double>();
  {
    torch::NoGradGuard no_grad;
    result.correct = logits.argmax(1).eq(target).sum().item<int64_t>();
  }
  if (!std::isfinite(result.loss)) return result;

  loss.backward();
  for (auto& group : optimizer_.param_groups()) {
    group.options().set_lr(learning_rate);
  }
  optimizer_.step();
  return result;
}

void TorchBackend::predict_logits(nn::ConstView<float> x,
                                  nn::View<float> logits) {
  torch::NoGradGuard no_grad;
  network_->eval();
  const torch::Tensor output =
      network_->forward(torch_twin::as_tensor(x, input_shape_)).contiguous();
  nn::check_argument(
      output.size(0) == logits.cols() && output.size(1) == logits.rows(),
      "[TorchBackend] expected room for ",
      output.size(1),
      " logits of ",
      output.size(0),
      " samples, got ",
      logits.rows(),
      " x ",
      logits.cols());
  logits = nn::ConstView<float>(
      output.data_ptr<float>(), logits.rows(), logits.cols());
}

void TorchBackend::copy_weights_to(nn::Sequential<float>& network) {
  torch_twin::copy_weights(network_, network);
}

std::unique_ptr<Backend> make_torch_backend(nn::Sequential<float>& network,
                                            const Options& options) {
  at::set_num_threads(options.threads);
  if (!options.quiet) {
    std::cout << "LibTorch " << TORCH_VERSION << ", " << at::get_num_threads()
              << (at::get_num_threads() == 1 ? " thread" : " threads")
              << ", idle OpenMP threads "
              << (openmp_waits_passively()
                      ? "sleep (OMP_WAIT_POLICY=passive)"
                      : "may spin (OMP_WAIT_POLICY is not passive: much slower "
                        "on a shared or virtual machine)")
              << '\n';
  }
  return std::make_unique<TorchBackend>(network, options.sgd());
}

}  // namespace apps
