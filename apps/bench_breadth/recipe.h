#ifndef NN_APPS_BENCH_BREADTH_RECIPE_H_
#define NN_APPS_BENCH_BREADTH_RECIPE_H_

#include <memory>

#include "common/framework.h"
#include "nn/network/sequential.h"
#include "nn/training/objective.h"
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

/// What a recipe minimizes, of outputs for so many classes. Where it does not
/// count right answers, its targets are one-hot columns.
std::shared_ptr<const nn::Objective<float>> make_objective(const Recipe& recipe,
                                                           nn::Index classes);

/// Trains `network`, which must outlive the learner.
LearnerPointer make_libnn_learner(nn::Sequential<float>& network,
                                  const Recipe& recipe);

/// Trains a LibTorch network of the same layers and initial weights. Defined
/// where LibTorch is known, in mnist_torch.
LearnerPointer make_torch_learner(nn::Sequential<float>& network,
                                  const Recipe& recipe);

/// Gives LibTorch this number of threads and returns its version.
const char* set_torch_threads(int threads);

}  // namespace apps

#endif  // NN_APPS_BENCH_BREADTH_RECIPE_H_
