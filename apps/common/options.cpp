#include "common/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <limits>

#include "common/versions.h"
#include "nn/check.h"
#include "nn/parallel.h"

namespace apps {
namespace {

// Far above anything sensible, and small enough that epochs x batches x images
// stays within an index.
constexpr nn::Index kMaxCount = 1000000000;
constexpr nn::Index kMaxEpochs = 1000000;

bool parse_finite(const std::string& text, double& value) {
  if (text.empty()) return false;
  char* end = nullptr;
  value = std::strtod(text.c_str(), &end);
  return *end == '\0' && std::isfinite(value);
}

bool parse_whole(const std::string& text, nn::Index& value) {
  if (text.empty()) return false;
  char* end = nullptr;
  errno = 0;
  const long long parsed = std::strtoll(text.c_str(), &end, 10);
  value = static_cast<nn::Index>(parsed);
  return errno == 0 && *end == '\0';
}

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

CLI::Validator one_of(const std::vector<std::string>& allowed) {
  return CLI::Validator(
      [allowed](std::string& text) -> std::string {
        if (std::find(allowed.begin(), allowed.end(), text) != allowed.end()) {
          return {};
        }
        std::string list;
        for (const std::string& name : allowed) {
          list += (list.empty() ? "" : " or ") + name;
        }
        return nn::concat("expected ", list, ", got '", text, "'");
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
                                  ": expected whole numbers of at least 1, "
                                  "separated by commas, got '",
                                  text,
                                  "'"));
    }
    sizes.push_back(value);
    start = end + 1;
  }
  return sizes;
}

// "shift=2,rotate=10,elastic=34,sigma=4", each key at most once.
nn::AugmentationOptions parse_augmentation(const std::string& text) {
  const auto fail = [&text](const std::string& what) {
    throw UsageError(
        nn::concat("--augment: expected ", what, ", got '", text, "'"));
  };
  nn::AugmentationOptions result;
  std::vector<std::string> seen;
  std::size_t start = 0;
  while (start <= text.size()) {
    const std::size_t end = std::min(text.find(',', start), text.size());
    const std::string entry = text.substr(start, end - start);
    const std::size_t equals = std::min(entry.find('='), entry.size());
    const std::string key = entry.substr(0, equals);
    const std::string value =
        equals < entry.size() ? entry.substr(equals + 1) : "";
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) {
      fail(key + " once");
    }
    seen.push_back(key);
    if (key == "shift") {
      if (!parse_whole(value, result.shift)) {
        fail("a whole number of pixels for shift");
      }
    } else if (key == "rotate" || key == "elastic" || key == "sigma") {
      double& number = key == "rotate"    ? result.rotation
                       : key == "elastic" ? result.elastic
                                          : result.elastic_sigma;
      if (!parse_finite(value, number)) fail("a finite number for " + key);
    } else {
      fail("shift=N, rotate=X, elastic=X and sigma=X, separated by commas");
    }
    start = end + 1;
  }
  const bool has_sigma =
      std::find(seen.begin(), seen.end(), "sigma") != seen.end();
  if (has_sigma && !(result.elastic > 0.0)) {
    fail("sigma together with elastic above 0");
  }
  try {
    nn::Augmentation(result, 0);
  } catch (const std::invalid_argument& error) {
    throw UsageError(nn::concat("--augment ", text, ": ", error.what()));
  }
  return result;
}

std::string join(const std::vector<nn::Index>& sizes) {
  std::string text;
  for (const nn::Index size : sizes) {
    text += (text.empty() ? "" : ",") + std::to_string(size);
  }
  return text;
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

}  // namespace

