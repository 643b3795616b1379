#include "nn/training/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <type_traits>

#include "files/defect.h"
#include "files/json.h"
#include "files/little_endian.h"
#include "files/named_tensors.h"
#include "first_non_finite.h"
#include "nn/check.h"
#include "nn/data/batches.h"
#include "nn/network/non_finite.h"
#include "option_checks.h"
#include "resize.h"
#include "training/state_dict.h"

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

using internal::quoted;
using internal::SafetensorsReader;
using internal::throw_defect;

// The state of a training.
constexpr const char* kLearner = "learner.";
constexpr const char* kKind = "kind";
constexpr const char* kCallbacks = "callbacks";
constexpr const char* kPosition = "position";
constexpr const char* kSums = "sums";
constexpr const char* kHistory = "history";
/// The numbers of an EpochReport, those of added metrics left out.
constexpr Index kReportNumbers = 10;
constexpr Index kPositionCounts = 7;
constexpr Index kPositionSums = 4;

std::string callback_prefix(std::size_t i) {
  return concat("callback.", i, ".");
}

/// Numbers as a tensor, `width` of them in a row.
template <typename Number>
Tensor table_of(const char* name,
                const std::vector<Number>& numbers,
                Index width) {
  const auto count = static_cast<Index>(numbers.size());
  return {name,
          std::is_integral_v<Number> ? "I64" : "F64",
          {count / width, width},
          internal::to_bytes(numbers.data(), count)};
}

/// The numbers of such a tensor.
template <typename Number>
std::vector<Number> read_table(SafetensorsReader& file,
                               const char* name,
                               Index width) {
  const char* const dtype = std::is_integral_v<Number> ? "I64" : "F64";
  const SafetensorsReader::Entry* entry = file.find(name);
  if (entry == nullptr || entry->dtype != dtype || entry->dims.size() != 2 ||
      entry->dims[1] != width) {
    throw_defect("expected a tensor \"",
                 name,
                 "\" with rows of ",
                 width,
                 " numbers ",
                 dtype,
                 ", found ",
                 entry == nullptr ? "none" : "another");
  }
  const std::string bytes = file.read(*entry);
  std::vector<Number> numbers;
  for (Index i = 0; i < entry->dims[0] * width; ++i) {
    numbers.push_back(internal::value_at<Number>(bytes, i));
  }
  return numbers;
}

/// A count, which a double or an integer holds.
template <typename Number>
Index count_of(const char* name, Number number) {
  constexpr auto kMost = static_cast<Number>(std::int64_t{1} << 53);
  if (!(number >= 0 && number <= kMost &&
        static_cast<Number>(static_cast<Index>(number)) == number)) {
    throw_defect("expected counts in \"", name, "\", found ", number);
  }
  return static_cast<Index>(number);
}

void append(const EpochReport& report, std::vector<double>& numbers) {
  const Evaluation validation = report.validation.value_or(Evaluation());
  for (const double number : {static_cast<double>(report.epoch),
                              static_cast<double>(report.step),
                              report.learning_rate,
                              report.train_loss,
                              report.train_accuracy,
                              report.train_seconds,
                              report.validation ? 1.0 : 0.0,
                              validation.loss,
                              validation.accuracy,
                              static_cast<double>(validation.correct)}) {
    numbers.push_back(number);
  }
}

/// Takes the numbers that append() appended.
EpochReport report_of(const double* numbers) {
  EpochReport report;
  report.epoch = count_of(kHistory, numbers[0]);
  report.step = count_of(kHistory, numbers[1]);
  report.learning_rate = numbers[2];
  report.train_loss = numbers[3];
  report.train_accuracy = numbers[4];
  report.train_seconds = numbers[5];
  if (count_of(kHistory, numbers[6]) != 0) {
    report.validation.emplace();
    report.validation->loss = numbers[7];
    report.validation->accuracy = numbers[8];
    report.validation->correct = count_of(kHistory, numbers[9]);
  }
  return report;
}

}  // namespace

