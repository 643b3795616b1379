#ifndef NN_APPS_BENCH_BREADTH_LEARNER_H_
#define NN_APPS_BENCH_BREADTH_LEARNER_H_

#include <memory>

#include "nn/network/sequential.h"
#include "nn/types.h"

namespace apps {

enum class LossKind {
  kCrossEntropy,
  kLabelSmoothing,      ///< the cross-entropy, 0.1 of each label spread
  kClassWeights,        ///< the cross-entropy, weighted by class_weight()
  kMeanSquaredError,    ///< of logits by one-hot targets
  kSmoothL1,            ///< of logits by one-hot targets
  kBinaryCrossEntropy,  ///< of logits by one-hot targets, one question a class
};

enum class OptimizerKind { kSgd, kAdam, kAdamW, kRmsProp, kAdagrad };

/// What a network learns by. Both frameworks build theirs from it; what it does
/// not say are PyTorch's defaults, which are libnn's.
struct Recipe {
  LossKind loss = LossKind::kCrossEntropy;
  OptimizerKind optimizer = OptimizerKind::kSgd;
  double learning_rate = 0.05;
  double momentum = 0.9;      ///< of SGD
  double max_gradient = 0.0;  ///< norm to clip to; 0: not clipped
};

constexpr double kLabelSmoothing = 0.1;

/// A weight for each class where LossKind::kClassWeights asks for them. Any
/// that differ will do.
inline double class_weight(nn::Index label) {
  return 0.5 + 0.1 * static_cast<double>(label);
}

/// One framework at work on one network.
///
///   x   features x N        logits   classes x N
class Learner {
 public:
  virtual ~Learner() = default;
  /// One step: forward, loss, backward, update. Returns the loss before it.
  virtual double step(nn::ConstView<float> x, nn::ConstLabels labels) = 0;
  /// Writes what the network says in inference.
  virtual void predict_logits(nn::ConstView<float> x,
                              nn::View<float> logits) = 0;
};

/// Trains `network`, which must outlive the learner.
std::unique_ptr<Learner> make_libnn_learner(nn::Sequential<float>& network,
                                            const Recipe& recipe);

/// Trains a LibTorch network of the same layers and initial weights. Defined
/// where LibTorch is known, in mnist_torch.
std::unique_ptr<Learner> make_torch_learner(
    const nn::Sequential<float>& network, const Recipe& recipe);

/// Gives LibTorch this number of threads and returns its version.
const char* set_torch_threads(int threads);

}  // namespace apps

#endif  // NN_APPS_BENCH_BREADTH_LEARNER_H_