std::vector<std::string> class_names(const std::string& dataset) {
  if (dataset == "fashion-mnist") {
    return {"T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot"};
  }
  return {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
}

std::string to_text(const nn::AugmentationOptions& augmentation) {
  std::string text;
  const auto add = [&text](const char* key, const nlohmann::json& value) {
    // JSON numbers have as many digits as it takes to read the same back.
    text += (text.empty() ? "" : ",") + nn::concat(key, '=', value.dump());
  };
  if (augmentation.shift > 0) add("shift", augmentation.shift);
  if (augmentation.rotation > 0.0) add("rotate", augmentation.rotation);
  if (augmentation.elastic > 0.0) {
    add("elastic", augmentation.elastic);
    add("sigma", augmentation.elastic_sigma);
  }
  return text;
}

nn::SgdOptions Options::sgd() const {
  nn::SgdOptions sgd;
  sgd.learning_rate = learning_rate;
  sgd.momentum = momentum;
  sgd.weight_decay = weight_decay;
  sgd.nesterov = nesterov;
  return sgd;
}

std::unique_ptr<nn::Schedule> Options::make_schedule(
    nn::Index steps_per_epoch) const {
  if (schedule == "constant") {
    return std::make_unique<nn::ConstantSchedule>(learning_rate);
  }
  if (schedule == "step") {
    return std::make_unique<nn::StepSchedule>(
        learning_rate, step_epochs * steps_per_epoch, step_factor);
  }
  return std::make_unique<nn::CosineSchedule>(learning_rate,
                                              epochs * steps_per_epoch,
                                              warmup_epochs * steps_per_epoch,
                                              final_learning_rate);
}

nlohmann::json Options::to_json() const {
  nlohmann::json json = {{"model", model},
                         {"dataset", dataset},
                         {"data", data},
                         {"out", out},
                         {"epochs", epochs},
                         {"batch-size", batch_size},
                         {"learning-rate", learning_rate},
                         {"momentum", momentum},
                         {"weight-decay", weight_decay},
                         {"nesterov", nesterov},
                         {"schedule", schedule},
                         {"augment", to_text(augmentation)},
                         {"seed", seed},
                         {"threads", threads},
                         {"train-limit", train_limit},
                         {"test-limit", test_limit},
                         {"save", save},
                         {"load", load},
                         {"quiet", quiet}};
  if (model == "mlp") {
    json["hidden"] = hidden;
  } else {
    json["channels"] = channels;
    json["kernel"] = kernel;
    json["padding"] = padding;
  }
  if (schedule == "cosine") {
    json["warmup-epochs"] = warmup_epochs;
    json["final-learning-rate"] = final_learning_rate;
  } else if (schedule == "step") {
    json["step-epochs"] = step_epochs;
    json["step-factor"] = step_factor;
  }
  return json;
}

std::optional<Options> parse_options(const Program& program,
                                     int argc,
                                     const char* const* argv) {
  Options o;
  o.program = program.name;
  o.backend = program.backend;
  o.model = program.model.empty() ? "mlp" : program.model;
  o.threads = nn::num_threads();
  std::string hidden = join(o.hidden);
  std::string channels = join(o.channels);
  std::string augmentation;

  CLI::App app(program.purpose, program.name);
  app.set_version_flag("--version",
                       program.name + " (libnn) " + program_version(),
                       "Print the version and exit");
  app.get_formatter()->column_width(34);

  // Data.
  app.add_option("--data", o.data, "Folder of the IDX files, plain or .gz")
      ->type_name("DIR")
      ->default_str("data/<dataset>")
      ->check(not_empty())
      ->group("Data");
  app.add_option("--dataset", o.dataset, "mnist or fashion-mnist")
      ->type_name("NAME")
      ->capture_default_str()
      ->check(one_of({"mnist", "fashion-mnist"}))
      ->group("Data");
  app.add_option(
         "--train-limit", o.train_limit, "Train on the first N images only")
      ->type_name("N")
      ->default_str("all")
      ->check(whole_number(1, kMaxCount))
      ->group("Data");
  app.add_option(
         "--test-limit", o.test_limit, "Test on the first N images only")
      ->type_name("N")
      ->default_str("all")
      ->check(whole_number(1, kMaxCount))
      ->group("Data");

  // Network.
  if (program.model.empty()) {
    app.add_option("--model", o.model, "mlp or cnn")
        ->type_name("NAME")
        ->capture_default_str()
        ->check(one_of({"mlp", "cnn"}))
        ->group("Network");
  }
  std::vector<CLI::Option*> mlp_options;
  std::vector<CLI::Option*> cnn_options;
  if (program.model != "cnn") {
    mlp_options.push_back(
        app.add_option("--hidden", hidden, "MLP: units of the hidden layers")
            ->type_name("N,...")
            ->capture_default_str()
            ->group("Network"));
  }
  if (program.model != "mlp") {
    cnn_options.push_back(app.add_option("--channels",
                                         channels,
                                         "CNN: channels of the convolutions")
                              ->type_name("N,...")
                              ->capture_default_str()
                              ->group("Network"));
    cnn_options.push_back(
        app.add_option("--kernel", o.kernel, "CNN: side of the kernels")
            ->type_name("N")
            ->capture_default_str()
            ->check(whole_number(1, kMaxCount))
            ->group("Network"));
    cnn_options.push_back(
        app.add_option("--padding", o.padding, "CNN: zeros around every input")
            ->type_name("N")
            ->capture_default_str()
            ->check(whole_number(0, kMaxCount))
            ->group("Network"));
  }

  // Training.
  CLI::Option* epochs =
      app.add_option("--epochs", o.epochs, "Passes over the training images")
          ->type_name("N")
          ->default_str(default_text(program, &ModelDefaults::epochs))
          ->check(whole_number(1, kMaxEpochs))
          ->group("Training");
  app.add_option("--batch-size", o.batch_size, "Images a step")
      ->type_name("N")
      ->capture_default_str()
      ->check(whole_number(1, kMaxCount))
      ->group("Training");
  CLI::Option* learning_rate =
      app.add_option(
             "--learning-rate", o.learning_rate, "Learning rate at its highest")
          ->type_name("X")
          ->default_str(default_text(program, &ModelDefaults::learning_rate))
          ->check(not_negative())
          ->group("Training");
  app.add_option("--momentum", o.momentum, "Momentum, in PyTorch's form")
      ->type_name("X")
      ->default_str(nn::concat(o.momentum))
      ->check(finite_number("from 0 to below 1",
                            [](double v) { return v >= 0.0 && v < 1.0; }))
      ->group("Training");
  app.add_option("--weight-decay", o.weight_decay, "Weight decay")
      ->type_name("X")
      ->default_str(nn::concat(o.weight_decay))
      ->check(not_negative())
      ->group("Training");
  app.add_flag("--nesterov", o.nesterov, "Nesterov's form of momentum")
      ->group("Training");
  app.add_option("--schedule",
                 o.schedule,
                 "Course of the learning rate: constant, step or cosine")
      ->type_name("NAME")
      ->capture_default_str()
      ->check(one_of({"constant", "step", "cosine"}))
      ->group("Training");
  const std::vector<CLI::Option*> cosine_options = {
      app.add_option("--warmup-epochs",
                     o.warmup_epochs,
                     "Cosine: epochs of a linear rise at the start")
          ->type_name("N")
          ->capture_default_str()
          ->check(whole_number(0, kMaxEpochs))
          ->group("Training"),
      app.add_option("--final-learning-rate",
                     o.final_learning_rate,
                     "Cosine: learning rate at the end")
          ->type_name("X")
          ->default_str(nn::concat(o.final_learning_rate))
          ->check(not_negative())
          ->group("Training")};
  const std::vector<CLI::Option*> step_options = {
      app.add_option(
             "--step-epochs", o.step_epochs, "Step: epochs between the steps")
          ->type_name("N")
          ->capture_default_str()
          ->check(whole_number(1, kMaxEpochs))
          ->group("Training"),
      app.add_option("--step-factor",
                     o.step_factor,
                     "Step: factor of the rate at each of them")
          ->type_name("X")
          ->default_str(nn::concat(o.step_factor))
          ->check(finite_number("above 0", [](double v) { return v > 0.0; }))
          ->group("Training")};
  CLI::Option* augment =
      app.add_option("--augment",
                     augmentation,
                     "Distort training images at random: up to shift=N pixels, "
                     "rotate=X degrees, elastic=X (Simard's alpha, with a "
                     "Gaussian of sigma=X pixels)")
          ->type_name("KEY=X,...")
          ->default_str("off")
          ->group("Training");
  app.add_option("--seed",
                 o.seed,
                 "Seed of initial weights, batch order and augmentation")
      ->type_name("N")
      ->capture_default_str()
      ->check(unsigned_64_bit())
      ->group("Training");

  // The run.
  app.add_option("--out", o.out, "Folder for the results")
      ->type_name("DIR")
      ->default_str("results/" +
                    (program.model.empty() ? "<model>" : program.model) + "-" +
                    program.backend)
      ->check(not_empty())
      ->group("Run");
  app.add_option("--save", o.save, "Save the trained network there as well")
      ->type_name("FILE")
      ->check(not_empty())
      ->group("Run");
  app.add_option("--load", o.load, "Start from these weights (safetensors)")
      ->type_name("FILE")
      ->check(not_empty())
      ->group("Run");
  app.add_option(
         "--threads", o.threads, "Threads; all cores if it is not given")
      ->type_name("N")
      ->capture_default_str()
      ->check(whole_number(1, 256))
      ->group("Run");
  app.add_flag("--quiet", o.quiet, "Print errors only")->group("Run");

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& answer) {
    // --help and --version; CLI11 knows what to print.
    app.exit(answer, std::cout, std::cerr);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }

  for (const CLI::Option* option : mlp_options) {
    if (program.model.empty()) {
      check_goes_with(*option, "--model", "mlp", o.model);
    }
  }
  for (const CLI::Option* option : cnn_options) {
    if (program.model.empty()) {
      check_goes_with(*option, "--model", "cnn", o.model);
    }
  }
  for (const CLI::Option* option : cosine_options) {
    check_goes_with(*option, "--schedule", "cosine", o.schedule);
  }
  for (const CLI::Option* option : step_options) {
    check_goes_with(*option, "--schedule", "step", o.schedule);
  }
  o.hidden = parse_sizes("--hidden", hidden);
  o.channels = parse_sizes("--channels", channels);
  if (augment->count() > 0) o.augmentation = parse_augmentation(augmentation);
  if (epochs->count() == 0) o.epochs = model_defaults(o.model).epochs;
  if (learning_rate->count() == 0) {
    o.learning_rate = model_defaults(o.model).learning_rate;
  }
  if (o.warmup_epochs >= o.epochs) {
    throw UsageError(nn::concat("--warmup-epochs: expected fewer than the ",
                                o.epochs,
                                " epochs, got ",
                                o.warmup_epochs));
  }
  if (o.nesterov && !(o.momentum > 0.0)) {
    throw UsageError(nn::concat(
        "--nesterov: expected a --momentum above 0, got ", o.momentum));
  }
  if (o.data.empty()) o.data = "data/" + o.dataset;
  if (o.out.empty()) o.out = "results/" + o.model + "-" + o.backend;
  return o;
}

}  // namespace apps
