#include "nn/training/trainer_callbacks.h"

#include <string>
#include <utility>

#include "files/json.h"
#include "nn/check.h"
#include "nn/files/file.h"
#include "nn/files/model.h"
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

std::string csv_row(const EpochReport& report) {
  using internal::json_number;
  std::string loss;
  std::string accuracy;
  if (report.validation) {
    loss = json_number(report.validation->loss);
    accuracy = json_number(report.validation->accuracy);
  }
  std::string row;
  for (const std::string& field : {std::to_string(report.epoch),
                                   std::to_string(report.step),
                                   json_number(report.learning_rate),
                                   json_number(report.train_loss),
                                   loss,
                                   json_number(report.train_accuracy),
                                   accuracy,
                                   json_number(report.train_seconds)}) {
    if (!row.empty()) row += ',';
    row += field;
  }
  return row + '\n';
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
  if (!options_.restore_best || best_.epoch() == 0) return;
  auto saved = values_.begin();
  for_each_value(network,
                 [&saved](Matrix<Scalar>& value) { value = *saved++; });
  values_.clear();
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
CsvLog<Scalar>::CsvLog(std::string path) : path_(std::move(path)) {}

template <typename Scalar>
void CsvLog<Scalar>::on_begin(const TrainingPlan& /*plan*/,
                              Sequential<Scalar>& /*network*/) {
  text_ =
      "epoch,step,learning_rate,train_loss,validation_loss,train_accuracy,"
      "validation_accuracy,train_seconds\n";
  write_file_atomically(path_, text_);
}

template <typename Scalar>
bool CsvLog<Scalar>::on_epoch_end(const EpochReport& report,
                                  Sequential<Scalar>& /*network*/) {
  text_ += csv_row(report);
  write_file_atomically(path_, text_);
  return true;
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
template class Progress<float>;
template class Progress<double>;

}  // namespace nn
