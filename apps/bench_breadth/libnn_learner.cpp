#include <vector>

#include "bench_breadth/learner.h"
#include "nn/losses/binary_cross_entropy.h"
#include "nn/losses/mean_squared_error.h"
#include "nn/losses/smooth_l1.h"
#include "nn/losses/softmax_cross_entropy.h"
#include "nn/network/workspace.h"
#include "nn/optimizers/adagrad.h"
#include "nn/optimizers/adam.h"
#include "nn/optimizers/clip_gradients.h"
#include "nn/optimizers/rmsprop.h"
#include "nn/optimizers/sgd.h"

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

/// Null for the cross-entropies, which take labels.
std::unique_ptr<nn::Loss<float>> make_loss(LossKind kind) {
  switch (kind) {
    case LossKind::kMeanSquaredError:
      return std::make_unique<nn::MeanSquaredError<float>>();
    case LossKind::kSmoothL1:
      return std::make_unique<nn::SmoothL1<float>>();
    case LossKind::kBinaryCrossEntropy:
      return std::make_unique<nn::BinaryCrossEntropy<float>>();
    case LossKind::kCrossEntropy:
    case LossKind::kLabelSmoothing:
    case LossKind::kClassWeights:
      break;
  }
  return nullptr;
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

class LibnnLearner final : public Learner {
 public:
  LibnnLearner(nn::Sequential<float>& network, const Recipe& recipe)
      : network_(network),
        parameters_(network.parameters()),
        optimizer_(make_optimizer(parameters_, recipe)),
        cross_entropy_(cross_entropy_options(
            recipe.loss, network.output_shape().features())),
        loss_(make_loss(recipe.loss)),
        max_gradient_(recipe.max_gradient) {}

  double step(nn::ConstView<float> x, nn::ConstLabels labels) override {
    const nn::ConstView<float> logits = network_.forward(x, training_);
    if (dlogits_.cols() < logits.cols()) {
      dlogits_.resize(logits.rows(), logits.cols());
      target_.resize(logits.rows(), logits.cols());
    }
    const nn::View<float> dlogits(
        dlogits_.data(), logits.rows(), logits.cols());
    double loss = 0.0;
    if (loss_ == nullptr) {
      loss = cross_entropy_.evaluate(logits, labels, dlogits).loss;
    } else {
      nn::View<float> target(target_.data(), logits.rows(), logits.cols());
      target.setZero();
      for (Index n = 0; n < labels.size(); ++n) target(labels[n], n) = 1.0F;
      loss = loss_->evaluate(logits, nn::as_const(target), dlogits);
    }
    network_.backward(nn::as_const(dlogits), training_);
    if (max_gradient_ > 0.0) {
      nn::clip_gradient_norm(parameters_, max_gradient_);
    }
    optimizer_->step();
    return loss;
  }

  void predict_logits(nn::ConstView<float> x, nn::View<float> logits) override {
    network_.predict_logits(x, logits, inference_);
  }

 private:
  nn::Sequential<float>& network_;
  std::vector<nn::Parameter<float>*> parameters_;
  std::unique_ptr<nn::Optimizer<float>> optimizer_;
  nn::SoftmaxCrossEntropy<float> cross_entropy_;
  std::unique_ptr<nn::Loss<float>> loss_;
  double max_gradient_;
  nn::Workspace<float> training_;
  nn::Workspace<float> inference_;
  nn::Matrix<float> dlogits_;
  nn::Matrix<float> target_;
};

}  // namespace

std::unique_ptr<Learner> make_libnn_learner(nn::Sequential<float>& network,
                                            const Recipe& recipe) {
  return std::make_unique<LibnnLearner>(network, recipe);
}

}  // namespace apps
