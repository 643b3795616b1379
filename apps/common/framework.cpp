#include "common/framework.h"

#include <utility>

#include "common/layer_times.h"
#include "common/versions.h"
#include "nn/optimizers/sgd.h"

namespace apps {
namespace {

struct OwningLearner {
  OwningLearner(nn::Sequential<float>& network,
                std::unique_ptr<nn::Optimizer<float>> its_optimizer,
                std::shared_ptr<const nn::Objective<float>> objective,
                const nn::StepOptions& options)
      : optimizer(std::move(its_optimizer)),
        learner(network, *optimizer, std::move(objective), options) {}

  std::unique_ptr<nn::Optimizer<float>> optimizer;
  nn::NetworkLearner<float> learner;
};

}  // namespace

LearnerPointer make_network_learner(
    nn::Sequential<float>& network,
    std::unique_ptr<nn::Optimizer<float>> optimizer,
    std::shared_ptr<const nn::Objective<float>> objective,
    const nn::StepOptions& options) {
  const auto owner = std::make_shared<OwningLearner>(
      network, std::move(optimizer), std::move(objective), options);
  return {owner, &owner->learner};
}

Framework libnn_framework() {
  return {"libnn",
          {{"libnn", program_version()}},
          {"NN_MAX_ISA", "GLIBC_TUNABLES"},
          [](nn::Sequential<float>& network, const Options& options) {
            return make_network_learner(
                network,
                std::make_unique<nn::Sgd<float>>(network.parameters(),
                                                 options.sgd()),
                std::make_shared<nn::CrossEntropyObjective<float>>());
          },
          [](nn::Learner<float>& learner,
             nn::ConstView<float> x,
             nn::ConstLabels labels) {
            return time_layers(learner.network(), x, labels);
          }};
}

}  // namespace apps
