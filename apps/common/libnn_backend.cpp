#include <cmath>

#include "common/backend.h"
#include "common/layer_times.h"
#include "common/versions.h"
#include "nn/check.h"

namespace apps {

LibnnBackend::LibnnBackend(nn::Sequential<float>& network,
                           const nn::SgdOptions& options)
    : network_(network), optimizer_(network.parameters(), options) {}

nlohmann::json LibnnBackend::library_versions() const {
  return {{"libnn", program_version()}};
}

std::vector<std::string> LibnnBackend::variables() const {
  return {"NN_MAX_ISA", "GLIBC_TUNABLES"};
}

nn::LossResult LibnnBackend::train_step(nn::ConstView<float> x,
                                        nn::ConstLabels labels,
                                        double learning_rate) {
  const nn::ConstView<float> logits = network_.forward(x, training_);
  if (dlogits_.cols() < logits.cols()) {
    dlogits_.resize(logits.rows(), logits.cols());
  }
  const nn::View<float> dlogits(dlogits_.data(), logits.rows(), logits.cols());
  const nn::LossResult result = loss_.evaluate(logits, labels, dlogits);
  if (!std::isfinite(result.loss)) return result;
  network_.backward(nn::as_const(dlogits), training_);
  optimizer_.set_learning_rate(learning_rate);
  optimizer_.step();
  return result;
}

void LibnnBackend::predict_logits(nn::ConstView<float> x,
                                  nn::View<float> logits) {
  network_.predict_logits(x, logits, inference_);
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
