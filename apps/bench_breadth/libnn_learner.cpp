#include <memory>
#include <vector>

#include "bench_breadth/learner.h"
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

std::shared_ptr<const nn::Objective<float>> make_objective(LossKind kind,
                                                           Index classes) {
  switch (kind) {
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
  return nn::make_objective<float>(
      nn::CrossEntropyObjective<float>(cross_entropy_options(kind, classes)));
}

nn::StepOptions step_options(const Recipe& recipe) {
  nn::StepOptions options;
  if (recipe.max_gradient > 0.0) {
    options.max_gradient_norm = recipe.max_gradient;
  }
  return options;
}

class LibnnLearner final : public Learner {
 public:
  LibnnLearner(nn::Sequential<float>& network, const Recipe& recipe)
      : classes_(network.output_shape().features()),
        optimizer_(make_optimizer(network.parameters(), recipe)),
        learner_(network,
                 *optimizer_,
                 make_objective(recipe.loss, classes_),
                 step_options(recipe)) {}

  double step(nn::ConstView<float> x, nn::ConstLabels labels) override {
    const double rate = learner_.learning_rate();
    if (learner_.objective().counts_correct()) {
      return learner_.step(x, labels, rate).loss;
    }
    if (target_.cols() < labels.size()) target_.resize(classes_, labels.size());
    nn::View<float> target(target_.data(), classes_, labels.size());
    target.setZero();
    for (Index n = 0; n < labels.size(); ++n) target(labels[n], n) = 1.0F;
    return learner_.step(x, nn::as_const(target), rate).loss;
  }

  void predict_logits(nn::ConstView<float> x, nn::View<float> logits) override {
    learner_.outputs(x, logits);
  }

 private:
  Index classes_;
  std::unique_ptr<nn::Optimizer<float>> optimizer_;
  nn::NetworkLearner<float> learner_;
  nn::Matrix<float> target_;
};

}  // namespace

std::unique_ptr<Learner> make_libnn_learner(nn::Sequential<float>& network,
                                            const Recipe& recipe) {
  return std::make_unique<LibnnLearner>(network, recipe);
}

}  // namespace apps
