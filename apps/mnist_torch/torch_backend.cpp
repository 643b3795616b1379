#include "torch_backend.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "common/layer_times.h"
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

torch::Tensor targets_of(nn::ConstLabels labels) {
  return torch::from_blob(
             const_cast<int*>(labels.data()), {labels.size()}, torch::kInt32)
      .to(torch::kInt64);
}

/// The layer that a module of the twin belongs to: 3 of "3" and of "flatten3".
std::size_t layer_of_module(const std::string& name) {
  return std::stoul(name.substr(name.find_first_of("0123456789")));
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
      timed_layers_(timed_layers(network)),
      network_(torch_twin::make_twin(network, torch_twin::TwinOutput::kLogits)),
      optimizer_(network_->parameters(), sgd_options(options)) {}

std::vector<std::string> TorchBackend::variables() const {
  return {"OMP_WAIT_POLICY",
          "OMP_NUM_THREADS",
          "OPENBLAS_CORETYPE",
          "OPENBLAS_NUM_THREADS",
          "GLIBC_TUNABLES"};
}

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
  const torch::Tensor target = targets_of(labels);

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

std::vector<LayerTime> TorchBackend::time_layers(nn::ConstView<float> x,
                                                 nn::ConstLabels labels) {
  struct Module {
    std::size_t layer;
    torch::Tensor x;
    torch::Tensor y;
  };
  std::vector<Module> modules;
  for (const auto& child : network_->named_children()) {
    modules.push_back({layer_of_module(child.key()), {}, {}});
  }
  const torch::Tensor target = targets_of(labels);
  network_->train();
  LayerTimer timer(timed_layers_);
  for (int pass = 0; pass < LayerTimer::kWarmUps + LayerTimer::kPasses;
       ++pass) {
    optimizer_.zero_grad();
    torch::Tensor value = torch_twin::as_tensor(x, input_shape_);
    auto any_module = network_->begin();
    for (Module& module : modules) {
      // Cut off from the module before, so that backward() ends here.
      module.x = value.detach().requires_grad_(module.layer > 0);
      timer.forward(module.layer,
                    [&] { module.y = any_module->forward(module.x); });
      value = module.y;
      ++any_module;
    }
    const torch::Tensor logits = value.detach().requires_grad_();
    torch::nn::functional::cross_entropy(logits, target).backward();
    torch::Tensor dy = logits.grad();
    for (auto module = modules.rbegin(); module != modules.rend(); ++module) {
      // Before the first layer nothing has a gradient.
      if (!module->y.requires_grad()) break;
      timer.backward(module->layer, [&] { module->y.backward(dy); });
      dy = module->x.grad();
    }
    timer.end_pass();
  }
  return timer.medians();
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
