#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <limits>
#include <sstream>

#include "common/augmentation_option.h"
#include "common/dataset.h"
#include "common/options.h"
#include "common/parse_number.h"
#include "common/versions.h"
#include "nn/check.h"
#include "nn/parallel.h"

namespace apps {
namespace {

namespace fs = std::filesystem;

// Far above anything sensible, and small enough that epochs x batches x images
// stays within an index.
constexpr nn::Index kMaxCount = 1000000000;
constexpr nn::Index kMaxEpochs = 1000000;

CLI::Validator whole_number(nn::Index low, nn::Index high) {
  return CLI::Validator(
      [low, high](std::string& text) -> std::string {
        nn::Index value = 0;
        if (parse_whole(text, value) && value >= low && value <= high) {
          return {};
        }
        return nn::concat("expected a whole number from ",
                          low,
                          " to ",
                          high,
                          ", got '",
                          text,
                          "'");
      },
      "");
}

CLI::Validator unsigned_64_bit() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        const bool digits =
            !text.empty() && text.find_first_not_of("0123456789") == text.npos;
        errno = 0;
        if (digits) std::strtoull(text.c_str(), nullptr, 10);
        if (digits && errno == 0) return {};
        return nn::concat("expected a whole number from 0 to ",
                          std::numeric_limits<std::uint64_t>::max(),
                          ", got '",
                          text,
                          "'");
      },
      "");
}

CLI::Validator finite_number(const std::string& wanted,
                             bool (*is_wanted)(double)) {
  return CLI::Validator(
      [wanted, is_wanted](std::string& text) -> std::string {
        double value = 0.0;
        if (parse_finite(text, value) && is_wanted(value)) return {};
        return nn::concat(
            "expected a finite number ", wanted, ", got '", text, "'");
      },
      "");
}

CLI::Validator not_negative() {
  return finite_number("of at least 0", [](double v) { return v >= 0.0; });
}

std::string joined(const std::vector<std::string>& names,
                   const std::string& separator) {
  std::string list;
  for (const std::string& name : names) {
    list += (list.empty() ? "" : separator) + name;
  }
  return list;
}

CLI::Validator one_of(const std::vector<std::string>& allowed) {
  return CLI::Validator(
      [allowed](std::string& text) -> std::string {
        if (std::find(allowed.begin(), allowed.end(), text) != allowed.end()) {
          return {};
        }
        return nn::concat(
            "expected ", joined(allowed, " or "), ", got '", text, "'");
      },
      "");
}

CLI::Validator not_empty() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        return text.empty() ? "expected a path, got ''" : "";
      },
      "");
}

std::vector<nn::Index> parse_sizes(const std::string& option,
                                   const std::string& text) {
  std::vector<nn::Index> sizes;
  std::size_t start = 0;
  while (start <= text.size()) {
    const std::size_t end = std::min(text.find(',', start), text.size());
    nn::Index value = 0;
    if (!parse_whole(text.substr(start, end - start), value) || value < 1 ||
        value > kMaxCount) {
      throw UsageError(nn::concat(option,
                                  ": expected whole numbers from 1 to ",
                                  kMaxCount,
                                  ", separated by commas, got '",
                                  text,
                                  "'"));
    }
    sizes.push_back(value);
    start = end + 1;
  }
  return sizes;
}

struct ModelDefaults {
  nn::Index epochs;
  double learning_rate;
};

ModelDefaults model_defaults(const std::string& model) {
  return model == "mlp" ? ModelDefaults{20, 0.1} : ModelDefaults{10, 0.05};
}

// What --help shows for an option whose default depends on the model.
template <typename Value>
std::string default_text(const Program& program, Value ModelDefaults::*value) {
  if (!program.model.empty()) {
    return nn::concat(model_defaults(program.model).*value);
  }
  return nn::concat("mlp: ",
                    model_defaults("mlp").*value,
                    ", cnn: ",
                    model_defaults("cnn").*value);
}

// An option that only one schedule or model reads must not be given with
// another: it would be ignored without a word.
void check_goes_with(const CLI::Option& option,
                     const std::string& other,
                     const std::string& wanted,
                     const std::string& found) {
  if (option.count() > 0 && wanted != found) {
    throw UsageError(nn::concat(option.get_name(),
                                ": expected together with ",
                                other,
                                " ",
                                wanted,
                                ", got ",
                                other,
                                " ",
                                found));
  }
}