template <typename Scalar>
Trainer<Scalar>::Trainer(Sequential<Scalar>& network,
                         Optimizer<Scalar>& optimizer,
                         TrainerOptions options)
    : Trainer(
          network,
          optimizer,
          std::make_shared<const CrossEntropyObjective<Scalar>>(options.loss),
          options) {}

template <typename Scalar>
Trainer<Scalar>::Trainer(Sequential<Scalar>& network,
                         Optimizer<Scalar>& optimizer,
                         std::shared_ptr<const Objective<Scalar>> objective,
                         TrainerOptions options)
    : Trainer(nullptr,
              std::make_unique<NetworkLearner<Scalar>>(
                  network,
                  optimizer,
                  std::move(objective),
                  StepOptions{options.max_gradient_norm, options.micro_batches},
                  "Trainer"),
              options) {}

template <typename Scalar>
Trainer<Scalar>::Trainer(Learner<Scalar>& learner, TrainerOptions options)
    : Trainer(&learner, nullptr, std::move(options)) {
  without_loss(options_, nullptr);
  check_argument(!options_.max_gradient_norm && options_.micro_batches == 1,
                 "[Trainer] expected a learner's own max_gradient_norm and "
                 "micro_batches (StepOptions), got others");
}

template <typename Scalar>
Trainer<Scalar>::Trainer(Learner<Scalar>* learner,
                         std::unique_ptr<Learner<Scalar>> owned,
                         TrainerOptions options)
    : owned_(std::move(owned)),
      learner_(owned_ != nullptr ? *owned_ : *learner),
      options_(std::move(options)),
      augmentation_(options_.augmentation, options_.seed) {
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
  position_.at.epoch = options_.first_epoch;
}

template <typename Scalar>
std::shared_ptr<const Objective<Scalar>> Trainer<Scalar>::without_loss(
    const TrainerOptions& options,
    std::shared_ptr<const Objective<Scalar>> objective) {
  check_argument(
      options.loss.class_weights.empty() && options.loss.label_smoothing == 0.0,
      "[Trainer] expected the settings of the loss in the objective "
      "that was given, got others in TrainerOptions::loss");
  return objective;
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
void Trainer<Scalar>::add_metric(std::string name, Measure measure) {
  check_argument(measure != nullptr,
                 "[Trainer] expected a function for the metric ",
                 name,
                 ", got none");
  const bool is_word =
      !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') ||
               ('0' <= c && c <= '9') || c == '_';
      });
  check_argument(is_word,
                 "[Trainer] expected a metric's name of letters, digits and _, "
                 "got \"",
                 name,
                 "\"");
  for (const auto& [other, unused] : metrics_) {
    check_argument(other != name,
                   "[Trainer] expected one metric of the name ",
                   name,
                   ", got two");
  }
  check_argument(!is_running_,
                 "[Trainer] expected add_metric() before fit(), got it from a "
                 "callback of a running one");
  metrics_.emplace_back(std::move(name), std::move(measure));
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
void Trainer<Scalar>::check_learner() {
  check_argument(learner_.is_intact(),
                 "[Trainer] expected the network to keep the parameters that "
                 "it had when the trainer was built, got others");
}

template <typename Scalar>
template <typename Call>
void Trainer<Scalar>::tell_callbacks(const Call& call) {
  for (const auto& callback : callbacks_) {
    call(*callback);
    check_learner();
  }
}

template <typename Scalar>
void Trainer<Scalar>::rest() {
  is_between_steps_ = true;
  tell_callbacks([this](TrainerCallback<Scalar>& callback) {
    callback.between_steps(*this);
  });
  is_between_steps_ = false;
}

