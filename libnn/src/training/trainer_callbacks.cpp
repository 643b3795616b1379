#include "nn/training/trainer_callbacks.h"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "files/defect.h"
#include "files/json.h"
#include "files/named_tensors.h"
#include "nn/check.h"
#include "nn/files/file.h"
#include "nn/files/model.h"
#include "nn/training/training_file.h"
#include "option_checks.h"

namespace nn {
namespace {

/// Calls f(matrix) for all that an epoch changes: parameters and buffers.
template <typename Scalar, typename Function>
void for_each_value(Sequential<Scalar>& network, const Function& f) {
  for (Parameter<Scalar>* parameter : network.parameters()) f(parameter->value);
  for (const NamedParameter<Scalar>& buffer : network.named_buffers()) {
    f(buffer.parameter->value);
  }
}

/// "" for a number that CSV has no word for.
std::string csv_number(double value) {
  return std::isfinite(value) ? internal::json_number(value) : "";
}

std::string csv_row(const EpochReport& report,
                    bool has_accuracy,
                    std::size_t metrics) {
  const auto& validation = report.validation;
  const auto accuracy = [has_accuracy](double value) {
    return has_accuracy ? csv_number(value) : "";
  };
  std::vector<std::string> fields{
      std::to_string(report.epoch),
      std::to_string(report.step),
      csv_number(report.learning_rate),
      csv_number(report.train_loss),
      validation ? csv_number(validation->loss) : "",
      accuracy(report.train_accuracy),
      validation ? accuracy(validation->accuracy) : "",
      csv_number(report.train_seconds)};
  for (std::size_t i = 0; i < metrics; ++i) {
    const bool is_there = validation && i < validation->metrics.size();
    fields.push_back(is_there ? csv_number(validation->metrics[i]) : "");
  }
  std::string row;
  for (const std::string& field : fields) {
    if (!row.empty()) row += ',';
    row += field;
  }
  return row + '\n';
}

/// Matrices as a file holds them, by their number.
template <typename Scalar>
std::vector<Parameter<Scalar>> parts_of(
    const std::vector<Matrix<Scalar>>& values) {
  std::vector<Parameter<Scalar>> parts;
  for (const Matrix<Scalar>& value : values) {
    parts.push_back(Parameter<Scalar>::buffer(concat("value.", parts.size()),
                                              {value.cols(), value.rows()},
                                              value.rows(),
                                              value.cols()));
    parts.back().value = value;
  }
  return parts;
}

constexpr const char* kKind = "kind";
constexpr const char* kText = "text";
constexpr const char* kEpoch = "best_epoch";
constexpr const char* kValue = "best_value";
constexpr const char* kWithout = "without_improvement";
constexpr const char* kStopped = "stopped";
constexpr const char* kValues = "values";

/// A count in a state, from 0 to `most`.
Index read_count(internal::SafetensorsReader& state,
                 const char* name,
                 Index most = std::numeric_limits<Index>::max()) {
  const auto count = internal::read_number<std::int64_t>(state, name);
  if (count < 0 || count > most) {
    internal::throw_defect(state.name(),
                           ": expected \"",
                           name,
                           "\" from 0 to ",
                           most,
                           ", found ",
                           count);
  }
  return static_cast<Index>(count);
}

double seconds_now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

BestEpoch::BestEpoch(std::string who, Metric metric, double min_delta)
    : who_(std::move(who)), metric_(metric), min_delta_(min_delta) {
  internal::check_not_negative(
      who_.c_str(), "minimal improvement (min_delta)", min_delta);
}

void BestEpoch::start(const TrainingPlan& plan) {
  check_argument(metric_ == Metric::kTrainLoss || plan.has_validation,
                 "[",
                 who_,
                 "] expected a validation set for its metric, got none");
  check_argument(metric_ != Metric::kValidationAccuracy || plan.has_accuracy,
                 "[",
                 who_,
                 "] expected an objective that counts right samples for its "
                 "metric, got another");
  if (plan.is_resumed) return;
  epoch_ = 0;
  value_ = 0.0;
}

bool BestEpoch::update(const EpochReport& report) {
  check_argument(metric_ == Metric::kTrainLoss || report.validation,
                 "[",
                 who_,
                 "] expected the report of an epoch with a validation");
  double value = report.train_loss;
  double gain = value_ - value;
  if (metric_ == Metric::kValidationLoss) {
    value = report.validation->loss;
    gain = value_ - value;
  } else if (metric_ == Metric::kValidationAccuracy) {
    value = report.validation->accuracy;
    gain = value - value_;
  }
  if (epoch_ != 0 && !(gain > min_delta_)) return false;
  epoch_ = report.epoch;
  value_ = value;
  return true;
}

StateDict BestEpoch::state() const {
  StateDict state;
  state.metadata[kKind] = who_;
  state.tensors.push_back(
      internal::tensor_of(kEpoch, static_cast<std::int64_t>(epoch_)));
  state.tensors.push_back(internal::tensor_of(kValue, value_));
  return state;
}

std::function<void()> BestEpoch::restoring(const StateDict& state) {
  internal::SafetensorsReader reader(state, who_);
  const Index epoch = read_count(reader, kEpoch);
  const auto value = internal::read_number<double>(reader, kValue);
  return [this, epoch, value] {
    epoch_ = epoch;
    value_ = value;
  };
}

template <typename Scalar>
EarlyStopping<Scalar>::EarlyStopping(const EarlyStoppingOptions& options)
    : options_(options),
      best_("EarlyStopping", options.metric, options.min_delta) {
  check_argument(options.patience >= 1,
                 "[EarlyStopping] expected a patience of at least 1 epoch, "
                 "got ",
                 options.patience);
}

template <typename Scalar>
void EarlyStopping<Scalar>::on_begin(const TrainingPlan& plan,
                                     Sequential<Scalar>& /*network*/) {
  best_.start(plan);
  if (plan.is_resumed) return;
  values_.clear();
  without_improvement_ = 0;
  stopped_ = false;
}

template <typename Scalar>
bool EarlyStopping<Scalar>::on_epoch_end(const EpochReport& report,
                                         Sequential<Scalar>& network) {
  if (best_.update(report)) {
    without_improvement_ = 0;
    if (options_.restore_best) {
      values_.clear();
      for_each_value(network, [this](const Matrix<Scalar>& value) {
        values_.push_back(value);
      });
    }
    return true;
  }
  ++without_improvement_;
  stopped_ = without_improvement_ >= options_.patience;
  return !stopped_;
}

template <typename Scalar>
void EarlyStopping<Scalar>::on_end(Sequential<Scalar>& network) {
  // None are there before the first epoch, and in what is resumed after its
  // end.
  if (values_.empty()) return;
  auto saved = values_.begin();
  for_each_value(network,
                 [&saved](Matrix<Scalar>& value) { value = *saved++; });
  values_.clear();
}

template <typename Scalar>
void EarlyStopping<Scalar>::on_failure(Sequential<Scalar>& network) {
  on_end(network);
}

template <typename Scalar>
StateDict EarlyStopping<Scalar>::state() const {
  StateDict state = best_.state();
  const auto add = [&state](const char* name, Index number) {
    state.tensors.push_back(
        internal::tensor_of(name, static_cast<std::int64_t>(number)));
  };
  add(kWithout, without_improvement_);
  add(kStopped, stopped_ ? 1 : 0);
  add(kValues, static_cast<Index>(values_.size()));
  auto parts = parts_of(values_);
  for (Tensor& tensor : internal::tensors_of(internal::named(parts)).tensors) {
    state.tensors.push_back(std::move(tensor));
  }
  return state;
}

template <typename Scalar>
std::function<void()> EarlyStopping<Scalar>::restoring(
    const StateDict& state, Sequential<Scalar>& network) {
  internal::SafetensorsReader reader(state, "EarlyStopping");
  const auto take_best = best_.restoring(state);
  const Index without = read_count(reader, kWithout);
  const bool stopped = read_count(reader, kStopped, 1) == 1;
  // Shapes are the network's, and so is their number where there are any.
  std::vector<Matrix<Scalar>> values;
  if (read_count(reader, kValues) > 0) {
    for_each_value(network, [&values](const Matrix<Scalar>& value) {
      values.push_back(value);
    });
  }
  const auto parts =
      std::make_shared<std::vector<Parameter<Scalar>>>(parts_of(values));
  const auto take =
      internal::reading_tensors(reader,
                                "network",
                                internal::named(*parts),
                                {kEpoch, kValue, kWithout, kStopped, kValues});
  // Room for them, since nothing may be allocated any more.
  const auto taken =
      std::make_shared<std::vector<Matrix<Scalar>>>(parts->size());
  return [this, take_best, without, stopped, parts, take, taken] {
    take();
    take_best();
    without_improvement_ = without;
    stopped_ = stopped;
    for (std::size_t i = 0; i < parts->size(); ++i) {
      (*taken)[i] = std::move((*parts)[i].value);
    }
    values_.swap(*taken);
  };
}

template <typename Scalar>
BestCheckpoint<Scalar>::BestCheckpoint(std::string path, Metric metric)
    : path_(std::move(path)), best_("BestCheckpoint", metric, 0.0) {}

template <typename Scalar>
void BestCheckpoint<Scalar>::on_begin(const TrainingPlan& plan,
                                      Sequential<Scalar>& /*network*/) {
  best_.start(plan);
}

template <typename Scalar>
bool BestCheckpoint<Scalar>::on_epoch_end(const EpochReport& report,
                                          Sequential<Scalar>& network) {
  if (best_.update(report)) save_model(path_, network);
  return true;
}

template <typename Scalar>
StateDict BestCheckpoint<Scalar>::state() const {
  return best_.state();
}

template <typename Scalar>
std::function<void()> BestCheckpoint<Scalar>::restoring(
    const StateDict& state, Sequential<Scalar>& /*network*/) {
  return best_.restoring(state);
}

template <typename Scalar>
CsvLog<Scalar>::CsvLog(std::string path) : path_(std::move(path)) {}

template <typename Scalar>
void CsvLog<Scalar>::on_begin(const TrainingPlan& plan,
                              Sequential<Scalar>& /*network*/) {
  has_accuracy_ = plan.has_accuracy;
  // A training that was saved before it began has no text yet.
  if (!plan.is_resumed || text_.empty()) {
    text_ =
        "epoch,step,learning_rate,train_loss,validation_loss,train_accuracy,"
        "validation_accuracy,train_seconds";
    for (const std::string& metric : plan.metrics) {
      text_ += ",validation_" + metric;
    }
    text_ += '\n';
  }
  metrics_ = plan.metrics.size();
  write_file_atomically(path_, text_);
}

template <typename Scalar>
bool CsvLog<Scalar>::on_epoch_end(const EpochReport& report,
                                  Sequential<Scalar>& /*network*/) {
  text_ += csv_row(report, has_accuracy_, metrics_);
  write_file_atomically(path_, text_);
  return true;
}

template <typename Scalar>
StateDict CsvLog<Scalar>::state() const {
  StateDict state;
  state.metadata[kKind] = "CsvLog";
  state.tensors.push_back(
      {kText, "U8", {static_cast<Index>(text_.size())}, text_});
  return state;
}

template <typename Scalar>
std::function<void()> CsvLog<Scalar>::restoring(
    const StateDict& state, Sequential<Scalar>& /*network*/) {
  internal::SafetensorsReader reader(state, "CsvLog");
  const auto* const found = reader.find(kText);
  if (found == nullptr || found->dtype != "U8") {
    internal::throw_defect(
        "expected the text of a CsvLog, found ",
        found == nullptr ? "none" : internal::quoted(found->dtype));
  }
  return
      [this, text = reader.read(*found)]() mutable { text_ = std::move(text); };
}

template <typename Scalar>
Checkpoint<Scalar>::Checkpoint(std::string path, double seconds)
    : path_(std::move(path)), seconds_(seconds) {
  internal::check_not_negative("Checkpoint", "number of seconds", seconds);
}

template <typename Scalar>
void Checkpoint<Scalar>::on_begin(const TrainingPlan& /*plan*/,
                                  Sequential<Scalar>& /*network*/) {
  saved_at_ = seconds_now();
}

template <typename Scalar>
bool Checkpoint<Scalar>::on_epoch_end(const EpochReport& /*report*/,
                                      Sequential<Scalar>& /*network*/) {
  is_due_ = true;
  return true;
}

template <typename Scalar>
void Checkpoint<Scalar>::between_steps(Trainer<Scalar>& trainer) {
  if (!is_due_ && seconds_now() - saved_at_ < seconds_) return;
  save_training(path_, trainer);
  saved_at_ = seconds_now();
  is_due_ = false;
}

template <typename Scalar>
Progress<Scalar>::Progress(std::function<void(const EpochReport&)> on_epoch,
                           std::function<void(const StepReport&)> on_step)
    : on_epoch_(std::move(on_epoch)), on_step_(std::move(on_step)) {}

template <typename Scalar>
bool Progress<Scalar>::on_step(const StepReport& report,
                               Sequential<Scalar>& /*network*/) {
  if (on_step_) on_step_(report);
  return true;
}

template <typename Scalar>
bool Progress<Scalar>::on_epoch_end(const EpochReport& report,
                                    Sequential<Scalar>& /*network*/) {
  if (on_epoch_) on_epoch_(report);
  return true;
}

template class EarlyStopping<float>;
template class EarlyStopping<double>;
template class BestCheckpoint<float>;
template class BestCheckpoint<double>;
template class CsvLog<float>;
template class CsvLog<double>;
template class Checkpoint<float>;
template class Checkpoint<double>;
template class Progress<float>;
template class Progress<double>;

}  // namespace nn
