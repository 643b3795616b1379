#ifndef NN_TRAINING_TRAINER_CALLBACKS_H_
#define NN_TRAINING_TRAINER_CALLBACKS_H_

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "nn/training/trainer.h"

namespace nn {

/// What tells a better epoch from a worse one.
enum class Metric {
  kValidationLoss,      ///< the smaller the better
  kValidationAccuracy,  ///< the larger the better
  kTrainLoss,           ///< the smaller the better; needs no validation set
};

/// The best epoch of a training so far.
class BestEpoch {
 public:
  /// `who` stands in messages. An epoch is better than the best one so far if
  /// it is so by more than `min_delta`.
  /// Throws std::invalid_argument unless that is finite and not negative.
  BestEpoch(std::string who, Metric metric, double min_delta);

  /// Forgets all epochs, unless the training is resumed. Throws
  /// std::invalid_argument if the metric needs a validation set, or an
  /// accuracy, and the plan has none.
  void start(const TrainingPlan& plan);
  /// Takes an epoch in; returns whether it is the best so far.
  bool update(const EpochReport& report);

  /// The best one's number; 0 before the first.
  Index epoch() const { return epoch_; }
  /// Its metric; 0 before the first.
  double value() const { return value_; }

  /// Epoch and value, of the kind `who`.
  StateDict state() const;
  /// As TrainerCallback::restoring().
  std::function<void()> restoring(const StateDict& state);

 private:
  std::string who_;
  Metric metric_;
  double min_delta_;
  Index epoch_ = 0;
  double value_ = 0.0;
};

/// The settings of EarlyStopping.
struct EarlyStoppingOptions {
  Metric metric = Metric::kValidationLoss;  ///< what is to improve
  /// So many epochs in a row without improvement end the training; at least 1.
  Index patience = 5;
  double min_delta = 0.0;    ///< less than this is no improvement
  bool restore_best = true;  ///< the best epoch's network is what remains
};

/// Ends a training that no longer improves, and puts the parameters and buffers
/// of the best epoch back, also if the training ends for another reason or
/// since a loss is not finite.
template <typename Scalar>
class EarlyStopping final : public TrainerCallback<Scalar> {
 public:
  /// Throws std::invalid_argument if the patience is less than 1, or unless
  /// min_delta is finite and not negative.
  explicit EarlyStopping(const EarlyStoppingOptions& options = {});

  /// Throws std::invalid_argument if the metric needs a validation set and
  /// there is none.
  void on_begin(const TrainingPlan& plan, Sequential<Scalar>& network) override;
  bool on_epoch_end(const EpochReport& report,
                    Sequential<Scalar>& network) override;
  void on_end(Sequential<Scalar>& network) override;
  void on_failure(Sequential<Scalar>& network) override;
  StateDict state() const override;
  std::function<void()> restoring(const StateDict& state,
                                  Sequential<Scalar>& network) override;

  /// The best epoch of the last fit(), counted from 1; 0 before there is one.
  Index best_epoch() const { return best_.epoch(); }
  /// Its metric; 0 before there is one.
  double best_value() const { return best_.value(); }
  /// Whether this callback has ended the last fit().
  bool stopped() const { return stopped_; }

 private:
  EarlyStoppingOptions options_;
  BestEpoch best_;
  Index without_improvement_ = 0;
  bool stopped_ = false;
  std::vector<Matrix<Scalar>> values_;  ///< of the best epoch
};

/// Saves the network after every epoch that is the best so far, with
/// save_model(), so that what a broken-off training leaves is its best network.
template <typename Scalar>
class BestCheckpoint final : public TrainerCallback<Scalar> {
 public:
  /// What on_epoch_end() throws is what save_model() throws: the folder of
  /// `path` must be there.
  explicit BestCheckpoint(std::string path,
                          Metric metric = Metric::kValidationLoss);