template <typename Scalar>
void Trainer<Scalar>::check_batch_of_one(const Samples<Scalar>& training,
                                         Index count) {
  // Layers that need more, as BatchNorm1d does, say so when they see it, which
  // may be an hour later.
  std::vector<Index> first(static_cast<std::size_t>(count));
  std::iota(first.begin(), first.end(), Index{0});
  const Batch batch = gather(training, first.data(), count, kUnchanged);
  try {
    learner_.check_batch(batch.x);
  } catch (const std::invalid_argument& error) {
    const std::string which =
        training.size() > options_.batch_size && options_.batch_size > count
            ? concat("the last batch of every epoch has ",
                     count,
                     count == 1 ? " sample (" : " samples (",
                     training.size(),
                     " in batches of ",
                     options_.batch_size,
                     "); drop_last leaves it out: ")
            : concat("every batch has ",
                     count,
                     count == 1 ? " sample: " : " samples: ");
    throw std::invalid_argument(concat("[Trainer] ", which, error.what()));
  }
}

template <typename Scalar>
void Trainer<Scalar>::check_samples(const char* what,
                                    const Samples<Scalar>& samples) {
  const Sequential<Scalar>& network = learner_.network();
  const Shape& shape = network.input_shape();
  check_argument(samples.features() == shape.features(),
                 "[Trainer] expected ",
                 what,
                 " samples of ",
                 shape.features(),
                 " features for the network's input ",
                 shape,
                 ", got ",
                 samples.features());
  const Objective<Scalar>& objective = learner_.objective();
  check_argument(!samples.has_weights() || objective.takes_weights(),
                 "[Trainer] expected ",
                 what,
                 " samples without weights, which ",
                 objective.name(),
                 " does not take, got some with them");
  objective.check_samples(what, samples, network.output_shape().features());
}

template <typename Scalar>
std::vector<EpochReport> Trainer<Scalar>::run(
    const Samples<Scalar>& training, const Samples<Scalar>* validation) {
  check_argument(!is_running_,
                 "[Trainer] expected one fit() at a time, got another from a "
                 "callback");
  check_learner();
  check_samples(kTraining, training);
  if (validation != nullptr) check_samples(kValidation, *validation);
  check_argument(!options_.augmentation.is_on() || training.images() != nullptr,
                 "[Trainer] expected images to augment, got a matrix");
  Batches batches(training.size(), options_.batch_size, options_.seed);
  TrainingPlan plan;
  plan.epochs = options_.epochs;
  plan.has_validation = validation != nullptr;
  plan.has_accuracy = learner_.objective().counts_correct();
  plan.is_resumed = is_resumed_;
  for (const auto& [name, unused] : metrics_) plan.metrics.push_back(name);
  plan.steps_per_epoch = options_.drop_last
                             ? training.size() / options_.batch_size
                             : batches.count();
  check_argument(plan.steps_per_epoch >= 1,
                 "[Trainer] expected samples for at least 1 batch of ",
                 options_.batch_size,
                 ", got ",
                 training.size());
  const Index smallest = batches.size(plan.steps_per_epoch - 1);
  if (smallest < 2 * options_.micro_batches) {
    check_batch_of_one(training, smallest);
  }
  StepReport& at = position_.at;
  if (is_resumed_) {
    check_argument(position_.training_samples == 0 ||
                       position_.training_samples == training.size(),
                   "[Trainer] expected the ",
                   position_.training_samples,
                   " training samples of the training that is resumed, got ",
                   training.size());
    check_argument(at.step_in_epoch <= plan.steps_per_epoch,
                   "[Trainer] expected to resume an epoch of ",
                   plan.steps_per_epoch,
                   " steps, got one of which ",
                   at.step_in_epoch,
                   " have been taken");
  } else {
    position_ = {};
    history_.clear();
    at.epoch = options_.first_epoch;
    at.step = (at.epoch - 1) * plan.steps_per_epoch;
  }
  position_.training_samples = training.size();
  at.steps_per_epoch = plan.steps_per_epoch;
  plan.first_epoch = at.epoch;

  const Running running(is_running_);
  is_between_steps_ = false;
  learner_.fetch();
  tell_callbacks([&](TrainerCallback<Scalar>& callback) {
    callback.on_begin(plan, learner_.network());
  });
  learner_.put();
  if (!is_resumed_ && at.step > 0) learner_.set_steps(at.step);
  is_resumed_ = false;

  bool go_on = !position_.has_ended;
  while (go_on && at.epoch <= plan.epochs) {
    batches.start_epoch(at.epoch - 1);
    go_on = run_epoch(training, batches);
    EpochReport report;
    report.epoch = at.epoch;
    report.step = at.step;
    report.learning_rate = at.learning_rate;
    report.train_loss = position_.weight_sum > 0.0
                            ? position_.loss_sum / position_.weight_sum
                            : 0.0;
    report.train_accuracy = static_cast<double>(position_.correct) /
                            static_cast<double>(position_.samples);
    report.train_seconds = position_.seconds;
    if (validation != nullptr) {
      report.validation = measure(*validation);
      if (!std::isfinite(report.validation->loss)) {
        fail_in_validation(*validation, report.validation->loss);
      }
    }
    history_.push_back(report);
    learner_.fetch();
    bool is_last = false;
    tell_callbacks([&](TrainerCallback<Scalar>& callback) {
      is_last = !callback.on_epoch_end(report, learner_.network()) || is_last;
    });
    learner_.put();
    const bool is_whole = go_on;
    go_on = go_on && !is_last;
    const StepReport last = at;
    position_ = {};
    position_.training_samples = training.size();
    position_.has_ended = is_last;
    at.epoch = last.epoch + 1;
    at.step = last.step;
    at.steps_per_epoch = last.steps_per_epoch;
    at.learning_rate = last.learning_rate;
    if (is_whole) rest();
  }
  learner_.fetch();
  tell_callbacks([&](TrainerCallback<Scalar>& callback) {
    callback.on_end(learner_.network());
  });
  learner_.put();
  is_between_steps_ = true;
  return history_;
}

