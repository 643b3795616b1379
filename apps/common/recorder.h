#ifndef NN_APPS_COMMON_RECORDER_H_
#define NN_APPS_COMMON_RECORDER_H_

#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "common/progress.h"
#include "common/run.h"
#include "nn/data/image_set.h"
#include "nn/network/sequential.h"
#include "nn/training/trainer.h"
#include "nn/types.h"

namespace apps {

/// Records the steps of a training in a run, and shows how it goes.
class Recorder final : public nn::TrainerCallback<float> {
 public:
  /// `run` must outlive it. Of `settings`, an object, all must be the same
  /// where the training is resumed.
  Recorder(Run& run, nlohmann::json settings, bool quiet);

  void on_begin(const nn::TrainingPlan& plan,
                nn::Sequential<float>& network) override;
  bool on_step(const nn::StepReport& report,
               nn::Sequential<float>& network) override;
  bool on_epoch_end(const nn::EpochReport& report,
                    nn::Sequential<float>& network) override;
  /// The settings, and the steps so far.
  nn::StateDict state() const override;
  std::function<void()> restoring(const nn::StateDict& state,
                                  nn::Sequential<float>& network) override;

 private:
  using Clock = std::chrono::steady_clock;
  void start_epoch();

  Run& run_;
  nlohmann::json settings_;
  bool quiet_;
  std::unique_ptr<Progress> progress_;
  // Of the epoch so far, as far as it has been seen.
  Clock::time_point start_;
  double loss_sum_ = 0.0;
  nn::Index images_ = 0;
};

/// The rows of history.csv. All reports must have a validation.
std::vector<EpochRow> history_of(const std::vector<nn::EpochReport>& reports);

/// The rows of predictions.csv: what the logits, classes x images, say of the
/// test images. Softmax is taken in double: in float the best images'
/// probabilities all round to 1 and could not be ranked.
std::vector<Prediction> predictions_of(nn::ConstView<float> logits,
                                       const nn::ImageSet& test);

}  // namespace apps

#endif  // NN_APPS_COMMON_RECORDER_H_
