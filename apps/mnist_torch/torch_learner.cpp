#include "torch_learner.h"

#include <cmath>
#include <cstring>
#include <stdexcept>

#include "common/layer_times.h"
#include "nn/check.h"
#include "twin.h"

namespace apps {
namespace {

constexpr const char* kValue = "value.";
constexpr const char* kMomentum = "momentum.";

torch::Tensor tensor_of(const nn::Targets<float>& targets) {
  if (!targets.has_labels()) {
    return torch_twin::as_tensor(targets.matrix(),
                                 nn::Shape{targets.matrix().rows()});
  }
  const nn::ConstLabels& labels = targets.labels();
  return torch::from_blob(
             const_cast<int*>(labels.data()), {labels.size()}, torch::kInt32)
      .to(torch::kInt64);
}

/// The layer that a module of the twin belongs to: 3 of "3" and of "flatten3".
std::size_t layer_of_module(const std::string& name) {
  return std::stoul(name.substr(name.find_first_of("0123456789")));
}

/// The memory of SGD for a parameter, under which the optimizer finds it.
auto key_of(const torch::Tensor& parameter) {
#if TORCH_VERSION_MAJOR >= 2
  return static_cast<void*>(parameter.unsafeGetTensorImpl());
#else
  return c10::guts::to_string(parameter.unsafeGetTensorImpl());
#endif
}

nn::Tensor saved(const std::string& name, const torch::Tensor& tensor) {
  const torch::Tensor dense = tensor.detach().contiguous();
  return {name,
          "F32",
          {dense.sizes().begin(), dense.sizes().end()},
          std::string(reinterpret_cast<const char*>(dense.data_ptr<float>()),
                      dense.nbytes())};
}

/// The tensor of this name, of the size that `like` has; undefined if there is
/// none.
torch::Tensor find(const nn::StateDict& state,
                   const std::string& name,
                   const torch::Tensor& like) {
  for (const nn::Tensor& tensor : state.tensors) {
    if (tensor.name != name) continue;
    if (tensor.dtype != "F32" || tensor.bytes.size() != like.nbytes() ||
        like.sizes() !=
            std::vector<int64_t>(tensor.dims.begin(), tensor.dims.end())) {
      throw std::runtime_error(nn::concat("expected a tensor ",
                                          name,
                                          " of F32 and the size ",
                                          like.sizes(),
                                          ", found another"));
    }
    torch::Tensor result = torch::empty(like.sizes(), torch::kFloat32);
    std::memcpy(
        result.data_ptr<float>(), tensor.bytes.data(), tensor.bytes.size());
    return result;
  }
  return {};
}

}  // namespace

TorchLearner::TorchLearner(
    nn::Sequential<float>& network,
    std::shared_ptr<const nn::Objective<float>> objective,
    Loss loss,
    const MakeOptimizer& make_optimizer,
    double max_gradient)
    : network_(network),
      objective_(std::move(objective)),
      loss_(std::move(loss)),
      max_gradient_(max_gradient),
      twin_(torch_twin::make_twin(network, torch_twin::TwinOutput::kLogits)),
      parameters_(twin_->parameters()),
      optimizer_(make_optimizer(parameters_)) {}

void TorchLearner::fetch() {
  torch_twin::copy_weights(twin_, network_);
}

void TorchLearner::put() {
  torch_twin::copy_weights(network_, twin_);
}

nn::LossResult TorchLearner::step(nn::ConstView<float> x,
                                  const nn::Targets<float>& targets,
                                  double learning_rate) {
  nn::check_argument(x.cols() == targets.size(),
                     "[TorchLearner] expected a target for each of ",
                     x.cols(),
                     " samples, got ",
                     targets.size());
  nn::check_argument(targets.weights().size() == 0,
                     "[TorchLearner] expected samples without weights, got "
                     "some with them");
  const torch::Tensor target = tensor_of(targets);

  twin_->train();
  optimizer_->zero_grad();
  const torch::Tensor outputs =
      twin_->forward(torch_twin::as_tensor(x, network_.input_shape()));
  const torch::Tensor loss = loss_(outputs, target);

  nn::LossResult result;
  result.loss = loss.item<double>();
  result.weight = static_cast<double>(x.cols());
  result.sum = result.loss * result.weight;
  if (objective_->counts_correct() && targets.has_labels()) {
    torch::NoGradGuard no_grad;
    result.correct = outputs.argmax(1).eq(target).sum().item<int64_t>();
  }
  if (!std::isfinite(result.loss)) return result;

  loss.backward();
  if (max_gradient_ > 0.0) {
    torch::nn::utils::clip_grad_norm_(parameters_, max_gradient_);
  }
  for (auto& group : optimizer_->param_groups()) {
    group.options().set_lr(learning_rate);
  }
  optimizer_->step();
  return result;
}

void TorchLearner::outputs(nn::ConstView<float> x, nn::View<float> outputs) {
  torch::NoGradGuard no_grad;
  twin_->eval();
  const torch::Tensor output =
      twin_->forward(torch_twin::as_tensor(x, network_.input_shape()))
          .contiguous();
  nn::check_argument(
      output.size(0) == outputs.cols() && output.size(1) == outputs.rows(),
      "[TorchLearner] expected room for ",
      output.size(1),
      " outputs of ",
      output.size(0),
      " samples, got ",
      outputs.rows(),
      " x ",
      outputs.cols());
  outputs = nn::ConstView<float>(
      output.data_ptr<float>(), outputs.rows(), outputs.cols());
}

double TorchLearner::learning_rate() const {
  return optimizer_->param_groups().front().options().get_lr();
}

std::vector<std::pair<std::string, torch::Tensor>> TorchLearner::values()
    const {
  std::vector<std::pair<std::string, torch::Tensor>> values;
  for (const auto& all : {twin_->named_parameters(), twin_->named_buffers()}) {
    for (const auto& item : all) values.emplace_back(item.key(), item.value());
  }
  return values;
}

nn::StateDict TorchLearner::state() {
  if (dynamic_cast<torch::optim::SGD*>(optimizer_.get()) == nullptr) {
    throw std::logic_error(
        "[TorchLearner] expected SGD, whose memory alone "
        "can be saved, got another optimizer");
  }
  nn::StateDict state;
  const auto& memory = optimizer_->state();
  for (const auto& [name, value] : values()) {
    state.tensors.push_back(saved(kValue + name, value));
    const auto found = memory.find(key_of(value));
    if (found == memory.end()) continue;
    const auto& of_sgd =
        static_cast<const torch::optim::SGDParamState&>(*found->second);
    state.tensors.push_back(saved(kMomentum + name, of_sgd.momentum_buffer()));
  }
  return state;
}

std::function<void()> TorchLearner::restoring(const nn::StateDict& state) {
  std::vector<std::pair<torch::Tensor, torch::Tensor>> pairs;
  std::vector<std::pair<torch::Tensor, torch::Tensor>> memory;
  for (const auto& [name, value] : values()) {
    const torch::Tensor found = find(state, kValue + name, value);
    if (!found.defined()) {
      throw std::runtime_error(
          nn::concat("expected a tensor ", kValue, name, ", found none"));
    }
    pairs.emplace_back(value, found);
    const torch::Tensor momentum = find(state, kMomentum + name, value);
    if (momentum.defined()) memory.emplace_back(value, momentum);
  }
  if (state.tensors.size() != pairs.size() + memory.size()) {
    throw std::runtime_error(
        "expected the values of a network and their momentum, found others");
  }
  return [this, pairs, memory] {
    torch::NoGradGuard no_grad;
    for (const auto& [value, source] : pairs) {
      torch::Tensor(value).copy_(source);
    }
    optimizer_->state().clear();
    for (const auto& [value, momentum] : memory) {
      auto of_sgd = std::make_unique<torch::optim::SGDParamState>();
      of_sgd->momentum_buffer(momentum);
      optimizer_->state()[key_of(value)] = std::move(of_sgd);
    }
  };
}

std::vector<LayerTime> TorchLearner::time_layers(nn::ConstView<float> x,
                                                 nn::ConstLabels labels) {
  struct Module {
    std::size_t layer;
    torch::Tensor x;
    torch::Tensor y;
  };
  std::vector<Module> modules;
  for (const auto& child : twin_->named_children()) {
    modules.push_back({layer_of_module(child.key()), {}, {}});
  }
  const torch::Tensor target = tensor_of(labels);
  twin_->train();
  LayerTimer timer(timed_layers(network_));
  for (int pass = 0; pass < LayerTimer::kWarmUps + LayerTimer::kPasses;
       ++pass) {
    optimizer_->zero_grad();
    torch::Tensor value = torch_twin::as_tensor(x, network_.input_shape());
    auto any_module = twin_->begin();
    for (Module& module : modules) {
      // Cut off from the module before, so that backward() ends here.
      module.x = value.detach().requires_grad_(module.layer > 0);
      timer.forward(module.layer,
                    [&] { module.y = any_module->forward(module.x); });
      value = module.y;
      ++any_module;
    }
    const torch::Tensor logits = value.detach().requires_grad_();
    loss_(logits, target).backward();
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

}  // namespace apps
