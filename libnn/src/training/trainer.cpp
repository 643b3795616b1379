#include "nn/training/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>

#include "first_non_finite.h"
#include "nn/check.h"
#include "nn/data/batches.h"
#include "nn/network/non_finite.h"
#include "nn/optimizers/clip_gradients.h"
#include "option_checks.h"
#include "resize.h"

namespace nn {
namespace {

// Samples in one pass of a measurement: enough to keep all threads busy, while
// a small network's activations stay in cache.
constexpr Index kEvaluationBatch = 256;

constexpr char kTraining[] = "training";
constexpr char kValidation[] = "validation";

// That a training runs, for the time of its scope.
class Running {
 public:
  explicit Running(bool& is_running) : is_running_(is_running) {
    is_running_ = true;
  }
  ~Running() { is_running_ = false; }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  bool& is_running_;
};

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

template <typename Scalar>
void check_labels(const char* what,
                  const Samples<Scalar>& samples,
                  Index classes) {
  for (Index n = 0; n < samples.size(); ++n) {
    const int label = samples.label(n);
    check_argument(0 <= label && label < classes,
                   "[Trainer] expected ",
                   what,
                   " labels from 0 to ",
                   classes - 1,
                   ", got ",
                   label,
                   " for sample ",
                   n);
  }
}

}  // namespace

template <typename Scalar>
void Samples<Scalar>::check_matrix() const {
  check_argument(x_.cols() >= 1,
                 "[Samples] expected at least 1 sample, got none");
  check_argument(labels_.size() == x_.cols(),
                 "[Samples] expected ",
                 x_.cols(),
                 " labels for ",
                 x_.cols(),
                 " samples (columns), got ",
                 labels_.size());
}

template <typename Scalar>
Samples<Scalar>::Samples(const ImageSet& images,
                         const Normalization& normalization)
    : x_(nullptr, 0, 0),
      labels_(nullptr, 0),
      images_(&images),
      normalization_(normalization) {
  check_argument(images.size() >= 1,
                 "[Samples] expected at least 1 image, got none");
  internal::check_positive(
      "Samples", "deviation of the normalization", normalization.deviation);
  internal::check_rounding<Scalar>(
      "Samples", "deviation of the normalization", normalization.deviation);
  // To gather no image checks the set and writes nothing.
  nn::gather<Scalar>(images,
                     nullptr,
                     0,
                     normalization,
                     View<Scalar>(nullptr, images.shape.features(), 0),
                     Eigen::Map<Labels>(nullptr, 0));
}

template <typename Scalar>
Index Samples<Scalar>::size() const {
  return images_ != nullptr ? images_->size() : x_.cols();
}

template <typename Scalar>
Index Samples<Scalar>::features() const {
  return images_ != nullptr ? images_->shape.features() : x_.rows();
}

template <typename Scalar>
int Samples<Scalar>::label(Index i) const {
  return images_ != nullptr ? images_->labels[static_cast<std::size_t>(i)]
                            : labels_[i];
}

template <typename Scalar>
void Samples<Scalar>::gather(const Index* indices,
                             Index count,
                             View<Scalar> x,
                             Eigen::Map<Labels> labels) const {
  if (images_ != nullptr) {
    nn::gather<Scalar>(*images_, indices, count, normalization_, x, labels);
    return;
  }
  check_argument(
      x.rows() == features() && x.cols() == count && labels.size() == count,
      "[Samples] expected x of ",
      features(),
      " x ",
      count,
      " and ",
      count,
      " labels, got ",
      x.rows(),
      " x ",
      x.cols(),
      " and ",
      labels.size());
  for (Index n = 0; n < count; ++n) {
    const Index i = indices[n];
    check_argument(0 <= i && i < size(),
                   "[Samples] expected an index below ",
                   size(),
                   ", got ",
                   i,
                   " at place ",
                   n);
    x.col(n) = x_.col(i);
    labels[n] = labels_[i];
  }
}

template <typename Scalar>
Trainer<Scalar>::Trainer(Sequential<Scalar>& network,
                         Optimizer<Scalar>& optimizer,
                         TrainerOptions options)
    : network_(network),
      optimizer_(optimizer),
      options_(std::move(options)),
      loss_(options_.loss),
      augmentation_(options_.augmentation, options_.seed),
      parameters_(network.parameters()),
      plan_number_(network.plan_number()),
      layers_(network.size()) {
  const Index classes = network.output_shape().features();
  check_argument(classes >= 2,
                 "[Trainer] expected a network with an output for each of at "
                 "least 2 classes, got ",
                 classes);
  const auto& optimized = optimizer.parameters();
  for (std::size_t i = 0; i < optimized.size(); ++i) {
    check_argument(
        std::find(parameters_.begin(), parameters_.end(), optimized[i]) !=
            parameters_.end(),
        "[Trainer] expected an optimizer of the network's "
        "parameters, got that of another at place ",
        i);
  }
  check_argument(options_.epochs >= 1,
                 "[Trainer] expected at least 1 epoch, got ",
                 options_.epochs);
  check_argument(
      1 <= options_.first_epoch && options_.first_epoch <= options_.epochs,
      "[Trainer] expected a first epoch from 1 to ",
      options_.epochs,
      ", got ",
      options_.first_epoch);
  check_argument(options_.batch_size >= 1,
                 "[Trainer] expected a batch size of at least 1, got ",
                 options_.batch_size);
  const auto weights = static_cast<Index>(options_.loss.class_weights.size());
  check_argument(weights == 0 || weights == classes,
                 "[Trainer] expected ",
                 classes,
                 " class weights, one for each class, got ",
                 weights);
  if (options_.max_gradient_norm) {
    internal::check_positive(
        "Trainer", "maximal gradient norm", *options_.max_gradient_norm);
  }
}

template <typename Scalar>
Trainer<Scalar>::~Trainer() = default;

template <typename Scalar>
void Trainer<Scalar>::add(std::unique_ptr<TrainerCallback<Scalar>> callback) {
  check_argument(callback != nullptr,
                 "[Trainer] expected a callback, got a null pointer");
  check_argument(!is_running_,
                 "[Trainer] expected add() before fit(), got it from a "
                 "callback of a running one");
  callbacks_.push_back(std::move(callback));
}

template <typename Scalar>
std::vector<EpochReport> Trainer<Scalar>::fit(const Samples<Scalar>& training) {
  return run(training, nullptr);
}

template <typename Scalar>
std::vector<EpochReport> Trainer<Scalar>::fit(
    const Samples<Scalar>& training, const Samples<Scalar>& validation) {
  return run(training, &validation);
}

template <typename Scalar>
Evaluation Trainer<Scalar>::evaluate(const Samples<Scalar>& samples) {
  check_samples("test", samples);
  return measure(samples);
}

template <typename Scalar>
void Trainer<Scalar>::check_network() {
  // Every change of the layers gives the network another number, and a moved
  // one takes its number along. Most changes of it do not matter, so what must
  // not change, the parameters, is compared then alone: that allocates.
  if (is_running_ && network_.plan_number() == plan_number_ &&
      network_.size() == layers_) {
    return;
  }
  // One moved from has no layers, and does not say its parameters.
  const bool has_layers = network_.size() > 0 || layers_ == 0;
  check_argument(has_layers && network_.parameters() == parameters_,
                 "[Trainer] expected the network to keep the parameters that "
                 "it had when the trainer was built, got others");
  plan_number_ = network_.plan_number();
  layers_ = network_.size();
}

template <typename Scalar>
template <typename Call>
void Trainer<Scalar>::tell_callbacks(const Call& call) {
  for (const auto& callback : callbacks_) {
    call(*callback);
    check_network();
  }
}

template <typename Scalar>
void Trainer<Scalar>::check_batch_of_one(const Samples<Scalar>& training) {
  // Layers that need more, as BatchNorm1d does, say so when they see it, which
  // may be an hour later. A trial changes nothing, for forward() is const.
  constexpr Index kFirst = 0;
  Workspace<Scalar> workspace;
  const Batch batch = gather(training, &kFirst, 1, kUnchanged);
  try {
    network_.forward(batch.x, workspace);
  } catch (const std::invalid_argument& error) {
    const std::string which =
        training.size() > options_.batch_size && options_.batch_size > 1
            ? concat("the last batch of every epoch has 1 sample (",
                     training.size(),
                     " in batches of ",
                     options_.batch_size,
                     "); drop_last leaves it out: ")
            : "every batch has 1 sample: ";
    throw std::invalid_argument(concat("[Trainer] ", which, error.what()));
  }
}

template <typename Scalar>
void Trainer<Scalar>::check_samples(const char* what,
                                    const Samples<Scalar>& samples) const {
  const Shape& shape = network_.input_shape();
  check_argument(samples.features() == shape.features(),
                 "[Trainer] expected ",
                 what,
                 " samples of ",
                 shape.features(),
                 " features for the network's input ",
                 shape,
                 ", got ",
                 samples.features());
  check_labels(what, samples, network_.output_shape().features());
}

template <typename Scalar>
std::vector<EpochReport> Trainer<Scalar>::run(
    const Samples<Scalar>& training, const Samples<Scalar>* validation) {
  check_argument(!is_running_,
                 "[Trainer] expected one fit() at a time, got another from a "
                 "callback");
  check_network();
  check_samples(kTraining, training);
  if (validation != nullptr) check_samples(kValidation, *validation);
  check_argument(!options_.augmentation.is_on() || training.images() != nullptr,
                 "[Trainer] expected images to augment, got a matrix");
  Batches batches(training.size(), options_.batch_size, options_.seed);
  TrainingPlan plan;
  plan.epochs = options_.epochs;
  plan.first_epoch = options_.first_epoch;
  plan.has_validation = validation != nullptr;
  plan.steps_per_epoch = options_.drop_last
                             ? training.size() / options_.batch_size
                             : batches.count();
  check_argument(plan.steps_per_epoch >= 1,
                 "[Trainer] expected samples for at least 1 batch of ",
                 options_.batch_size,
                 ", got ",
                 training.size());

  if (batches.size(plan.steps_per_epoch - 1) == 1) check_batch_of_one(training);

  const Running running(is_running_);
  std::vector<EpochReport> history;
  tell_callbacks([&](TrainerCallback<Scalar>& callback) {
    callback.on_begin(plan, network_);
  });
  StepReport at;
  at.steps_per_epoch = plan.steps_per_epoch;
  if (plan.first_epoch > 1) {
    at.step = (plan.first_epoch - 1) * plan.steps_per_epoch;
    workspace_.set_passes(static_cast<std::uint64_t>(at.step));
  }
  bool go_on = true;
  for (at.epoch = plan.first_epoch; at.epoch <= plan.epochs && go_on;
       ++at.epoch) {
    EpochReport report;
    report.epoch = at.epoch;
    batches.start_epoch(at.epoch - 1);
    go_on = run_epoch(training, batches, at, report);
    if (validation != nullptr) {
      report.validation = measure(*validation);
      if (!std::isfinite(report.validation->loss)) {
        fail_in_validation(*validation, report.validation->loss, at);
      }
    }
    history.push_back(report);
    tell_callbacks([&](TrainerCallback<Scalar>& callback) {
      go_on = callback.on_epoch_end(report, network_) && go_on;
    });
  }
  tell_callbacks(
      [&](TrainerCallback<Scalar>& callback) { callback.on_end(network_); });
  return history;
}

template <typename Scalar>
bool Trainer<Scalar>::run_epoch(const Samples<Scalar>& training,
                                const Batches& batches,
                                StepReport& at,
                                EpochReport& report) {
  const Clock::time_point start = Clock::now();
  double loss_sum = 0.0;
  double weight_sum = 0.0;
  Index samples = 0;
  Index correct = 0;
  bool go_on = true;
  for (Index i = 0; i < at.steps_per_epoch && go_on; ++i) {
    ++at.step;
    at.step_in_epoch = i + 1;
    at.samples = batches.size(i);
    const LossResult result = take_step(
        gather(training, batches.indices(i), at.samples, at.epoch), at);
    loss_sum += result.sum;
    weight_sum += result.weight;
    samples += at.samples;
    correct += at.correct;
    tell_callbacks([&](TrainerCallback<Scalar>& callback) {
      go_on = callback.on_step(at, network_) && go_on;
    });
  }
  report.train_seconds = seconds_since(start);
  report.step = at.step;
  report.learning_rate = at.learning_rate;
  report.train_loss = weight_sum > 0.0 ? loss_sum / weight_sum : 0.0;
  report.train_accuracy =
      static_cast<double>(correct) / static_cast<double>(samples);
  return go_on;
}

template <typename Scalar>
typename Trainer<Scalar>::Batch Trainer<Scalar>::gather(
    const Samples<Scalar>& samples,
    const Index* indices,
    Index count,
    Index epoch) {
  if (x_.rows() != samples.features() || x_.cols() < count) {
    internal::resize(batch_labels_, count, 1);
    internal::resize(x_, samples.features(), count);  // last: it is asked above
  }
  const View<Scalar> x(x_.data(), x_.rows(), count);
  const Eigen::Map<Labels> labels(batch_labels_.data(), count);
  if (options_.augmentation.is_on() && epoch >= 1) {
    augmentation_.gather<Scalar>(*samples.images(),
                                 indices,
                                 count,
                                 samples.normalization(),
                                 epoch - 1,
                                 x,
                                 labels);
  } else {
    samples.gather(indices, count, x, labels);
  }
  return {as_const(x), ConstLabels(labels), indices};
}

template <typename Scalar>
LossResult Trainer<Scalar>::take_step(const Batch& batch, StepReport& at) {
  if (options_.schedule != nullptr) {
    optimizer_.set_learning_rate(options_.schedule->learning_rate(at.step - 1));
  }
  at.learning_rate = optimizer_.learning_rate();
  const ConstView<Scalar> logits = network_.forward(batch.x, workspace_);
  if (dlogits_.rows() != logits.rows() || dlogits_.cols() < logits.cols()) {
    internal::resize(dlogits_, logits.rows(), logits.cols());
  }
  const View<Scalar> dlogits(dlogits_.data(), logits.rows(), logits.cols());
  const LossResult result = loss_.evaluate(logits, batch.labels, dlogits);
  at.loss = result.loss;
  at.correct = result.correct;
  if (!std::isfinite(result.loss)) fail(kTraining, result.loss, at, batch);
  network_.backward(as_const(dlogits), workspace_);
  if (options_.max_gradient_norm) {
    clip_gradient_norm(parameters_, *options_.max_gradient_norm);
  }
  optimizer_.step();
  return result;
}

template <typename Scalar>
Evaluation Trainer<Scalar>::measure(const Samples<Scalar>& samples) {
  // The loss is taken of all samples at once: with class weights it is no mean
  // of the parts' losses.
  const Index total = samples.size();
  internal::resize(logits_, network_.output_shape().features(), total);
  internal::resize(labels_, total, 1);
  indices_.resize(static_cast<std::size_t>(std::min(total, kEvaluationBatch)));
  for (Index first = 0; first < total; first += kEvaluationBatch) {
    const Index count = std::min(kEvaluationBatch, total - first);
    std::iota(indices_.begin(), indices_.begin() + count, first);
    const Batch batch = gather(samples, indices_.data(), count, kUnchanged);
    network_.predict_logits(batch.x,
                            View<Scalar>(logits_.middleCols(first, count)),
                            evaluation_workspace_);
    labels_.segment(first, count) = batch.labels;
  }
  const LossResult result = loss_.evaluate(logits_, labels_);
  Evaluation evaluation;
  evaluation.loss = result.loss;
  evaluation.correct = result.correct;
  evaluation.accuracy =
      static_cast<double>(result.correct) / static_cast<double>(total);
  return evaluation;
}

template <typename Scalar>
void Trainer<Scalar>::fail_in_validation(const Samples<Scalar>& samples,
                                         double loss,
                                         const StepReport& at) {
  Index n = 0;
  while (n + 1 < samples.size() && logits_.col(n).allFinite()) ++n;
  fail(kValidation, loss, at, gather(samples, &n, 1, kUnchanged));
}

template <typename Scalar>
void Trainer<Scalar>::fail(const char* what,
                           double loss,
                           const StepReport& at,
                           const Batch& batch) const {
  const std::string start = concat("[Trainer] expected a finite ",
                                   what,
                                   " loss, got ",
                                   loss,
                                   " in epoch ",
                                   at.epoch,
                                   ", step ",
                                   at.step,
                                   "; ");
  const ConstView<Scalar>& x = batch.x;
  const Index place = internal::first_non_finite(x.data(), x.size());
  if (place >= 0) {
    throw std::runtime_error(concat(start,
                                    "feature ",
                                    place % x.rows(),
                                    " of ",
                                    what,
                                    " sample ",
                                    batch.indices[place / x.rows()],
                                    " is ",
                                    x.data()[place]));
  }
  // Before the first step there is nothing that its rate could have spoiled.
  const std::string advice = at.step > 1 || what != kTraining
                                 ? concat(" (the learning rate is ",
                                          at.learning_rate,
                                          "; a smaller one may help)")
                                 : "";
  throw std::runtime_error(concat(start,
                                  "the first value that is not finite is ",
                                  origin_of_non_finite(network_, x),
                                  advice));
}

template class Samples<float>;
template class Samples<double>;
template class Trainer<float>;
template class Trainer<double>;

}  // namespace nn