template <typename Scalar>
bool Trainer<Scalar>::run_epoch(const Samples<Scalar>& training,
                                const Batches& batches) {
  const Clock::time_point start = Clock::now();
  const double seconds_before = position_.seconds;
  bool go_on = true;
  while (go_on && position_.at.step_in_epoch < position_.at.steps_per_epoch) {
    const Index i = position_.at.step_in_epoch;
    take_step(
        training,
        gather(
            training, batches.indices(i), batches.size(i), position_.at.epoch));
    tell_callbacks([&](TrainerCallback<Scalar>& callback) {
      go_on = callback.on_step(position_.at, learner_.network()) && go_on;
    });
    position_.seconds = seconds_before + seconds_since(start);
    rest();
  }
  return go_on;
}

template <typename Scalar>
typename Trainer<Scalar>::Batch Trainer<Scalar>::gather(
    const Samples<Scalar>& samples,
    const Index* indices,
    Index count,
    Index epoch) {
  const bool has_labels = samples.has_labels();
  const bool has_room =
      x_.rows() == samples.features() && x_.cols() >= count &&
      (has_labels ? batch_labels_.size() >= count
                  : batch_target_.rows() == samples.target_features() &&
                        batch_target_.cols() >= count);
  if (!has_room) {
    if (has_labels) {
      internal::resize(batch_labels_, count, 1);
    } else {
      internal::resize(batch_target_, samples.target_features(), count);
    }
    internal::resize(x_, samples.features(), count);
  }
  const Scalar* weights = nullptr;
  if (samples.has_weights()) {
    batch_weights_.resize(
        std::max(batch_weights_.size(), static_cast<std::size_t>(count)));
    std::transform(
        indices, indices + count, batch_weights_.begin(), [&](Index i) {
          return samples.weight(i);
        });
    weights = batch_weights_.data();
  }
  const View<Scalar> x(x_.data(), x_.rows(), count);
  if (!has_labels) {
    const View<Scalar> target(
        batch_target_.data(), batch_target_.rows(), count);
    samples.gather(indices, count, x, target);
    return {as_const(x),
            Targets<Scalar>(as_const(target)).weighted(weights),
            indices};
  }
  const LabelsView labels(batch_labels_.data(), count);
  if (options_.augmentation.is_on() && epoch != kUnchanged) {
    // What is drawn for an image depends on its number among all images.
    places_.resize(std::max(places_.size(), static_cast<std::size_t>(count)));
    std::transform(indices, indices + count, places_.begin(), [&](Index i) {
      return samples.place(i);
    });
    augmentation_.gather<Scalar>(*samples.images(),
                                 places_.data(),
                                 count,
                                 samples.normalization(),
                                 epoch - 1,
                                 x,
                                 labels);
  } else {
    samples.gather(indices, count, x, labels);
  }
  return {as_const(x),
          Targets<Scalar>(ConstLabels(labels)).weighted(weights),
          indices};
}

