#ifndef NN_TRAINING_TRAINER_H_
#define NN_TRAINING_TRAINER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "nn/data/augmentation.h"
#include "nn/losses/softmax_cross_entropy.h"
#include "nn/network/sequential.h"
#include "nn/network/workspace.h"
#include "nn/optimizers/optimizer.h"
#include "nn/optimizers/schedule.h"
#include "nn/training/learner.h"
#include "nn/training/network_learner.h"
#include "nn/training/objective.h"
#include "nn/training/samples.h"
#include "nn/types.h"

namespace nn {

class Batches;
template <typename Scalar>
class Trainer;

/// What a network reaches on samples that it is measured by.
struct Evaluation {
  double loss = 0.0;  ///< (weighted) mean over all samples; of classes in nats
  /// Share of samples whose class is right, or all of whose labels are, 0 .. 1.
  /// One whose outputs hold a NaN has no class. 0 where the objective does not
  /// count them.
  double accuracy = 0.0;
  Index correct = 0;            ///< their number
  std::vector<double> metrics;  ///< those of add_metric(), in its order
};

/// One step of a training.
struct StepReport {
  Index epoch = 0;             ///< counted from 1
  Index step = 0;              ///< of the training, counted from 1
  Index step_in_epoch = 0;     ///< counted from 1
  Index steps_per_epoch = 0;   ///< of a whole epoch
  Index samples = 0;           ///< in the batch
  double learning_rate = 0.0;  ///< of this step
  /// Of the batch, before the step; with weights of classes or samples a mean
  /// that is weighted by them.
  double loss = 0.0;
  /// Samples of the batch, before the step; 0 where they are not counted.
  Index correct = 0;
};

/// One epoch of a training.
struct EpochReport {
  Index epoch = 0;             ///< counted from 1
  Index step = 0;              ///< steps of the training so far
  double learning_rate = 0.0;  ///< of the epoch's last step
  /// Mean over the samples of the epoch, measured while the network learned:
  /// each batch before its step. With weights it is weighted by them, as the
  /// validation's is.
  double train_loss = 0.0;
  double train_accuracy = 0.0;  ///< measured likewise, 0 .. 1
  /// On the validation set, after the epoch; none without such a set.
  std::optional<Evaluation> validation;
  double train_seconds = 0.0;  ///< for the steps, without the validation
};

/// What a training is going to be.
struct TrainingPlan {
  Index epochs = 0;             ///< the last one's number, at most
  Index first_epoch = 1;        ///< where it begins
  Index steps_per_epoch = 0;    ///< of a whole epoch
  bool has_validation = false;  ///< whether EpochReport::validation is there
  bool has_accuracy = true;     ///< whether the objective counts right samples
  /// Whether a training goes on that was loaded with resume_training(): what
  /// the callback knows of it stays.
  bool is_resumed = false;
  std::vector<std::string> metrics;  ///< names of Evaluation::metrics
};

/// Watches a training, and may end it. trainer_callbacks.h has those that are
/// wanted most; one of your own derives from this class and overrides what it
/// needs.
///
/// A callback may read and change the values of the network's parameters and
/// the optimizer's learning rate, switch fusion, and call evaluate(). What it
/// throws ends the training and comes out of fit(); the trainer can then be
/// used again. It must not destroy the trainer, the network or the optimizer.
template <typename Scalar>
class TrainerCallback {
 public:
  virtual ~TrainerCallback() = default;
  TrainerCallback(const TrainerCallback&) = delete;
  TrainerCallback& operator=(const TrainerCallback&) = delete;