// The options of a program, and what they were given.
class CommandLine {
 public:
  explicit CommandLine(const Program& program)
      : program_(program), app_(program.purpose, program.name) {
    options_.program = program.name;
    options_.backend = program.backend;
    options_.model = program.model.empty() ? "mlp" : program.model;
    options_.threads = nn::num_threads();
    app_.set_version_flag("--version",
                          program.name + " (libnn) " + program_version(),
                          "Print the version and exit");
    app_.get_formatter()->column_width(34);
    add_data();
    add_network();
    add_training();
    add_schedule();
    add_randomness();
    add_run();
  }
  // CLI11 writes into the members.
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  std::optional<Options> parse(int argc, const char* const* argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::Success& answer) {
      // --help and --version; CLI11 knows what to print.
      // It also flushes, which would hide why standard output fails.
      std::ostringstream text;
      app_.exit(answer, text, text);
      std::cout << text.str();
      return std::nullopt;
    } catch (const CLI::ParseError& error) {
      throw UsageError(error.what());
    }
    check_what_goes_together();
    options_.hidden = parse_sizes("--hidden", hidden_);
    options_.channels = parse_sizes("--channels", channels_);
    if (augment_->count() > 0) {
      options_.augmentation = parse_augmentation(augmentation_);
    }
    set_checkpoint();
    set_data();
    set_defaults();
    check_values();
    return options_;
  }

 private:
  void add_data() {
    app_.add_option(
            "--data", options_.data, "Folder of the IDX files, plain or .gz")
        ->type_name("DIR")
        ->default_str("data/<dataset>, or the folder that --dataset is")
        ->check(not_empty())
        ->group("Data");
    app_.add_option("--dataset",
                    options_.dataset,
                    "One of " + joined(dataset_names(), ", ") +
                        ", a folder of IDX files of one's own, or any name for "
                        "what is in --data")
        ->type_name("NAME")
        ->capture_default_str()
        ->check(not_empty())
        ->group("Data");
    app_.add_option("--train-limit",
                    options_.train_limit,
                    "Train on the first N images only")
        ->type_name("N")
        ->default_str("all")
        ->check(whole_number(1, kMaxCount))
        ->group("Data");
    app_.add_option("--test-limit",
                    options_.test_limit,
                    "Test on the first N images only")
        ->type_name("N")
        ->default_str("all")
        ->check(whole_number(1, kMaxCount))
        ->group("Data");
  }

  void add_network() {
    if (program_.model.empty()) {
      app_.add_option("--model", options_.model, "mlp or cnn")
          ->type_name("NAME")
          ->capture_default_str()
          ->check(one_of({"mlp", "cnn"}))
          ->group("Network");
    }
    if (program_.model != "cnn") {
      mlp_options_.push_back(app_.add_option("--hidden",
                                             hidden_,
                                             "MLP: units of the hidden layers")
                                 ->type_name("N,...")
                                 ->capture_default_str()
                                 ->group("Network"));
    }
    if (program_.model != "mlp") {
      cnn_options_.push_back(
          app_.add_option(
                  "--channels", channels_, "CNN: channels of the convolutions")
              ->type_name("N,...")
              ->capture_default_str()
              ->group("Network"));
      cnn_options_.push_back(app_.add_option("--kernel",
                                             options_.kernel,
                                             "CNN: side of the kernels")
                                 ->type_name("N")
                                 ->capture_default_str()
                                 ->check(whole_number(1, kMaxCount))
                                 ->group("Network"));
      cnn_options_.push_back(app_.add_option("--padding",
                                             options_.padding,
                                             "CNN: zeros around every input")
                                 ->type_name("N")
                                 ->capture_default_str()
                                 ->check(whole_number(0, kMaxCount))
                                 ->group("Network"));
    }
  }

  void add_training() {
    epochs_ =
        app_.add_option(
                "--epochs", options_.epochs, "Passes over the training images")
            ->type_name("N")
            ->default_str(default_text(program_, &ModelDefaults::epochs))
            ->check(whole_number(1, kMaxEpochs))
            ->group("Training");
    app_.add_option("--batch-size", options_.batch_size, "Images a step")
        ->type_name("N")
        ->capture_default_str()
        ->check(whole_number(1, kMaxCount))
        ->group("Training");
    learning_rate_ =
        app_.add_option("--learning-rate",
                        options_.learning_rate,
                        "Learning rate at its highest")
            ->type_name("X")
            ->default_str(default_text(program_, &ModelDefaults::learning_rate))
            ->check(not_negative())
            ->group("Training");
    app_.add_option(
            "--momentum", options_.momentum, "Momentum, in PyTorch's form")
        ->type_name("X")
        ->default_str(nn::concat(options_.momentum))
        ->check(finite_number("from 0 to below 1",
                              [](double v) { return v >= 0.0 && v < 1.0; }))
        ->group("Training");
    app_.add_option("--weight-decay", options_.weight_decay, "Weight decay")
        ->type_name("X")
        ->default_str(nn::concat(options_.weight_decay))
        ->check(not_negative())
        ->group("Training");
    app_.add_flag(
            "--nesterov", options_.nesterov, "Nesterov's form of momentum")
        ->group("Training");
  }

  void add_schedule() {
    app_.add_option("--schedule",
                    options_.schedule,
                    "Course of the learning rate: constant, step or cosine")
        ->type_name("NAME")
        ->capture_default_str()
        ->check(one_of({"constant", "step", "cosine"}))
        ->group("Training");
    cosine_options_ = {
        app_.add_option("--warmup-epochs",
                        options_.warmup_epochs,
                        "Cosine: epochs of a linear rise at the start")
            ->type_name("N")
            ->capture_default_str()
            ->check(whole_number(0, kMaxEpochs))
            ->group("Training"),
        app_.add_option("--final-learning-rate",
                        options_.final_learning_rate,
                        "Cosine: learning rate at the end")
            ->type_name("X")
            ->default_str(nn::concat(options_.final_learning_rate))
            ->check(not_negative())
            ->group("Training")};
    step_options_ = {
        app_.add_option("--step-epochs",
                        options_.step_epochs,
                        "Step: epochs between the steps")
            ->type_name("N")
            ->capture_default_str()
            ->check(whole_number(1, kMaxEpochs))
            ->group("Training"),
        app_.add_option("--step-factor",
                        options_.step_factor,
                        "Step: factor of the rate at each of them")
            ->type_name("X")
            ->default_str(nn::concat(options_.step_factor))
            ->check(finite_number("above 0", [](double v) { return v > 0.0; }))
            ->group("Training")};
  }

  void add_randomness() {
    augment_ =
        app_.add_option(
                "--augment",
                augmentation_,
                "Distort training images at random: up to shift=N pixels, "
                "rotate=X degrees, elastic=X (Simard's alpha, with a "
                "Gaussian of sigma=X pixels)")
            ->type_name("KEY=X,...")
            ->default_str("off")
            ->group("Training");
    app_.add_option("--seed",
                    options_.seed,
                    "Seed of initial weights, batch order and augmentation")
        ->type_name("N")
        ->capture_default_str()
        ->check(unsigned_64_bit())
        ->group("Training");
  }

  void add_run() {
    app_.add_option("--out", options_.out, "Folder for the results")
        ->type_name("DIR")
        ->default_str("results/" +
                      (program_.model.empty() ? "<model>" : program_.model) +
                      "-" + program_.backend)
        ->check(not_empty())
        ->group("Run");
    app_.add_option(
            "--save", options_.save, "Save the trained network there as well")
        ->type_name("FILE")
        ->check(not_empty())
        ->group("Run");
    app_.add_option(
            "--load", options_.load, "Start from these weights (safetensors)")
        ->type_name("FILE")
        ->check(not_empty())
        ->group("Run");
    app_.add_option("--threads",
                    options_.threads,
                    "Threads; all cores if it is not given")
        ->type_name("N")
        ->capture_default_str()
        ->check(whole_number(1, 256))
        ->group("Run");
    app_.add_option("--checkpoint",
                    checkpoint_,
                    "Save the training after every epoch and this many "
                    "seconds, in the folder for the results; off: never")
        ->type_name("X")
        ->capture_default_str()
        ->group("Run");
    app_.add_flag("--resume",
                  options_.resume,
                  "Go on where the training in the folder for the results was "
                  "broken off, if it was")
        ->group("Run");
    app_.add_flag("--quiet", options_.quiet, "Print errors only")->group("Run");
  }

  void check_what_goes_together() const {
    if (program_.model.empty()) {
      for (const CLI::Option* option : mlp_options_) {
        check_goes_with(*option, "--model", "mlp", options_.model);
      }
      for (const CLI::Option* option : cnn_options_) {
        check_goes_with(*option, "--model", "cnn", options_.model);
      }
    }
    for (const CLI::Option* option : cosine_options_) {
      check_goes_with(*option, "--schedule", "cosine", options_.schedule);
    }
    for (const CLI::Option* option : step_options_) {
      check_goes_with(*option, "--schedule", "step", options_.schedule);
    }
  }

  void set_checkpoint() {
    double seconds = 0.0;
    if (checkpoint_ == "off") {
      options_.checkpoint.reset();
    } else if (parse_finite(checkpoint_, seconds) && seconds >= 0.0) {
      options_.checkpoint = seconds;
    } else {
      throw UsageError(
          nn::concat("--checkpoint: expected a finite number of seconds of at "
                     "least 0, or off, got '",
                     checkpoint_,
                     "'"));
    }
  }

  void set_data() {
    const std::vector<std::string> names = dataset_names();
    if (std::find(names.begin(), names.end(), options_.dataset) !=
        names.end()) {
      if (options_.data.empty()) options_.data = "data/" + options_.dataset;
      return;
    }
    const fs::path folder(options_.dataset);
    if (!options_.data.empty()) {
      // A name for what lies there; or itself, as a report repeats it.
      if (!folder.has_parent_path() || options_.dataset == options_.data) {
        return;
      }
      throw UsageError(
          nn::concat("--dataset: expected a name beside --data, got the path '",
                     options_.dataset,
                     "'; a folder is given as the one or the other"));
    }
    std::error_code ignored;
    if (!fs::is_directory(folder, ignored)) {
      throw UsageError(nn::concat("--dataset: expected ",
                                  joined(names, " or "),
                                  " or a folder, got '",
                                  options_.dataset,
                                  "'"));
    }
    options_.data = options_.dataset;
    // What is called like a known set is not that one.
    const std::string name = fs::canonical(folder).filename().string();
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      options_.dataset = name;
    }
  }

  void set_defaults() {
    if (epochs_->count() == 0)
      options_.epochs = model_defaults(options_.model).epochs;
    if (learning_rate_->count() == 0) {
      options_.learning_rate = model_defaults(options_.model).learning_rate;
    }
    if (options_.out.empty())
      options_.out = "results/" + options_.model + "-" + options_.backend;
  }

  void check_values() const {
    if (options_.warmup_epochs >= options_.epochs) {
      throw UsageError(
          nn::concat("--warmup-epochs: expected fewer than the ",
                     options_.epochs,
                     options_.epochs == 1 ? " epoch, got " : " epochs, got ",
                     options_.warmup_epochs));
    }
    if (options_.nesterov && !(options_.momentum > 0.0)) {
      throw UsageError(
          nn::concat("--nesterov: expected a --momentum above 0, got ",
                     options_.momentum));
    }
  }

  const Program& program_;
  Options options_;
  // As they are given, before they are taken apart.
  std::string hidden_ = to_text(options_.hidden);
  std::string channels_ = to_text(options_.channels);
  std::string augmentation_;
  std::string checkpoint_ = nn::concat(*options_.checkpoint);

  CLI::App app_;
  CLI::Option* epochs_ = nullptr;
  CLI::Option* learning_rate_ = nullptr;
  CLI::Option* augment_ = nullptr;
  // Those that one model or one schedule reads.
  std::vector<CLI::Option*> mlp_options_;
  std::vector<CLI::Option*> cnn_options_;
  std::vector<CLI::Option*> cosine_options_;
  std::vector<CLI::Option*> step_options_;
};

}  // namespace

std::optional<Options> parse_options(const Program& program,
                                     int argc,
                                     const char* const* argv) {
  return CommandLine(program).parse(argc, argv);
}

}  // namespace apps
