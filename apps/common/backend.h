#ifndef NN_APPS_COMMON_BACKEND_H_
#define NN_APPS_COMMON_BACKEND_H_

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/options.h"
#include "common/run.h"
#include "nn/losses/softmax_cross_entropy.h"
#include "nn/network/sequential.h"
#include "nn/optimizers/sgd.h"
#include "nn/training/network_learner.h"
#include "nn/types.h"

namespace apps {

/// What the training loop asks of a framework: the steps of stochastic gradient
/// descent on the mean softmax cross-entropy of one network.
///
/// The network is always described and initialized by an nn::Sequential; a
/// backend of another framework copies layers and weights from it, so that two
/// backends made from the same network start at the same point. The loop gives
/// all of them the same batches in the same order.
///
///   x   features x N, in the layout of nn::Matrix: the bytes of a contiguous
///       (N, channels, height, width) array
class Backend {
 public:
  virtual ~Backend() = default;

  /// "libnn" or "torch": the second half of the run folder's name.
  virtual std::string name() const = 0;

  /// Name and version of the library that computes, for summary.json:
  /// {"libnn": "0.1.0"}.
  virtual nlohmann::json library_versions() const = 0;
  /// The environment variables that change how fast it is, or its roundings.
  virtual std::vector<std::string> variables() const = 0;

  /// One step on one batch: forward, loss, backward, update with
  /// `learning_rate`. Returns loss and correct predictions of the batch from
  /// before the update. Where the loss is not finite, nothing is updated, so
  /// that the weights which led to it can be looked at.
  virtual nn::LossResult train_step(nn::ConstView<float> x,
                                    nn::ConstLabels labels,
                                    double learning_rate) = 0;

  /// Writes the logits of a batch into `logits`, classes x N.
  virtual void predict_logits(nn::ConstView<float> x,
                              nn::View<float> logits) = 0;

  /// Writes the present weights into `network`, whose layers are those that the
  /// backend was made from. Saving, figures and the search for the origin of
  /// non-finite values go through it.
  virtual void copy_weights_to(nn::Sequential<float>& network) = 0;

  /// What each of timed_layers() takes for training on this batch, in the
  /// backend's own code, layer by layer, once copy_weights_to() has saved what
  /// training made: updates no weights, but overwrites gradients.
  virtual std::vector<LayerTime> time_layers(nn::ConstView<float> x,
                                             nn::ConstLabels labels) = 0;
};

/// Makes a backend from a network with its initial weights, which outlives it.
using BackendFactory = std::function<std::unique_ptr<Backend>(
    nn::Sequential<float>& network, const Options& options)>;

/// The network itself, trained by libnn.
class LibnnBackend final : public Backend {
 public:
  /// Trains `network` in place; it must outlive the backend.
  LibnnBackend(nn::Sequential<float>& network, const nn::SgdOptions& options);

  std::string name() const override { return "libnn"; }
  nlohmann::json library_versions() const override;
  std::vector<std::string> variables() const override;
  nn::LossResult train_step(nn::ConstView<float> x,
                            nn::ConstLabels labels,
                            double learning_rate) override;
  void predict_logits(nn::ConstView<float> x, nn::View<float> logits) override;
  void copy_weights_to(nn::Sequential<float>& network) override;
  std::vector<LayerTime> time_layers(nn::ConstView<float> x,
                                     nn::ConstLabels labels) override;

 private:
  nn::Sequential<float>& network_;
  nn::Sgd<float> optimizer_;
  nn::NetworkLearner<float> learner_;
};

/// A factory of LibnnBackend.
std::unique_ptr<Backend> make_libnn_backend(nn::Sequential<float>& network,
                                            const Options& options);

}  // namespace apps

#endif  // NN_APPS_COMMON_BACKEND_H_
