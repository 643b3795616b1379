#include "torch_framework.h"

#include <torch/torch.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "torch_learner.h"

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

LearnerPointer make_learner(nn::Sequential<float>& network,
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
  return std::make_shared<TorchLearner>(
      network,
      std::make_shared<nn::CrossEntropyObjective<float>>(),
      [](const torch::Tensor& logits, const torch::Tensor& labels) {
        return torch::nn::functional::cross_entropy(logits, labels);
      },
      [&options](std::vector<torch::Tensor> parameters) {
        return std::make_unique<torch::optim::SGD>(std::move(parameters),
                                                   sgd_options(options.sgd()));
      });
}

}  // namespace

Framework torch_framework() {
  return {"torch",
          {{"LibTorch", TORCH_VERSION}},
          {"OMP_WAIT_POLICY",
           "OMP_NUM_THREADS",
           "OPENBLAS_CORETYPE",
           "OPENBLAS_NUM_THREADS",
           "GLIBC_TUNABLES"},
          make_learner,
          [](nn::Learner<float>& learner,
             nn::ConstView<float> x,
             nn::ConstLabels labels) {
            return static_cast<TorchLearner&>(learner).time_layers(x, labels);
          }};
}

}  // namespace apps