  /// Throws std::invalid_argument if the metric needs a validation set and
  /// there is none.
  void on_begin(const TrainingPlan& plan, Sequential<Scalar>& network) override;
  bool on_epoch_end(const EpochReport& report,
                    Sequential<Scalar>& network) override;

  StateDict state() const override;
  std::function<void()> restoring(const StateDict& state,
                                  Sequential<Scalar>& network) override;

  /// The epoch that the file holds, counted from 1; 0 before there is one.
  Index best_epoch() const { return best_.epoch(); }

 private:
  std::string path_;
  BestEpoch best_;
};

/// Writes a CSV file with a row an epoch:
///
///   epoch,step,learning_rate,train_loss,validation_loss,
///   train_accuracy,validation_accuracy,train_seconds
///
/// (in one line) and a column validation_NAME for each added metric, numbers
/// with all their digits, and nothing between the commas where there is no
/// validation set or no accuracy, or where a metric is not finite. The file is
/// whole at any time: it is written beside its place and renamed into it, at
/// first with the names of the columns alone, so that a path that cannot be
/// written shows before training.
template <typename Scalar>
class CsvLog final : public TrainerCallback<Scalar> {
 public:
  /// Nothing is written yet.
  explicit CsvLog(std::string path);

  /// Throws std::runtime_error with path and reason if the file cannot be
  /// written.
  void on_begin(const TrainingPlan& plan, Sequential<Scalar>& network) override;
  /// Throws as on_begin() does.
  bool on_epoch_end(const EpochReport& report,
                    Sequential<Scalar>& network) override;
  StateDict state() const override;
  std::function<void()> restoring(const StateDict& state,
                                  Sequential<Scalar>& network) override;

 private:
  std::string path_;
  std::string text_;  ///< of the whole file
  bool has_accuracy_ = true;
  std::size_t metrics_ = 0;  ///< columns of them
};

/// Saves the whole training with save_training() after every epoch, and while
/// an epoch lasts as often as it is told, so that resume_training() goes on
/// near where a killed process was:
///
///   trainer.add<nn::Checkpoint>(path);
///   if (std::filesystem::exists(path)) nn::resume_training(path, trainer);
///   trainer.fit({x, labels});
template <typename Scalar>
class Checkpoint final : public TrainerCallback<Scalar> {
 public:
  /// Within an epoch it saves after a step if so many seconds have passed since
  /// it last did, or since fit() began; at 0 after each.
  /// Throws std::invalid_argument unless they are finite and not negative. What
  /// between_steps() throws is what save_training() throws.
  explicit Checkpoint(std::string path, double seconds = 60.0);

  void on_begin(const TrainingPlan& plan, Sequential<Scalar>& network) override;
  bool on_epoch_end(const EpochReport& report,
                    Sequential<Scalar>& network) override;
  void between_steps(Trainer<Scalar>& trainer) override;

 private:
  std::string path_;
  double seconds_;
  double saved_at_ = 0.0;  ///< in seconds of a clock that runs on
  bool is_due_ = false;
};

/// Calls functions of yours, to print progress, say; the library prints
/// nothing.
///
///   trainer.add<nn::Progress>([](const nn::EpochReport& report) {
///     show(report.epoch, report.train_loss, report.train_accuracy);
///   });
template <typename Scalar>
class Progress final : public TrainerCallback<Scalar> {
 public:
  /// `on_epoch` is called after each epoch, `on_step` after each step, where
  /// it is given.
  explicit Progress(std::function<void(const EpochReport&)> on_epoch,
                    std::function<void(const StepReport&)> on_step = {});

  bool on_step(const StepReport& report, Sequential<Scalar>& network) override;
  bool on_epoch_end(const EpochReport& report,
                    Sequential<Scalar>& network) override;

 private:
  std::function<void(const EpochReport&)> on_epoch_;
  std::function<void(const StepReport&)> on_step_;
};

}  // namespace nn

#endif  // NN_TRAINING_TRAINER_CALLBACKS_H_