  /// Before the first step of each fit(), after all arguments were checked.
  virtual void on_begin(const TrainingPlan& /*plan*/,
                        Sequential<Scalar>& /*network*/) {}
  /// After a step of the optimizer. Returns whether to go on: if not, the epoch
  /// ends here. It should not allocate.
  virtual bool on_step(const StepReport& /*report*/,
                       Sequential<Scalar>& /*network*/) {
    return true;
  }
  /// After an epoch and its validation. Returns whether to go on.
  virtual bool on_epoch_end(const EpochReport& /*report*/,
                            Sequential<Scalar>& /*network*/) {
    return true;
  }
  /// After the last epoch, whatever made it the last, but not after an
  /// exception.
  virtual void on_end(Sequential<Scalar>& /*network*/) {}
  /// Before fit() throws because a loss is not finite.
  virtual void on_failure(Sequential<Scalar>& /*network*/) {}
  /// After all callbacks have been told of a step, and of an epoch unless one
  /// of its steps ended it: the place from which save_training() may be called
  /// while fit() runs.
  virtual void between_steps(Trainer<Scalar>& /*trainer*/) {}

  /// What the callback knows of the training, for save_training(), with a name
  /// of its own under "kind" in the metadata. Without metadata, as here, it has
  /// no state and is not in the file.
  virtual StateDict state() const { return {}; }
  /// Checks a state of this kind that state() gave, for the network that is
  /// trained, and trusts nothing in it. Returns a function that takes it over
  /// and does not fail.
  /// Throws std::runtime_error with what was expected and what was found.
  virtual std::function<void()> restoring(const StateDict& /*state*/,
                                          Sequential<Scalar>& /*network*/) {
    return [] {};
  }

 protected:
  TrainerCallback() = default;
};

/// The settings of a Trainer.
struct TrainerOptions {
  Index epochs = 10;       ///< passes over all training samples, at least 1
  Index batch_size = 32;   ///< samples a step, at least 1
  std::uint64_t seed = 0;  ///< of the order of the samples and what is drawn
  /// Leaves a smaller last batch out; each epoch it is other samples that
  /// stand in it. BatchNorm1d cannot train on a batch of one, and fit() refuses
  /// before the first step what would end in one.
  bool drop_last = false;
  /// The learning rate of every step, counted from 0 in each fit(). Without
  /// it, the rate is what the optimizer has.
  std::shared_ptr<const Schedule> schedule = nullptr;
  /// Gradients are shrunk to this norm before a step: clip_gradient_norm().
  std::optional<double> max_gradient_norm = std::nullopt;
  /// Class weights and label smoothing of the loss, in training and
  /// validation.
  SoftmaxCrossEntropyOptions loss = {};
  /// Distorts training images at random; off at first. Validation is done on
  /// the images as they are.
  AugmentationOptions augmentation = {};
  /// Begins with this epoch, at most `epochs`, as if all before it had just
  /// been run: their order of samples, schedule and draws are passed over. A
  /// training that is resumed begins where it was.
  Index first_epoch = 1;
  /// StepOptions::micro_batches.
  Index micro_batches = 1;
};

/// The loop of a training: epochs, batches, learning rates, validation and
/// callbacks, around the steps of a Learner.
///
///   nn::Adam<float> adam(net.parameters(), {/*learning_rate=*/0.01});
///   nn::Trainer<float> trainer(net, adam, {/*epochs=*/20, /*batch_size=*/32});
///   trainer.add<nn::EarlyStopping>();
///   const auto history = trainer.fit({x, labels}, {other_x, other_labels});
///
/// trains a network that tells classes apart, with SoftmaxCrossEntropy. With a
/// loss and a matrix of targets it learns to predict numbers:
///
///   nn::Trainer<float> trainer(net, adam, nn::MeanSquaredError<float>());
///   trainer.fit({x, target});
///
/// An epoch visits all samples once, in batches and in an order drawn anew from
/// seed and epoch. No step but the first allocates.
///
/// Equal seeds, data and initial weights give equal results to the bit, with
/// any number of threads. So does a training that is broken off and taken up
/// again: save_training(), resume_training().
///
/// The network, the optimizer, the learner and the data belong to the caller
/// and must outlive the trainer's use of them; the trainer owns its callbacks.
/// It serves one thread at a time.
template <typename Scalar>
class Trainer {
 public:
  /// Trains a network to tell classes apart: a NetworkLearner with a
  /// CrossEntropyObjective of TrainerOptions::loss.
  /// Throws std::invalid_argument if the network has fewer than two outputs, a
  /// parameter of the optimizer is not the network's, or an option is out of
  /// its range.
  Trainer(Sequential<Scalar>& network,
          Optimizer<Scalar>& optimizer,
          TrainerOptions options = {});
  /// Trains a network for an objective, which `goal` is, or is the loss of; it
  /// is copied.
  /// Throws std::invalid_argument as the other does, if the objective does not
  /// take the network's outputs, or if TrainerOptions::loss is set.
  template <typename Goal,
            std::enable_if_t<internal::is_goal<Scalar, Goal>, int> = 0>
  Trainer(Sequential<Scalar>& network,
          Optimizer<Scalar>& optimizer,
          Goal goal,
          TrainerOptions options = {})
      : Trainer(network,
                optimizer,
                without_loss(options, make_objective<Scalar>(std::move(goal))),
                options) {}
  /// Trains what the learner trains; options of the loss, of the gradients and
  /// of micro-batches are the learner's own.
  /// Throws std::invalid_argument if one of those is set, or another is out of
  /// its range.
  explicit Trainer(Learner<Scalar>& learner, TrainerOptions options = {});
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  /// Appends a callback made of the arguments, CallbackType<Scalar>(args...).
  /// Returns it, to be asked after the training. Callbacks are called in the
  /// order in which they were added, all of them even if one ends the training.
  template <template <typename> class CallbackType, typename... Args>
  CallbackType<Scalar>& add(Args&&... args) {
    auto callback =
        std::make_unique<CallbackType<Scalar>>(std::forward<Args>(args)...);
    CallbackType<Scalar>& result = *callback;
    add(std::move(callback));
    return result;
  }
  /// Appends a callback. Throws std::invalid_argument if it is null, or while
  /// fit() runs: a callback cannot add another.
  void add(std::unique_ptr<TrainerCallback<Scalar>> callback);

