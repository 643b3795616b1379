// LibTorch's side of bench_breadth.

#include <torch/torch.h>

#include <vector>

#include "bench_breadth/learner.h"
#include "nn/check.h"
#include "twin.h"

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

class TorchLearner final : public Learner {
 public:
  TorchLearner(const nn::Sequential<float>& network, const Recipe& recipe)
      : input_shape_(network.input_shape()),
        classes_(network.output_shape().features()),
        kind_(recipe.loss),
        max_gradient_(recipe.max_gradient),
        network_(
            torch_twin::make_twin(network, torch_twin::TwinOutput::kLogits)),
        parameters_(network_->parameters()),
        optimizer_(make_optimizer(parameters_, recipe)) {
    if (kind_ == LossKind::kLabelSmoothing) {
      cross_entropy_.label_smoothing(kLabelSmoothing);
    }
    if (kind_ == LossKind::kClassWeights) {
      torch::Tensor weights = torch::empty({classes_});
      for (nn::Index i = 0; i < classes_; ++i) weights[i] = class_weight(i);
      cross_entropy_.weight(weights);
    }
  }

  double step(nn::ConstView<float> x, nn::ConstLabels labels) override {
    const torch::Tensor target =
        torch::from_blob(
            const_cast<int*>(labels.data()), {labels.size()}, torch::kInt32)
            .to(torch::kInt64);
    network_->train();
    optimizer_->zero_grad();
    const torch::Tensor logits =
        network_->forward(torch_twin::as_tensor(x, input_shape_));
    const torch::Tensor loss = evaluate(logits, target);
    const double result = loss.item<double>();
    loss.backward();
    if (max_gradient_ > 0.0) {
      torch::nn::utils::clip_grad_norm_(parameters_, max_gradient_);
    }
    optimizer_->step();
    return result;
  }

  void predict_logits(nn::ConstView<float> x, nn::View<float> logits) override {
    torch::NoGradGuard no_grad;
    network_->eval();
    const nn::Matrix<float> output = torch_twin::as_matrix<float>(
        network_->forward(torch_twin::as_tensor(x, input_shape_)));
    nn::check_argument(
        output.rows() == logits.rows() && output.cols() == logits.cols(),
        "[TorchLearner] expected room for ",
        output.rows(),
        " x ",
        output.cols(),
        " logits, got ",
        logits.rows(),
        " x ",
        logits.cols());
    logits = output;
  }

 private:
  torch::Tensor evaluate(const torch::Tensor& logits,
                         const torch::Tensor& target) const {
    namespace functional = torch::nn::functional;
    switch (kind_) {
      case LossKind::kMeanSquaredError:
        return functional::mse_loss(logits, one_hot(target));
      case LossKind::kSmoothL1:
        return functional::smooth_l1_loss(logits, one_hot(target));
      case LossKind::kBinaryCrossEntropy:
        return functional::binary_cross_entropy_with_logits(logits,
                                                            one_hot(target));
      case LossKind::kCrossEntropy:
      case LossKind::kLabelSmoothing:
      case LossKind::kClassWeights:
        break;
    }
    return functional::cross_entropy(logits, target, cross_entropy_);
  }

  torch::Tensor one_hot(const torch::Tensor& target) const {
    return torch::zeros({target.size(0), classes_})
        .scatter_(/*dim=*/1, target.unsqueeze(1), /*value=*/1.0);
  }

  nn::Shape input_shape_;
  nn::Index classes_;
  LossKind kind_;
  double max_gradient_;
  torch::nn::Sequential network_;
  std::vector<torch::Tensor> parameters_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
  torch::nn::functional::CrossEntropyFuncOptions cross_entropy_;
};

}  // namespace

std::unique_ptr<Learner> make_torch_learner(
    const nn::Sequential<float>& network, const Recipe& recipe) {
  return std::make_unique<TorchLearner>(network, recipe);
}

const char* set_torch_threads(int threads) {
  at::set_num_threads(threads);
  return TORCH_VERSION;
}

}  // namespace apps