template <typename Scalar>
void Trainer<Scalar>::take_step(const Samples<Scalar>& samples,
                                const Batch& batch) {
  StepReport at = position_.at;
  ++at.step;
  ++at.step_in_epoch;
  at.samples = batch.x.cols();
  at.learning_rate = options_.schedule != nullptr
                         ? options_.schedule->learning_rate(at.step - 1)
                         : learner_.learning_rate();
  const LossResult result =
      learner_.step(batch.x, batch.targets, at.learning_rate);
  at.loss = result.loss;
  at.correct = result.correct;
  if (!std::isfinite(result.loss)) {
    fail(kTraining, result.loss, at, samples, batch);
  }
  position_.at = at;
  position_.loss_sum += result.sum;
  position_.weight_sum += result.weight;
  position_.samples += at.samples;
  position_.correct += at.correct;
}

template <typename Scalar>
Evaluation Trainer<Scalar>::measure(const Samples<Scalar>& samples) {
  // The loss is taken of all samples at once: with class weights it is no mean
  // of the parts' losses, and metrics may be no means at all.
  const Index total = samples.size();
  internal::resize(
      outputs_, learner_.network().output_shape().features(), total);
  if (samples.has_labels()) {
    internal::resize(labels_, total, 1);
  } else {
    internal::resize(target_, samples.target_features(), total);
  }
  indices_.resize(static_cast<std::size_t>(std::min(total, kEvaluationBatch)));
  for (Index first = 0; first < total; first += kEvaluationBatch) {
    const Index count = std::min(kEvaluationBatch, total - first);
    std::iota(indices_.begin(), indices_.begin() + count, first);
    const Batch batch = gather(samples, indices_.data(), count, kUnchanged);
    learner_.outputs(batch.x, View<Scalar>(outputs_.middleCols(first, count)));
    if (samples.has_labels()) {
      labels_.segment(first, count) = batch.targets.labels();
    } else {
      target_.middleCols(first, count) = batch.targets.matrix();
    }
  }
  const ConstView<Scalar> outputs(outputs_);
  weights_.clear();
  for (Index i = 0; samples.has_weights() && i < total; ++i) {
    weights_.push_back(samples.weight(i));
  }
  const Targets<Scalar> targets =
      (samples.has_labels() ? Targets<Scalar>(ConstLabels(labels_))
                            : Targets<Scalar>(ConstView<Scalar>(target_)))
          .weighted(weights_.empty() ? nullptr : weights_.data());
  const LossResult result = learner_.objective().evaluate(outputs, targets);
  Evaluation evaluation;
  evaluation.loss = result.loss;
  evaluation.correct = result.correct;
  evaluation.accuracy =
      static_cast<double>(result.correct) / static_cast<double>(total);
  for (const auto& [name, metric] : metrics_) {
    evaluation.metrics.push_back(metric(outputs, targets));
  }
  return evaluation;
}

