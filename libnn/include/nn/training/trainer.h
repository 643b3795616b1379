#ifndef NN_TRAINING_TRAINER_H_
#define NN_TRAINING_TRAINER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "nn/data/augmentation.h"
#include "nn/data/image_set.h"
#include "nn/losses/softmax_cross_entropy.h"
#include "nn/network/sequential.h"
#include "nn/network/workspace.h"
#include "nn/optimizers/optimizer.h"
#include "nn/optimizers/schedule.h"
#include "nn/types.h"

namespace nn {

class Batches;

/// Samples with labels, to train on or to measure by. It looks at memory that
/// must outlive it and stay unchanged.
///
///   x   features x samples      labels   samples, each in 0 .. classes-1
template <typename Scalar>
class Samples {
  // Whether an argument turns into such a view, which may then be kept.
  template <typename Argument, typename ViewType>
  static constexpr bool kLasts = std::is_convertible_v<Argument, ViewType>&&
      std::is_constructible_v<ViewType, Argument>;

 public:
  /// The columns of a matrix: `x` and `labels` are what turns into a
  /// ConstView<Scalar> and into ConstLabels. That of a temporary does not
  /// compile.
  /// Throws std::invalid_argument if there is not one label for each of them,
  /// or no sample.
  template <
      typename X,
      typename L,
      std::enable_if_t<kLasts<X, ConstView<Scalar>> && kLasts<L, ConstLabels>,
                       int> = 0>
  Samples(X&& x, L&& labels)
      : x_(std::forward<X>(x)), labels_(std::forward<L>(labels)) {
    check_matrix();
  }
  /// Images, which become numbers batch by batch, as nn::gather() says; the
  /// set as a whole stays in its bytes.
  /// Throws std::invalid_argument if there is no image, the bytes do not fit
  /// the number of labels, or the normalization's deviation is not above 0.
  Samples(const ImageSet& images, const Normalization& normalization);
  Samples(const ImageSet&& temporary, const Normalization&) = delete;

  /// The number of samples, at least 1.
  Index size() const;
  /// The rows that a batch of them has.
  Index features() const;
  /// The label of sample `i`. Not checked.
  int label(Index i) const;
  /// The images, or null if the samples are a matrix.
  const ImageSet* images() const { return images_; }
  /// That of the images.
  const Normalization& normalization() const { return normalization_; }

  /// Writes the `count` samples that `indices` names as columns of `x`, and
  /// their labels into `labels`.
  ///
  ///   x   features x count        labels   count
  ///
  /// Throws std::invalid_argument if sizes disagree or an index is out of
  /// range. Allocates nothing.
  void gather(const Index* indices,
              Index count,
              View<Scalar> x,
              Eigen::Map<Labels> labels) const;

 private:
  void check_matrix() const;

  ConstView<Scalar> x_;
  ConstLabels labels_;
  const ImageSet* images_ = nullptr;
  Normalization normalization_;
};

/// What a network reaches on samples that it is measured by.
struct Evaluation {
  double loss = 0.0;  ///< (weighted) mean over all samples, in nats
  /// Share of samples whose class is right, 0 .. 1. One whose outputs hold a
  /// NaN has no class.
  double accuracy = 0.0;
  Index correct = 0;  ///< their number
};

/// One step of a training.
struct StepReport {
  Index epoch = 0;             ///< counted from 1
  Index step = 0;              ///< of the training, counted from 1
  Index step_in_epoch = 0;     ///< counted from 1
  Index steps_per_epoch = 0;   ///< of a whole epoch
  Index samples = 0;           ///< in the batch
  double learning_rate = 0.0;  ///< of this step
  /// Of the batch, before the step, in nats; with class weights a mean that is
  /// weighted by them.
  double loss = 0.0;
  Index correct = 0;  ///< samples of the batch, before the step
};

/// One epoch of a training.
struct EpochReport {
  Index epoch = 0;             ///< counted from 1
  Index step = 0;              ///< steps of the training so far
  double learning_rate = 0.0;  ///< of the epoch's last step
  /// Mean over the samples of the epoch, in nats, measured while the network
  /// learned: each batch before its step. With class weights it is weighted by
  /// them, as the validation's is.
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
  /// been run: their order of samples, schedule and draws are passed over.
  Index first_epoch = 1;
};

/// Trains a network that tells classes apart, with SoftmaxCrossEntropy.
///
///   nn::Adam<float> adam(net.parameters(), {/*learning_rate=*/0.01});
///   nn::Trainer<float> trainer(net, adam, {/*epochs=*/20, /*batch_size=*/32});
///   trainer.add<nn::EarlyStopping>();
///   const auto history = trainer.fit({x, labels}, {other_x, other_labels});
///
/// An epoch visits all samples once, in batches and in an order drawn anew from
/// seed and epoch. A step is forward, loss, backward and optimizer step; none
/// but the first allocates.
///
/// Equal seeds, data and initial weights give equal results to the bit, with
/// any number of threads. So does a training in two parts: the second one
/// builds the same network and optimizer, gives them what load_weights() and
/// load_optimizer() read, and begins with TrainerOptions::first_epoch.
///
/// The network, the optimizer and the data belong to the caller and must
/// outlive the trainer's use of them; the trainer owns its callbacks and the
/// memory of the passes. It serves one thread at a time.
template <typename Scalar>
class Trainer {
 public:
  /// Throws std::invalid_argument if the network has fewer than two outputs, a
  /// parameter of the optimizer is not the network's, or an option is out of
  /// its range.
  Trainer(Sequential<Scalar>& network,
          Optimizer<Scalar>& optimizer,
          TrainerOptions options = {});
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

