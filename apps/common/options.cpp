#include "common/options.h"

#include "common/augmentation_option.h"

namespace apps {

std::string to_text(const std::vector<nn::Index>& sizes) {
  std::string text;
  for (const nn::Index size : sizes) {
    text += (text.empty() ? "" : ",") + std::to_string(size);
  }
  return text;
}

nn::SgdOptions Options::sgd() const {
  nn::SgdOptions sgd;
  sgd.learning_rate = learning_rate;
  sgd.momentum = momentum;
  sgd.weight_decay = weight_decay;
  sgd.nesterov = nesterov;
  return sgd;
}

std::unique_ptr<nn::Schedule> Options::make_schedule(
    nn::Index steps_per_epoch) const {
  if (schedule == "constant") {
    return std::make_unique<nn::ConstantSchedule>(learning_rate);
  }
  if (schedule == "step") {
    return std::make_unique<nn::StepSchedule>(
        learning_rate, step_epochs * steps_per_epoch, step_factor);
  }
  return std::make_unique<nn::CosineSchedule>(learning_rate,
                                              epochs * steps_per_epoch,
                                              warmup_epochs * steps_per_epoch,
                                              final_learning_rate);
}

nlohmann::json Options::to_json() const {
  nlohmann::json json = {{"model", model},
                         {"dataset", dataset},
                         {"data", data},
                         {"out", out},
                         {"epochs", epochs},
                         {"batch-size", batch_size},
                         {"learning-rate", learning_rate},
                         {"momentum", momentum},
                         {"weight-decay", weight_decay},
                         {"nesterov", nesterov},
                         {"schedule", schedule},
                         {"augment", to_text(augmentation)},
                         {"seed", seed},
                         {"threads", threads},
                         {"train-limit", train_limit},
                         {"test-limit", test_limit},
                         {"save", save},
                         {"load", load},
                         {"quiet", quiet}};
  if (model == "mlp") {
    json["hidden"] = hidden;
  } else {
    json["channels"] = channels;
    json["kernel"] = kernel;
    json["padding"] = padding;
  }
  if (schedule == "cosine") {
    json["warmup-epochs"] = warmup_epochs;
    json["final-learning-rate"] = final_learning_rate;
  } else if (schedule == "step") {
    json["step-epochs"] = step_epochs;
    json["step-factor"] = step_factor;
  }
  return json;
}

nlohmann::json Options::deciding() const {
  nlohmann::json json = to_json();
  for (const char* name : {"data", "out", "threads", "save", "load", "quiet"}) {
    json.erase(name);
  }
  json["backend"] = backend;
  return json;
}

}  // namespace apps