template <typename Scalar>
void Trainer<Scalar>::fail_in_validation(const Samples<Scalar>& samples,
                                         double loss) {
  Index n = 0;
  while (n + 1 < samples.size() && outputs_.col(n).allFinite()) ++n;
  fail(kValidation,
       loss,
       position_.at,
       samples,
       gather(samples, &n, 1, kUnchanged));
}

template <typename Scalar>
void Trainer<Scalar>::fail(const char* what,
                           double loss,
                           const StepReport& at,
                           const Samples<Scalar>& samples,
                           const Batch& batch) {
  learner_.fetch();
  const std::string message = cause(what, loss, at, samples, batch);
  // The message says where the values were that have gone wrong; now better
  // ones may take their place.
  tell_callbacks([this](TrainerCallback<Scalar>& callback) {
    callback.on_failure(learner_.network());
  });
  learner_.put();
  throw std::runtime_error(message);
}

template <typename Scalar>
std::string Trainer<Scalar>::cause(const char* what,
                                   double loss,
                                   const StepReport& at,
                                   const Samples<Scalar>& samples,
                                   const Batch& batch) {
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
    return concat(start,
                  "feature ",
                  place % x.rows(),
                  " of ",
                  what,
                  " sample ",
                  samples.place(batch.indices[place / x.rows()]),
                  " is ",
                  x.data()[place]);
  }
  // Before the first step there is nothing that its rate could have spoiled.
  const std::string advice = at.step > 1 || what != kTraining
                                 ? concat(" (the learning rate is ",
                                          at.learning_rate,
                                          "; a smaller one may help)")
                                 : "";
  return concat(start,
                "the first value that is not finite is ",
                origin_of_non_finite(learner_.network(), x),
                advice);
}

template <typename Scalar>
std::map<std::string, std::string> Trainer<Scalar>::settings() const {
  std::string metrics;
  for (const auto& [name, unused] : metrics_) {
    metrics += (metrics.empty() ? "" : ",") + name;
  }
  return {{"version", "1"},
          {"scalar", sizeof(Scalar) == 4 ? "float" : "double"},
          {"objective", learner_.objective().name()},
          {"batch_size", std::to_string(options_.batch_size)},
          {"seed", std::to_string(options_.seed)},
          {"drop_last", options_.drop_last ? "true" : "false"},
          {"metrics", metrics}};
}

template <typename Scalar>
StateDict Trainer<Scalar>::state() {
  check_argument(is_between_steps_,
                 "[Trainer] expected save_training() between two steps "
                 "(TrainerCallback::between_steps()) and of a training that no "
                 "exception has ended");
  StateDict state;
  state.metadata = settings();
  const StepReport& at = position_.at;
  state.tensors.push_back(table_of<std::int64_t>(kPosition,
                                                 {at.epoch,
                                                  at.step,
                                                  at.step_in_epoch,
                                                  position_.samples,
                                                  position_.correct,
                                                  position_.training_samples,
                                                  position_.has_ended ? 1 : 0},
                                                 kPositionCounts));
  state.tensors.push_back(table_of<double>(kSums,
                                           {position_.loss_sum,
                                            position_.weight_sum,
                                            position_.seconds,
                                            at.learning_rate},
                                           kPositionSums));
  const auto metrics = static_cast<Index>(metrics_.size());
  std::vector<double> history;
  for (const EpochReport& report : history_) {
    append(report, history);
    for (std::size_t i = 0; i < metrics_.size(); ++i) {
      // A metric that was added later has no numbers there.
      const bool is_there = report.validation.has_value() &&
                            i < report.validation->metrics.size();
      history.push_back(is_there ? report.validation->metrics[i] : 0.0);
    }
  }
  state.tensors.push_back(
      table_of(kHistory, history, kReportNumbers + metrics));
  internal::add_part(state, kLearner, learner_.state());
  std::size_t callbacks = 0;
  for (const auto& callback : callbacks_) {
    StateDict part = callback->state();
    if (part.metadata.empty()) continue;
    internal::add_part(state, callback_prefix(callbacks++), std::move(part));
  }
  state.metadata[kCallbacks] = std::to_string(callbacks);
  return state;
}

