#include "common/backend.h"
#include "common/layer_times.h"
#include "common/versions.h"
#include "nn/check.h"

namespace apps {

LibnnBackend::LibnnBackend(nn::Sequential<float>& network,
                           const nn::SgdOptions& options)
    : network_(network),
      optimizer_(network.parameters(), options),
      learner_(network,
               optimizer_,
               nn::make_objective<float>(nn::CrossEntropyObjective<float>())) {}

nlohmann::json LibnnBackend::library_versions() const {
  return {{"libnn", program_version()}};
}

std::vector<std::string> LibnnBackend::variables() const {
  return {"NN_MAX_ISA", "GLIBC_TUNABLES"};
}

nn::LossResult LibnnBackend::train_step(nn::ConstView<float> x,
                                        nn::ConstLabels labels,
                                        double learning_rate) {
  return learner_.step(x, labels, learning_rate);
}

void LibnnBackend::predict_logits(nn::ConstView<float> x,
                                  nn::View<float> logits) {
  learner_.outputs(x, logits);
}

void LibnnBackend::copy_weights_to(nn::Sequential<float>& network) {
  if (&network == &network_) return;
  const auto from = network_.parameters();
  const auto to = network.parameters();
  nn::check_argument(from.size() == to.size(),
                     "[LibnnBackend] expected a network with ",
                     from.size(),
                     " parameters, got ",
                     to.size());
  for (std::size_t i = 0; i < from.size(); ++i) {
    nn::check_argument(from[i]->dims == to[i]->dims,
                       "[LibnnBackend] parameter ",
                       i,
                       " has another shape in the network given");
    to[i]->value = from[i]->value;
  }
}

std::vector<LayerTime> LibnnBackend::time_layers(nn::ConstView<float> x,
                                                 nn::ConstLabels labels) {
  return apps::time_layers(network_, x, labels);
}

std::unique_ptr<Backend> make_libnn_backend(nn::Sequential<float>& network,
                                            const Options& options) {
  return std::make_unique<LibnnBackend>(network, options.sgd());
}

}  // namespace apps
