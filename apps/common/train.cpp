#include "common/train.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <exception>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <new>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "common/artifacts.h"
#include "common/augmentation_option.h"
#include "common/dataset.h"
#include "common/figures.h"
#include "common/models.h"
#include "common/output.h"
#include "common/recorder.h"
#include "common/run.h"
#include "common/statistics.h"
#include "common/versions.h"
#include "nn/check.h"
#include "nn/files/file.h"
#include "nn/files/model.h"
#include "nn/files/safetensors.h"
#include "nn/parallel.h"
#include "nn/training/samples.h"
#include "nn/training/trainer.h"
#include "nn/training/trainer_callbacks.h"
#include "nn/training/training_file.h"

namespace apps {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

/// Added to the number of a signal, it is the exit code, as shells have it.
constexpr int kSignalled = 128;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// "2001-02-03 04:05:06 UTC": it tells runs apart.
std::string utc_time() {
  const std::time_t now = std::time(nullptr);
  std::tm time{};
  char text[64];
  if (gmtime_r(&now, &time) == nullptr ||
      std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &time) == 0) {
    return "";
  }
  return text;
}

nlohmann::json describe_network(nn::Sequential<float>& network) {
  nlohmann::json layers = nlohmann::json::array();
  for (nn::Index i = 0; i < network.size(); ++i) {
    const nn::Layer<float>& layer = network.layer(i);
    nn::Index parameters = 0;
    for (const nn::Parameter<float>* parameter : layer.parameters()) {
      parameters += parameter->value.size();
    }
    layers.push_back({{"index", i},
                      {"name", layer.name()},
                      {"description", layer.describe()},
                      {"output", layer.output_shape().to_string()},
                      {"parameters", parameters}});
  }
  return {{"input", network.input_shape().to_string()},
          {"parameters", network.parameter_count()},
          {"layers", layers}};
}

nlohmann::json describe_epoch(const EpochRow& row, nn::Index test_images) {
  const long images = static_cast<long>(test_images);
  const long correct =
      std::lround(row.test_accuracy * static_cast<double>(images));
  const Interval interval = wilson_interval(correct, images);
  return {{"epoch", row.epoch},
          {"train_loss", row.train_loss},
          {"test_loss", row.test_loss},
          {"train_accuracy", row.train_accuracy},
          {"test_accuracy", row.test_accuracy},
          {"test_correct", correct},
          {"test_accuracy_low", interval.low},
          {"test_accuracy_high", interval.high}};
}

nlohmann::json describe_run(const Options& options,
                            const Dataset& data,
                            nn::Sequential<float>& network,
                            const Framework& framework,
                            const Run& run,
                            double total_seconds) {
  nlohmann::json libraries = library_versions();
  libraries.update(framework.versions);
  const EpochRow& last = run.history.back();
  const EpochRow& best =
      *std::max_element(run.history.begin(),
                        run.history.end(),
                        [](const EpochRow& a, const EpochRow& b) {
                          return a.test_accuracy < b.test_accuracy;
                        });
  double training_seconds = 0.0;
  for (const EpochRow& row : run.history) training_seconds += row.train_seconds;
  return {
      {"schema", 1},
      {"program", options.program},
      {"version", program_version()},
      {"model", options.model},
      {"backend", framework.name},
      {"network", describe_network(network)},
      {"dataset",
       {{"name", options.dataset},
        {"directory", options.data},
        {"class_names", data.class_names},
        {"training_images", data.training.size()},
        {"test_images", data.test.size()},
        {"normalization",
         {{"mean", data.normalization.mean},
          {"deviation", data.normalization.deviation}}},
        {"files", data.files}}},
      {"options", options.to_json()},
      {"seed", options.seed},
      {"threads", options.threads},
      {"instruction_set", nn::instruction_set()},
      {"processor", processor_name()},
      {"compiler", compiler_version()},
      {"libraries", libraries},
      {"environment", environment(framework.variables)},
      {"finished", utc_time()},
      {"steps", run.steps.size()},
      {"results",
       {{"final", describe_epoch(last, data.test.size())},
        {"best", describe_epoch(best, data.test.size())}}},
      {"seconds", {{"training", training_seconds}, {"total", total_seconds}}}};
}

void print_start(const Options& options,
                 const Dataset& data,
                 const nn::Sequential<float>& network,
                 nn::Index steps_per_epoch) {
  if (options.quiet) return;
  std::cout << options.program << ' ' << program_version() << '\n'
            << "data set         " << options.dataset << " from "
            << options.data << ": " << data.training.size() << " training, "
            << data.test.size() << " test images of " << data.training.shape
            << '\n'
            << "instruction set  " << nn::instruction_set() << '\n'
            << "threads          " << options.threads << '\n'
            << "training         " << options.epochs
            << (options.epochs == 1 ? " epoch of " : " epochs of ")
            << steps_per_epoch << (steps_per_epoch == 1 ? " step" : " steps")
            << ", batches of " << options.batch_size << ", " << options.schedule
            << " learning rate from " << options.learning_rate << ", momentum "
            << options.momentum << (options.nesterov ? " (Nesterov)" : "")
            << ", weight decay " << options.weight_decay << ", seed "
            << options.seed << '\n';
  if (options.augmentation.is_on()) {
    std::cout << "augmentation     " << to_text(options.augmentation) << '\n';
  }
  std::cout << network.summary();
  flush_output();
}