template <typename Scalar>
std::function<void()> Trainer<Scalar>::restoring(const StateDict& state) {
  check_argument(!is_running_,
                 "[Trainer] expected resume_training() before fit(), got it "
                 "from a callback of a running one");
  const auto text_of = [](const StateDict& from, const std::string& key) {
    const auto found = from.metadata.find(key);
    return found == from.metadata.end() ? std::string("none") : found->second;
  };
  const auto expect = [](const std::string& what,
                         const std::string& expected,
                         const std::string& found) {
    if (found == expected) return;
    throw_defect("expected a training with the ",
                 what,
                 " ",
                 quoted(expected),
                 ", found ",
                 quoted(found));
  };
  for (const auto& [key, expected] : settings()) {
    expect(key, expected, text_of(state, key));
  }

  SafetensorsReader file(state, "training");
  const auto counts =
      read_table<std::int64_t>(file, kPosition, kPositionCounts);
  const auto sums = read_table<double>(file, kSums, kPositionSums);
  if (counts.size() != kPositionCounts || sums.size() != kPositionSums) {
    throw_defect("expected one row in \"", kPosition, "\" and \"", kSums, "\"");
  }
  for (const std::int64_t count : counts) count_of(kPosition, count);
  Position position;
  position.at.epoch = counts[0];
  position.at.step = counts[1];
  position.at.step_in_epoch = counts[2];
  position.samples = counts[3];
  position.correct = counts[4];
  position.training_samples = counts[5];
  position.has_ended = counts[6] != 0;
  position.loss_sum = sums[0];
  position.weight_sum = sums[1];
  position.seconds = sums[2];
  position.at.learning_rate = sums[3];
  if (position.at.epoch < 1 ||
      (position.samples > 0) != (position.at.step_in_epoch > 0)) {
    throw_defect("expected a place in a training, found epoch ",
                 position.at.epoch,
                 " with ",
                 position.at.step_in_epoch,
                 " steps and ",
                 position.samples,
                 " samples");
  }
  const Index width = kReportNumbers + static_cast<Index>(metrics_.size());
  const auto numbers = read_table<double>(file, kHistory, width);
  std::vector<EpochReport> history;
  for (std::size_t i = 0; i < numbers.size();
       i += static_cast<std::size_t>(width)) {
    history.push_back(report_of(numbers.data() + i));
    if (history.back().validation) {
      const double* const metrics = numbers.data() + i + kReportNumbers;
      history.back().validation->metrics.assign(metrics,
                                                metrics + metrics_.size());
    }
  }

  std::vector<std::function<void()>> parts;
  parts.push_back(learner_.restoring(internal::part_of(state, kLearner)));
  std::size_t callbacks = 0;
  for (const auto& callback : callbacks_) {
    const StateDict now = callback->state();
    if (now.metadata.empty()) continue;
    const StateDict part = internal::part_of(state, callback_prefix(callbacks));
    expect(concat("callback ", callbacks),
           text_of(now, kKind),
           text_of(part, kKind));
    ++callbacks;
    parts.push_back(callback->restoring(part, learner_.network()));
  }
  expect("number of callbacks",
         std::to_string(callbacks),
         text_of(state, kCallbacks));
  return [this, parts, position, history = std::move(history)]() mutable {
    for (const auto& take : parts) take();
    position_ = position;
    history_ = std::move(history);
    is_resumed_ = true;
    is_between_steps_ = true;
  };
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace nn