  /// Trains up to the epoch that the options say, or until a callback ends it.
  /// Epochs, steps and the schedule start anew in every call; the network and
  /// the optimizer go on from where they are. Returns a report for every epoch.
  ///
  /// Throws std::invalid_argument before the first step if the samples do not
  /// fit the network, a label is not one of its classes, there are too few for
  /// one batch under drop_last, class weights or augmentation do not fit, a
  /// layer refuses the last batch since it has one sample, or fit() is called
  /// by a callback. Throws it too if the network has got other parameters since
  /// the trainer was built, as by moving another into it: before the first
  /// step, or after the callback that did it. Throws std::runtime_error if a
  /// loss is not finite, naming epoch, step and the sample and feature, or the
  /// layer, where the first such value appears; the step is not taken.
  std::vector<EpochReport> fit(const Samples<Scalar>& training);
  /// The same, and measures the network by `validation` after each epoch.
  std::vector<EpochReport> fit(const Samples<Scalar>& training,
                               const Samples<Scalar>& validation);

  /// Measures the network, in inference mode: a test set after the training.
  /// The loss may be one that is not finite.
  /// Throws std::invalid_argument if the samples do not fit the network.
  Evaluation evaluate(const Samples<Scalar>& samples);

 private:
  struct Batch {
    ConstView<Scalar> x;
    ConstLabels labels;
    const Index* indices;  ///< of the samples
  };
  /// In place of an epoch, for samples that are not to be augmented.
  static constexpr Index kUnchanged = 0;

  void check_network();
  void check_batch_of_one(const Samples<Scalar>& training);
  template <typename Call>
  void tell_callbacks(const Call& call);
  void check_samples(const char* what, const Samples<Scalar>& samples) const;
  std::vector<EpochReport> run(const Samples<Scalar>& training,
                               const Samples<Scalar>* validation);
  bool run_epoch(const Samples<Scalar>& training,
                 const Batches& batches,
                 StepReport& at,
                 EpochReport& report);
  Batch gather(const Samples<Scalar>& samples,
               const Index* indices,
               Index count,
               Index epoch);
  LossResult take_step(const Batch& batch, StepReport& at);
  Evaluation measure(const Samples<Scalar>& samples);
  [[noreturn]] void fail_in_validation(const Samples<Scalar>& samples,
                                       double loss,
                                       const StepReport& at);
  [[noreturn]] void fail(const char* what,
                         double loss,
                         const StepReport& at,
                         const Batch& batch) const;

  Sequential<Scalar>& network_;
  Optimizer<Scalar>& optimizer_;
  TrainerOptions options_;
  SoftmaxCrossEntropy<Scalar> loss_;
  Augmentation augmentation_;
  std::vector<std::unique_ptr<TrainerCallback<Scalar>>> callbacks_;
  bool is_running_ = false;
  std::vector<Parameter<Scalar>*> parameters_;
  std::uint64_t plan_number_;  ///< of the network when they were seen
  Index layers_;               ///< likewise
  Workspace<Scalar> workspace_;
  // Apart, since it is for larger batches and needs less for each sample.
  Workspace<Scalar> evaluation_workspace_;
  // Room for the largest batch.
  Matrix<Scalar> x_;
  Labels batch_labels_;
  Matrix<Scalar> dlogits_;
  // Of all samples that the network is measured by.
  Matrix<Scalar> logits_;
  Labels labels_;
  std::vector<Index> indices_;
};

}  // namespace nn

#endif  // NN_TRAINING_TRAINER_H_