void print_end(const Options& options, const Run& run) {
  if (options.quiet) return;
  const nlohmann::json& last = run.summary.at("results").at("final");
  char text[160];
  std::snprintf(text,
                sizeof text,
                "test accuracy %.2f %% (95 %% interval %.2f to %.2f %%), "
                "trained in %.1f s",
                100.0 * last.at("test_accuracy").get<double>(),
                100.0 * last.at("test_accuracy_low").get<double>(),
                100.0 * last.at("test_accuracy_high").get<double>(),
                run.summary.at("seconds").at("training").get<double>());
  std::cout << text << "\nresults in " << options.out << '\n';
  flush_output();
}

void warn(const Options& options, const std::string& warning) {
  flush_output();
  std::cerr << options.program << ": warning: " << warning << '\n';
}

/// Saves what training made, the weights before all else. `publish` makes the
/// rest of the run and publishes it. What fails does not keep the others from
/// being tried, and the error says where the weights are, or the training.
void save_results(const Options& options,
                  RunFolder& folder,
                  nn::Sequential<float>& network,
                  const std::function<void()>& publish) {
  std::string failed;
  const auto attempt = [&failed](const auto& work) {
    const auto add = [&failed](const char* what) {
      failed += (failed.empty() ? "" : "; ") + std::string(what);
    };
    try {
      work();
      return true;
    } catch (const std::bad_alloc&) {
      add("out of memory");
    } catch (const std::exception& error) {
      add(error.what());
    }
    return false;
  };
  const bool saved = !options.save.empty() &&
                     attempt([&] { nn::save_model(options.save, network); });
  const bool published = attempt([&] {
    folder.save_weights(network);
    publish();
  });
  if (failed.empty()) return;
  const std::string weights = published ? options.out
                              : saved   ? options.save
                                        : folder.keep_weights();
  const std::string checkpoint = folder.checkpoint();
  if (!weights.empty()) {
    failed += "; the trained weights are in " + weights;
  } else if (kind_of_file(checkpoint) == "a file") {
    failed += "; the same command with --resume goes on from " + checkpoint;
  } else {
    failed += "; the trained weights are lost";
  }
  throw std::runtime_error(failed);
}

nn::TrainerOptions trainer_options(const Options& options,
                                   nn::Index steps_per_epoch) {
  nn::TrainerOptions result;
  result.epochs = options.epochs;
  result.batch_size = options.batch_size;
  result.seed = options.seed;
  result.schedule = options.make_schedule(steps_per_epoch);
  result.augmentation = options.augmentation;
  return result;
}

/// Times the layers on a batch of the training's size and kind.
std::vector<LayerTime> time_layers(const Framework& framework,
                                   nn::Learner<float>& learner,
                                   const nn::Samples<float>& training,
                                   nn::Index batch_size) {
  std::vector<nn::Index> indices(
      static_cast<std::size_t>(std::min(batch_size, training.size())));
  std::iota(indices.begin(), indices.end(), nn::Index{0});
  const auto count = static_cast<nn::Index>(indices.size());
  nn::Matrix<float> x(training.features(), count);
  nn::Labels labels(count);
  training.gather(indices.data(), count, nn::view(x), labels);
  return framework.time_layers(
      learner, nn::view(std::as_const(x)), nn::view(labels));
}

/// Saves a training while it lasts, and ends it between two steps when the
/// program is told to end. What cannot be saved is a warning: that a disk is
/// full for a while ends no training.
class Interruption final : public nn::TrainerCallback<float> {
 public:
  Interruption(const Options& options, std::string checkpoint)
      : options_(options), path_(std::move(checkpoint)) {}

  void on_begin(const nn::TrainingPlan& plan,
                nn::Sequential<float>& network) override {
    last_step_ = plan.epochs * plan.steps_per_epoch;
    start_saver(plan, network);
  }
  bool on_step(const nn::StepReport& report,
               nn::Sequential<float>& /*network*/) override {
    // After the last step there is nothing to break off.
    has_stopped_ = interruption() != 0 && report.step < last_step_;
    return !has_stopped_;
  }
  bool on_epoch_end(const nn::EpochReport& report,
                    nn::Sequential<float>& network) override {
    return !saver_ || saver_->on_epoch_end(report, network);
  }
  void between_steps(nn::Trainer<float>& trainer) override {
    if (!saver_) return;
    try {
      if (has_stopped_) {
        nn::save_training(path_, trainer);
      } else {
        saver_->between_steps(trainer);
      }
    } catch (const std::runtime_error& error) {
      warn(options_, nn::concat("the training is not saved: ", error.what()));
      // Not again before the next epoch, or its time.
      start_saver({}, trainer.learner().network());
    }
  }

