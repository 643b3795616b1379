#include "common/recorder.h"

#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "common/parse_json.h"
#include "common/printable.h"
#include "nn/check.h"

namespace apps {
namespace {

constexpr const char* kKind = "steps of a run";
constexpr const char* kSettings = "settings";
constexpr const char* kSteps = "steps";
constexpr nn::Index kColumns = 2;  // epoch, loss

EpochRow row_of(const nn::EpochReport& report) {
  EpochRow row;
  row.epoch = static_cast<int>(report.epoch);
  row.step = report.step;
  row.learning_rate = report.learning_rate;
  row.train_loss = report.train_loss;
  row.test_loss = report.validation->loss;
  row.train_accuracy = report.train_accuracy;
  row.test_accuracy = report.validation->accuracy;
  row.train_seconds = report.train_seconds;
  return row;
}

// The names of folders in it may be of any bytes.
std::string text_of(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Recorder::Recorder(Run& run, nlohmann::json settings, bool quiet)
    : run_(run), settings_(std::move(settings)), quiet_(quiet) {}

void Recorder::on_begin(const nn::TrainingPlan& plan,
                        nn::Sequential<float>& /*network*/) {
  if (!plan.is_resumed) run_.steps.clear();
  progress_ =
      std::make_unique<Progress>(plan.epochs, plan.steps_per_epoch, quiet_);
  start_epoch();
}

void Recorder::start_epoch() {
  start_ = Clock::now();
  loss_sum_ = 0.0;
  images_ = 0;
}

bool Recorder::on_step(const nn::StepReport& report,
                       nn::Sequential<float>& /*network*/) {
  run_.steps.push_back(
      {report.step, static_cast<int>(report.epoch), report.loss});
  loss_sum_ += report.loss * static_cast<double>(report.samples);
  images_ += report.samples;
  progress_->step(
      report,
      loss_sum_ / static_cast<double>(images_),
      static_cast<double>(images_) /
          std::chrono::duration<double>(Clock::now() - start_).count());
  return true;
}

bool Recorder::on_epoch_end(const nn::EpochReport& report,
                            nn::Sequential<float>& /*network*/) {
  progress_->end_epoch(row_of(report), images_);
  start_epoch();
  return true;
}

nn::StateDict Recorder::state() const {
  std::vector<double> numbers;
  for (const StepRow& row : run_.steps) {
    numbers.push_back(static_cast<double>(row.epoch));
    numbers.push_back(row.loss);
  }
  nn::StateDict state;
  state.metadata["kind"] = kKind;
  state.metadata[kSettings] = text_of(settings_);
  state.tensors.push_back(
      {kSteps,
       "F64",
       {static_cast<nn::Index>(run_.steps.size()), kColumns},
       std::string(reinterpret_cast<const char*>(numbers.data()),
                   numbers.size() * sizeof(double))});
  return state;
}

std::function<void()> Recorder::restoring(const nn::StateDict& state,
                                          nn::Sequential<float>& /*network*/) {
  const auto saved = state.metadata.find(kSettings);
  if (saved == state.metadata.end()) {
    throw std::runtime_error("expected a run's settings, found none");
  }
  const nlohmann::json settings = parse_json(saved->second);
  for (const auto& [name, value] : settings_.items()) {
    const std::string found = settings.is_object() && settings.contains(name)
                                  ? text_of(settings.at(name))
                                  : "none";
    if (found != text_of(value)) {
      throw std::runtime_error(nn::concat("expected a training of the same ",
                                          name,
                                          ", ",
                                          text_of(value),
                                          ", found one of ",
                                          printable(found)));
    }
  }
  if (state.tensors.size() != 1 || state.tensors[0].name != kSteps ||
      state.tensors[0].dtype != "F64" || state.tensors[0].dims.size() != 2 ||
      state.tensors[0].dims[1] != kColumns) {
    throw std::runtime_error("expected a run's steps, found another tensor");
  }
  const std::string& bytes = state.tensors[0].bytes;
  std::vector<double> numbers(bytes.size() / sizeof(double));
  std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(double));
  std::vector<StepRow> steps;
  int epoch = 1;
  for (std::size_t i = 0; i + 1 < numbers.size(); i += kColumns) {
    if (!(numbers[i] == epoch || numbers[i] == epoch + 1)) {
      throw std::runtime_error(
          nn::concat("expected a step of epoch ", epoch, ", found another"));
    }
    epoch = static_cast<int>(numbers[i]);
    steps.push_back(
        {static_cast<long>(steps.size()) + 1, epoch, numbers[i + 1]});
  }
  return [this, steps = std::move(steps)] { run_.steps = steps; };
}

std::vector<EpochRow> history_of(const std::vector<nn::EpochReport>& reports) {
  std::vector<EpochRow> rows;
  for (const nn::EpochReport& report : reports) rows.push_back(row_of(report));
  return rows;
}

std::vector<Prediction> predictions_of(nn::ConstView<float> logits,
                                       const nn::ImageSet& test) {
  std::vector<Prediction> predictions;
  for (nn::Index i = 0; i < logits.cols(); ++i) {
    const Eigen::ArrayXd z = logits.col(i).cast<double>().array();
    Eigen::Index best = 0;
    const double highest = z.maxCoeff(&best);
    const Eigen::ArrayXd exponentials = (z - highest).exp();
    const double sum = exponentials.sum();
    Prediction prediction;
    prediction.index = static_cast<int>(i);
    prediction.label = test.labels[static_cast<std::size_t>(i)];
    prediction.predicted = static_cast<int>(best);
    for (const double e : exponentials) {
      prediction.probability.push_back(e / sum);
    }
    predictions.push_back(std::move(prediction));
  }
  return predictions;
}

}  // namespace apps