  /// A number that outputs are measured by: of all validation samples at once,
  /// before a final Softmax.
  using Measure = std::function<double(ConstView<Scalar> outputs,
                                       const Targets<Scalar>& targets)>;
  /// Measures it wherever a loss is measured on samples apart: in
  /// Evaluation::metrics, and under `name` in a CsvLog. metrics.h has those
  /// that are wanted most:
  ///
  ///   trainer.add_metric("r2", [](auto outputs, const auto& targets) {
  ///     return nn::r_squared<float>(outputs, targets.matrix());
  ///   });
  ///
  /// Throws std::invalid_argument if the function is empty, the name is, is
  /// there already or is no word (letters, digits and _), or fit() runs.
  void add_metric(std::string name, Measure measure);

  /// Trains up to the epoch that the options say, or until a callback ends it.
  /// Epochs, steps and the schedule start anew in every call but the first
  /// after resume_training(); the network and the optimizer go on from where
  /// they are. Returns a report for every epoch, also for those before a
  /// training was resumed.
  ///
  /// Throws std::invalid_argument before the first step if the samples do not
  /// fit the network or the objective, a label is not one of its classes, there
  /// are too few for one batch under drop_last, augmentation does not fit, a
  /// layer refuses the last batch since it has one sample, fit() is called by a
  /// callback, or a resumed training was of another number of samples. Throws
  /// it too if the network has got other parameters since the trainer was
  /// built, as by moving another into it: before the first step, or after the
  /// callback that did it. Throws std::runtime_error if a loss is not finite,
  /// naming epoch, step and the sample and feature, or the layer, where the
  /// first such value appears; the step is not taken.
  std::vector<EpochReport> fit(const Samples<Scalar>& training);
  /// The same, and measures the network by `validation` after each epoch.
  std::vector<EpochReport> fit(const Samples<Scalar>& training,
                               const Samples<Scalar>& validation);

  /// Measures the network, in inference mode: a test set after the training.
  /// The loss may be one that is not finite.
  /// Throws std::invalid_argument if the samples do not fit the network.
  Evaluation evaluate(const Samples<Scalar>& samples);

