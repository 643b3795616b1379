// LibTorch's side of bench_breadth.

#include <torch/torch.h>

#include <memory>
#include <utility>
#include <vector>

#include "bench_breadth/recipe.h"
#include "torch_learner.h"

namespace apps {
namespace {

std::unique_ptr<torch::optim::Optimizer> make_optimizer(
    std::vector<torch::Tensor> parameters, const Recipe& recipe) {
  const double rate = recipe.learning_rate;
  switch (recipe.optimizer) {
    case OptimizerKind::kAdam:
      return std::make_unique<torch::optim::Adam>(
          std::move(parameters), torch::optim::AdamOptions(rate));
    case OptimizerKind::kAdamW:
      return std::make_unique<torch::optim::AdamW>(
          std::move(parameters), torch::optim::AdamWOptions(rate));
    case OptimizerKind::kRmsProp:
      return std::make_unique<torch::optim::RMSprop>(
          std::move(parameters), torch::optim::RMSpropOptions(rate));
    case OptimizerKind::kAdagrad:
      return std::make_unique<torch::optim::Adagrad>(
          std::move(parameters), torch::optim::AdagradOptions(rate));
    case OptimizerKind::kSgd:
      break;
  }
  return std::make_unique<torch::optim::SGD>(
      std::move(parameters),
      torch::optim::SGDOptions(rate).momentum(recipe.momentum));
}

TorchLearner::Loss make_loss(const Recipe& recipe, nn::Index classes) {
  namespace functional = torch::nn::functional;
  using torch::Tensor;
  functional::CrossEntropyFuncOptions options;
  switch (recipe.loss) {
    case LossKind::kMeanSquaredError:
      return [](const Tensor& outputs, const Tensor& targets) {
        return functional::mse_loss(outputs, targets);
      };
    case LossKind::kSmoothL1:
      return [](const Tensor& outputs, const Tensor& targets) {
        return functional::smooth_l1_loss(outputs, targets);
      };
    case LossKind::kBinaryCrossEntropy:
      return [](const Tensor& outputs, const Tensor& targets) {
        return functional::binary_cross_entropy_with_logits(outputs, targets);
      };
    case LossKind::kLabelSmoothing:
      options.label_smoothing(kLabelSmoothing);
      break;
    case LossKind::kClassWeights: {
      Tensor weights = torch::empty({classes});
      for (nn::Index i = 0; i < classes; ++i) weights[i] = class_weight(i);
      options.weight(weights);
      break;
    }
    case LossKind::kCrossEntropy:
      break;
  }
  return [options](const Tensor& logits, const Tensor& labels) {
    return functional::cross_entropy(logits, labels, options);
  };
}

}  // namespace

LearnerPointer make_torch_learner(nn::Sequential<float>& network,
                                  const Recipe& recipe) {
  const nn::Index classes = network.output_shape().features();
  return std::make_shared<TorchLearner>(
      network,
      make_objective(recipe, classes),
      make_loss(recipe, classes),
      [&recipe](std::vector<torch::Tensor> parameters) {
        return make_optimizer(std::move(parameters), recipe);
      },
      recipe.max_gradient);
}

const char* set_torch_threads(int threads) {
  at::set_num_threads(threads);
  return TORCH_VERSION;
}

}  // namespace apps
