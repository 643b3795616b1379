#ifndef NN_APPS_COMMON_FRAMEWORK_H_
#define NN_APPS_COMMON_FRAMEWORK_H_

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/options.h"
#include "common/run.h"
#include "nn/network/sequential.h"
#include "nn/optimizers/optimizer.h"
#include "nn/training/learner.h"
#include "nn/training/network_learner.h"
#include "nn/training/objective.h"
#include "nn/types.h"

namespace apps {

using LearnerPointer = std::shared_ptr<nn::Learner<float>>;

/// A library that trains networks. The network is always described and
/// initialized by an nn::Sequential; the learner of another framework copies
/// layers and weights from it, so that two made from equal networks start at
/// the same point.
struct Framework {
  /// "libnn" or "torch": the second half of the run folder's name.
  std::string name;
  /// Name and version of the library that computes, for summary.json:
  /// {"libnn": "0.1.0"}.
  nlohmann::json versions;
  /// The environment variables that change how fast it is, or its roundings.
  std::vector<std::string> variables;
  /// A learner by stochastic gradient descent on the mean softmax
  /// cross-entropy, for a network with its initial weights, which outlives it.
  std::function<LearnerPointer(nn::Sequential<float>& network,
                               const Options& options)>
      make_learner;
  /// What each of timed_layers() takes for training on this batch, in the
  /// framework's own code, layer by layer: for a learner that make_learner()
  /// has made. Updates no weights, but overwrites gradients.
  std::function<std::vector<LayerTime>(nn::Learner<float>& learner,
                                       nn::ConstView<float> x,
                                       nn::ConstLabels labels)>
      time_layers;
};

/// The network itself, trained in place by libnn.
Framework libnn_framework();

/// A learner of libnn that owns its optimizer. `network` must outlive it.
LearnerPointer make_network_learner(
    nn::Sequential<float>& network,
    std::unique_ptr<nn::Optimizer<float>> optimizer,
    std::shared_ptr<const nn::Objective<float>> objective,
    const nn::StepOptions& options = {});

}  // namespace apps

#endif  // NN_APPS_COMMON_FRAMEWORK_H_