  /// What is trained.
  Learner<Scalar>& learner() { return learner_; }
  /// The outputs, features x samples, of the samples that were measured last,
  /// by fit() or evaluate(): valid until it is next measured. Of size zero
  /// before.
  ConstView<Scalar> measured_outputs() const {
    return ConstView<Scalar>(outputs_);
  }
  /// What save_training() writes. Throws as it does.
  StateDict state();
  /// Checks such a state, as resume_training() does, and returns a function
  /// that takes it over and does not fail. Throws as it does.
  std::function<void()> restoring(const StateDict& state);

 private:
  /// Where a training is: what is to be known for its next step.
  struct Position {
    /// The last step. Of epoch `at.epoch` there have been `at.step_in_epoch`.
    StepReport at;
    ///@{
    /// Of the epoch so far.
    double loss_sum = 0.0;
    double weight_sum = 0.0;
    Index samples = 0;
    Index correct = 0;
    double seconds = 0.0;
    ///@}
    bool has_ended = false;      ///< by a callback, after an epoch
    Index training_samples = 0;  ///< 0 before the first fit()
  };
  /// Some samples as a pass takes them.
  struct Batch {
    ConstView<Scalar> x;
    Targets<Scalar> targets;
    const Index* indices;
  };
  /// In place of an epoch, for samples that are not to be augmented.
  static constexpr Index kUnchanged = 0;

  Trainer(Sequential<Scalar>& network,
          Optimizer<Scalar>& optimizer,
          std::shared_ptr<const Objective<Scalar>> objective,
          TrainerOptions options);
  Trainer(Learner<Scalar>* learner,
          std::unique_ptr<Learner<Scalar>> owned,
          TrainerOptions options);
  /// The objective, if the options leave the loss to it.
  static std::shared_ptr<const Objective<Scalar>> without_loss(
      const TrainerOptions& options,
      std::shared_ptr<const Objective<Scalar>> objective);
  void check_learner();
  void check_batch_of_one(const Samples<Scalar>& training, Index count);
  template <typename Call>
  void tell_callbacks(const Call& call);
  void rest();
  void check_samples(const char* what, const Samples<Scalar>& samples);
  std::vector<EpochReport> run(const Samples<Scalar>& training,
                               const Samples<Scalar>* validation);
  bool run_epoch(const Samples<Scalar>& training, const Batches& batches);
  Batch gather(const Samples<Scalar>& samples,
               const Index* indices,
               Index count,
               Index epoch);
  void take_step(const Samples<Scalar>& samples, const Batch& batch);
  Evaluation measure(const Samples<Scalar>& samples);
  [[noreturn]] void fail_in_validation(const Samples<Scalar>& samples,
                                       double loss);
  [[noreturn]] void fail(const char* what,
                         double loss,
                         const StepReport& at,
                         const Samples<Scalar>& samples,
                         const Batch& batch);
  std::string cause(const char* what,
                    double loss,
                    const StepReport& at,
                    const Samples<Scalar>& samples,
                    const Batch& batch);
  std::map<std::string, std::string> settings() const;

  std::unique_ptr<Learner<Scalar>> owned_;  ///< where it is the trainer's
  Learner<Scalar>& learner_;
  TrainerOptions options_;
  Augmentation augmentation_;
  std::vector<std::unique_ptr<TrainerCallback<Scalar>>> callbacks_;
  std::vector<std::pair<std::string, Measure>> metrics_;
  bool is_running_ = false;
  bool is_between_steps_ = true;
  bool is_resumed_ = false;  ///< the next fit() goes on from position_
  Position position_;
  std::vector<EpochReport> history_;
  // Room for the largest batch.
  Matrix<Scalar> x_;
  Labels batch_labels_;
  Matrix<Scalar> batch_target_;
  std::vector<Scalar> batch_weights_;
  std::vector<Index> places_;
  // Of all samples that the network is measured by.
  Matrix<Scalar> outputs_;
  Labels labels_;
  Matrix<Scalar> target_;
  std::vector<Scalar> weights_;
  std::vector<Index> indices_;
};

}  // namespace nn

#endif  // NN_TRAINING_TRAINER_H_
