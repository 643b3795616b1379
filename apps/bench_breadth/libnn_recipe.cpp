#include <memory>
#include <vector>

#include "bench_breadth/recipe.h"
#include "nn/losses/binary_cross_entropy.h"
#include "nn/losses/mean_squared_error.h"
#include "nn/losses/smooth_l1.h"
#include "nn/losses/softmax_cross_entropy.h"
#include "nn/optimizers/adagrad.h"
#include "nn/optimizers/adam.h"
#include "nn/optimizers/rmsprop.h"
#include "nn/optimizers/sgd.h"
#include "nn/training/network_learner.h"

namespace apps {
namespace {

using nn::Index;

std::unique_ptr<nn::Optimizer<float>> make_optimizer(
    const std::vector<nn::Parameter<float>*>& parameters,
    const Recipe& recipe) {
  const auto with_rate = [&recipe](auto options) {
    options.learning_rate = recipe.learning_rate;
    return options;
  };
  switch (recipe.optimizer) {
    case OptimizerKind::kAdam:
      return std::make_unique<nn::Adam<float>>(parameters,
                                               with_rate(nn::AdamOptions()));
    case OptimizerKind::kAdamW:
      return std::make_unique<nn::AdamW<float>>(parameters,
                                                with_rate(nn::AdamWOptions()));
    case OptimizerKind::kRmsProp:
      return std::make_unique<nn::RmsProp<float>>(
          parameters, with_rate(nn::RmsPropOptions()));
    case OptimizerKind::kAdagrad:
      return std::make_unique<nn::Adagrad<float>>(
          parameters, with_rate(nn::AdagradOptions()));
    case OptimizerKind::kSgd:
      break;
  }
  nn::SgdOptions options = with_rate(nn::SgdOptions());
  options.momentum = recipe.momentum;
  return std::make_unique<nn::Sgd<float>>(parameters, options);
}

nn::SoftmaxCrossEntropyOptions cross_entropy_options(LossKind kind,
                                                     Index classes) {
  nn::SoftmaxCrossEntropyOptions options;
  if (kind == LossKind::kLabelSmoothing) {
    options.label_smoothing = kLabelSmoothing;
  }
  if (kind == LossKind::kClassWeights) {
    for (Index i = 0; i < classes; ++i) {
      options.class_weights.push_back(class_weight(i));
    }
  }
  return options;
}

nn::StepOptions step_options(const Recipe& recipe) {
  nn::StepOptions options;
  if (recipe.max_gradient > 0.0) {
    options.max_gradient_norm = recipe.max_gradient;
  }
  return options;
}

}  // namespace

std::shared_ptr<const nn::Objective<float>> make_objective(const Recipe& recipe,
                                                           Index classes) {
  switch (recipe.loss) {
    case LossKind::kMeanSquaredError:
      return nn::make_objective<float>(nn::MeanSquaredError<float>());
    case LossKind::kSmoothL1:
      return nn::make_objective<float>(nn::SmoothL1<float>());
    case LossKind::kBinaryCrossEntropy:
      return nn::make_objective<float>(nn::BinaryCrossEntropy<float>());
    case LossKind::kCrossEntropy:
    case LossKind::kLabelSmoothing:
    case LossKind::kClassWeights:
      break;
  }
  return nn::make_objective<float>(nn::CrossEntropyObjective<float>(
      cross_entropy_options(recipe.loss, classes)));
}

LearnerPointer make_libnn_learner(nn::Sequential<float>& network,
                                  const Recipe& recipe) {
  return make_network_learner(
      network,
      make_optimizer(network.parameters(), recipe),
      make_objective(recipe, network.output_shape().features()),
      step_options(recipe));
}

}  // namespace apps