  bool has_stopped() const { return has_stopped_; }

 private:
  void start_saver(const nn::TrainingPlan& plan,
                   nn::Sequential<float>& network) {
    if (!options_.checkpoint) return;
    saver_.emplace(path_, *options_.checkpoint);
    saver_->on_begin(plan, network);
  }

  const Options& options_;
  std::string path_;
  std::optional<nn::Checkpoint<float>> saver_;
  nn::Index last_step_ = 0;
  bool has_stopped_ = false;
};

/// Goes on with the training that stands there, if there is one.
void resume(const Options& options,
            const std::string& checkpoint,
            nn::Trainer<float>& trainer) {
  std::error_code ignored;
  const bool is_there = fs::exists(checkpoint, ignored);
  if (is_there) nn::resume_training(checkpoint, trainer);
  if (options.quiet) return;
  std::cout << (is_there ? "resumed from     " : "nothing at       ")
            << checkpoint << (is_there ? "" : ": the training begins anew")
            << '\n';
  flush_output();
}

const char* name_of_signal(int signal) {
  switch (signal) {
    case SIGINT:
      return "SIGINT";
    case SIGTERM:
      return "SIGTERM";
    case SIGHUP:
      return "SIGHUP";
    default:
      return "standard output is closed";
  }
}

}  // namespace

int train(const Options& options, const Framework& framework) {
  const Clock::time_point start = Clock::now();
  nn::set_num_threads(options.threads);
  RunFolder folder(options.out);
  if (!options.save.empty()) {
    check_file_can_be_written("--save", options.save);
  }
  const Dataset data = load_dataset(options);
  const auto classes = static_cast<nn::Index>(data.class_names.size());
  check_memory(options, data.training.shape, classes, data.training.size());
  nn::Sequential<float> network =
      build_network<float>(options, data.training.shape, classes);
  if (!options.load.empty()) nn::load_weights(options.load, network);
  const LearnerPointer learner = framework.make_learner(network, options);
  const nn::Samples<float> training(data.training, data.normalization);
  const nn::Samples<float> test(data.test, data.normalization);
  const nn::Index steps_per_epoch =
      (training.size() + options.batch_size - 1) / options.batch_size;
  nn::Trainer<float> trainer(*learner,
                             trainer_options(options, steps_per_epoch));
  Run run;
  run.classes = static_cast<int>(classes);
  nlohmann::json settings = options.deciding();
  settings["data files"] = data.files;
  trainer.add(std::make_unique<Recorder>(run, settings, options.quiet));
  const std::string checkpoint = folder.checkpoint();
  auto ending = std::make_unique<Interruption>(options, checkpoint);
  const Interruption& interrupted = *ending;
  trainer.add(std::move(ending));
  print_start(options, data, network, steps_per_epoch);
  if (options.resume) resume(options, checkpoint, trainer);

  run.history = history_of(trainer.fit(training, test));
  if (trainer.measured_outputs().size() == 0) trainer.evaluate(test);
  save_results(options, folder, network, [&] {
    run.predictions = predictions_of(trainer.measured_outputs(), data.test);
    derive_tables(run);
    run.images = collect_images(run, data.test);
    run.layers = time_layers(framework, *learner, training, options.batch_size);
    run.summary = describe_run(
        options, data, network, framework, run, seconds_since(start));
    for (const std::string& warning :
         folder.publish(run, network, interrupted.has_stopped())) {
      warn(options, warning);
    }
  });
  print_end(options, run);
  const int signal = interruption();
  if (signal == 0) return 0;
  std::cerr << options.program << ": interrupted (" << name_of_signal(signal)
            << ")";
  if (!interrupted.has_stopped()) {
    std::cerr << " after the training; its results are in ";
  } else {
    std::cerr << " in epoch " << run.history.back().epoch << " of "
              << options.epochs << "; "
              << (kind_of_file(checkpoint) == "a file"
                      ? "the same command with --resume goes on"
                      : "there is no checkpoint to go on from")
              << "; what was trained so far is in ";
  }
  std::cerr << options.out << '\n';
  return kSignalled + signal;
}

int run_program(const Program& program,
                const Framework& framework,
                int argc,
                const char* const* argv) {
  constexpr int kWrongUsage = 2;
  return run_main(program.name, [&] {
    std::optional<Options> options;
    try {
      options = parse_options(program, argc, argv);
      if (options) {
        catch_signals();
        return train(*options, framework);
      }
    } catch (const UsageError& error) {
      std::cerr << program.name << ": error: " << error.what()
                << "\nRun with --help for more information.\n";
      return kWrongUsage;
    } catch (const std::bad_alloc&) {
      throw std::runtime_error(
          options ? nn::concat("out of memory: a smaller network (",
                               size_options(*options),
                               ") or --batch-size may help")
                  : "out of memory");
    }
    return 0;
  });
}

}  // namespace apps
