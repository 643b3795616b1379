#include "nn/training/trainer_callbacks.h"

#include <filesystem>
#include <iterator>
#include <limits>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "nn/files/file.h"
#include "nn/files/model.h"
#include "nn/layers/batch_norm.h"
#include "nn/layers/linear.h"
#include "nn/layers/softmax.h"
#include "nn/losses/mean_squared_error.h"
#include "nn/optimizers/sgd.h"
#include "nn/training/metrics.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/matrices.h"
#include "support/temporary_directory.h"

using Catch::Matchers::ContainsSubstring;
using nn::BestCheckpoint;
using nn::EarlyStopping;
using nn::EarlyStoppingOptions;
using nn::EpochReport;
using nn::Index;
using nn::Labels;
using nn::Matrix;
using nn::Metric;
using nn::Sequential;
using nn::Shape;
using nn::Trainer;
using nn_test::message_of;

namespace {

using Numbers = std::vector<double>;

Sequential<float> network() {
  Sequential<float> net(Shape{2}, 1);
  net.add<nn::BatchNorm1d>().add<nn::Linear>(2).add<nn::Softmax>();
  return net;
}

// Writes the epoch's number into a parameter and a buffer, as if it was what
// the epoch had made of them.
void mark(Sequential<float>& net, Index epoch) {
  net.parameters().back()->value(0, 0) = static_cast<float>(epoch);
  net.named_buffers().front().parameter->value(0, 0) =
      static_cast<float>(epoch);
}

struct Marks {
  float parameter;
  float buffer;
};

Marks marks_of(Sequential<float>& net) {
  return {net.parameters().back()->value(0, 0),
          net.named_buffers().front().parameter->value(0, 0)};
}

EpochReport report_of(Index epoch, Metric metric, double value) {
  EpochReport report;
  report.epoch = epoch;
  if (metric == Metric::kTrainLoss) {
    report.train_loss = value;
    return report;
  }
  report.validation.emplace();
  (metric == Metric::kValidationLoss ? report.validation->loss
                                     : report.validation->accuracy) = value;
  return report;
}

// Tells a callback of epochs with these metrics until it ends the training;
// returns the number of the last epoch.
Index run(nn::TrainerCallback<float>& callback,
          Sequential<float>& net,
          Metric metric,
          const Numbers& values) {
  nn::TrainingPlan plan;
  plan.epochs = static_cast<Index>(values.size());
  plan.steps_per_epoch = 1;
  plan.has_validation = metric != Metric::kTrainLoss;
  callback.on_begin(plan, net);
  Index epoch = 0;
  bool go_on = true;
  while (go_on && epoch < plan.epochs) {
    ++epoch;
    mark(net, epoch);
    go_on = callback.on_epoch_end(
        report_of(epoch, metric, values[static_cast<std::size_t>(epoch - 1)]),
        net);
  }
  callback.on_end(net);
  return epoch;
}

struct Data {
  Matrix<float> x = Matrix<float>(2, 4);
  Labels labels = Labels(4);
  Data() {
    x << 1, 2, -1, -2,  //
        1, -1, 1, -1;
    labels << 0, 0, 1, 1;
  }
  nn::Samples<float> samples() const { return {x, labels}; }
};

// Makes the network worse and worse from the fourth epoch on: its weights are
// turned around.
class Spoiler final : public nn::TrainerCallback<float> {
 public:
  bool on_step(const nn::StepReport& report, Sequential<float>& net) override {
    if (report.epoch > 3) {
      net.parameters()[2]->value *= -static_cast<float>(report.epoch);
    }
    return true;
  }
};

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) {
    parts.push_back(part);
  }
  return parts;
}

}  // namespace

TEST_CASE("early stopping ends a training after its patience",
          "[trainer][callbacks]") {
  auto net = network();
  EarlyStoppingOptions options;
  options.patience = 2;
  EarlyStopping<float> stopping(options);
  // An equal loss is no improvement, and one in between starts anew.
  CHECK(run(stopping,
            net,
            Metric::kValidationLoss,
            {1.0, 0.8, 0.9, 0.7, 0.7, 0.71, 0.1}) == 6);
  CHECK(stopping.stopped());
  CHECK(stopping.best_epoch() == 4);
  CHECK(stopping.best_value() == 0.7);
  CHECK(marks_of(net).parameter == 4.0F);
  CHECK(marks_of(net).buffer == 4.0F);

  // Used once more, it knows nothing of the time before.
  CHECK(run(stopping, net, Metric::kValidationLoss, {9.0, 8.0, 7.0}) == 3);
  CHECK_FALSE(stopping.stopped());
  CHECK(stopping.best_epoch() == 3);
}

TEST_CASE("early stopping takes less than min_delta for no improvement",
          "[trainer][callbacks]") {
  auto net = network();
  EarlyStoppingOptions options;
  options.patience = 2;
  options.min_delta = 0.1;
  EarlyStopping<float> stopping(options);
  CHECK(run(stopping,
            net,
            Metric::kValidationLoss,
            {1.0, 0.95, 0.85, 0.8, 0.76, 0.1}) == 5);
  CHECK(stopping.best_epoch() == 3);
}

TEST_CASE("early stopping follows the metric that it is told",
          "[trainer][callbacks]") {
  auto net = network();
  EarlyStoppingOptions options;
  options.patience = 1;
  options.metric = Metric::kValidationAccuracy;
  EarlyStopping<float> by_accuracy(options);
  CHECK(run(by_accuracy, net, options.metric, {0.5, 0.6, 0.55, 0.9}) == 3);
  CHECK(by_accuracy.best_value() == 0.6);
  options.metric = Metric::kTrainLoss;
  EarlyStopping<float> by_training(options);
  CHECK(run(by_training, net, options.metric, {0.5, 0.4, 0.45, 0.1}) == 3);
  CHECK(by_training.best_value() == 0.4);
}

TEST_CASE("early stopping restores the best epoch also at the regular end",
          "[trainer][callbacks]") {
  auto net = network();
  EarlyStoppingOptions options;
  EarlyStopping<float> stopping(options);
  CHECK(run(stopping, net, Metric::kValidationLoss, {1.0, 0.5, 0.6}) == 3);
  CHECK_FALSE(stopping.stopped());
  CHECK(marks_of(net).parameter == 2.0F);
  options.restore_best = false;
  EarlyStopping<float> leaving(options);
  CHECK(run(leaving, net, Metric::kValidationLoss, {1.0, 0.5, 0.6}) == 3);
  CHECK(marks_of(net).parameter == 3.0F);
  CHECK(marks_of(net).buffer == 3.0F);
}

TEST_CASE(
    "a stopped training leaves the network of its best epoch, as the "
    "checkpoint does",
    "[trainer][callbacks]") {
  const nn_test::TemporaryDirectory folder;
  const std::string path = folder.file("best.safetensors");
  const Data data;
  auto net = network();
  nn::Sgd<float> sgd(net.parameters(), {0.2});
  Trainer<float> trainer(net, sgd, {/*epochs=*/20, /*batch_size=*/4});
  trainer.add(std::make_unique<Spoiler>());
  EarlyStoppingOptions options;
  options.patience = 2;
  const auto& stopping = trainer.add<EarlyStopping>(options);
  const auto& checkpoint = trainer.add<BestCheckpoint>(path);
  const auto history = trainer.fit(data.samples(), data.samples());

  Index best = 0;
  for (const EpochReport& report : history) {
    if (best == 0 ||
        report.validation->loss <
            history[static_cast<std::size_t>(best - 1)].validation->loss) {
      best = report.epoch;
    }
  }
  CHECK(stopping.stopped());
  CHECK(stopping.best_epoch() == best);
  CHECK(checkpoint.best_epoch() == best);
  CHECK(static_cast<Index>(history.size()) == best + 2);
  REQUIRE(best >= 3);
  const double loss =
      history[static_cast<std::size_t>(best - 1)].validation->loss;
  CHECK(trainer.evaluate(data.samples()).loss == loss);
  auto loaded = nn::load_model<float>(path);
  CHECK(nn_test::same_bits(loaded.predict(data.x), net.predict(data.x)));
}

TEST_CASE("a checkpoint holds the best epoch of the last training",
          "[trainer][callbacks]") {
  const nn_test::TemporaryDirectory folder;
  const std::string path = folder.file("best.safetensors");
  auto net = network();
  BestCheckpoint<float> checkpoint(path, Metric::kValidationAccuracy);
  run(checkpoint, net, Metric::kValidationAccuracy, {0.5, 0.9, 0.7});
  CHECK(checkpoint.best_epoch() == 2);
  auto loaded = nn::load_model<float>(path);
  CHECK(marks_of(loaded).parameter == 2.0F);
  CHECK(marks_of(loaded).buffer == 2.0F);
  CHECK(marks_of(net).parameter == 3.0F);

  BestCheckpoint<float> nowhere(folder.file("no/best.safetensors"));
  CHECK_THAT(message_of<std::runtime_error>(
                 [&] { run(nowhere, net, Metric::kValidationLoss, {1.0}); }),
             ContainsSubstring("no/best.safetensors"));
}

TEST_CASE("a log has a row an epoch under the stated columns",
          "[trainer][callbacks]") {
  const nn_test::TemporaryDirectory folder;
  const std::string path = folder.file("log.csv");
  const Data data;
  auto net = network();
  nn::Sgd<float> sgd(net.parameters(), {0.2});
  Trainer<float> trainer(net, sgd, {/*epochs=*/3, /*batch_size=*/2});
  trainer.add<nn::CsvLog>(path);
  const auto history = trainer.fit(data.samples(), data.samples());

  const auto lines = split(nn::read_file(path), '\n');
  REQUIRE(lines.size() == 4);
  CHECK(lines[0] ==
        "epoch,step,learning_rate,train_loss,validation_loss,train_accuracy,"
        "validation_accuracy,train_seconds");
  for (std::size_t i = 0; i < 3; ++i) {
    const EpochReport& report = history[i];
    const auto fields = split(lines[i + 1], ',');
    REQUIRE(fields.size() == 8);
    CHECK(fields[0] == std::to_string(i + 1));
    CHECK(fields[1] == std::to_string(2 * (i + 1)));
    CHECK(fields[2] == "0.2");
    CHECK(std::stod(fields[3]) == report.train_loss);
    CHECK(std::stod(fields[4]) == report.validation->loss);
    CHECK(std::stod(fields[5]) == report.train_accuracy);
    CHECK(std::stod(fields[6]) == report.validation->accuracy);
    CHECK(std::stod(fields[7]) == report.train_seconds);
  }
  // Nothing is left of the files that were written beside it.
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()),
                      std::filesystem::directory_iterator()) == 1);

  trainer.fit(data.samples());
  const auto without = split(nn::read_file(path), '\n');
  REQUIRE(without.size() == 4);
  const auto fields = split(without[3], ',');
  REQUIRE(fields.size() == 8);
  CHECK(fields[4].empty());
  CHECK(fields[6].empty());
}

TEST_CASE("a log that cannot be written shows before the first step",
          "[trainer][callbacks][errors]") {
  const nn_test::TemporaryDirectory folder;
  const Data data;
  auto net = network();
  nn::Sgd<float> sgd(net.parameters(), {0.2});
  Trainer<float> trainer(net, sgd);
  int steps = 0;
  trainer.add<nn::Progress>([](const EpochReport&) {},
                            [&steps](const nn::StepReport&) { ++steps; });
  trainer.add<nn::CsvLog>(folder.file("no/log.csv"));
  CHECK_THAT(
      message_of<std::runtime_error>([&] { trainer.fit(data.samples()); }),
      ContainsSubstring("no/log.csv: cannot be written"));
  CHECK(steps == 0);
}

TEST_CASE("progress is told to functions, of which either may be missing",
          "[trainer][callbacks]") {
  const Data data;
  auto net = network();
  nn::Sgd<float> sgd(net.parameters(), {0.2});
  Trainer<float> trainer(net, sgd, {/*epochs=*/3, /*batch_size=*/2});
  std::vector<Index> epochs;
  std::vector<Index> steps;
  trainer.add<nn::Progress>(
      [&epochs](const EpochReport& r) { epochs.push_back(r.epoch); },
      [&steps](const nn::StepReport& r) { steps.push_back(r.step); });
  trainer.add<nn::Progress>(nullptr);
  trainer.fit(data.samples());
  CHECK(epochs == std::vector<Index>{1, 2, 3});
  CHECK(steps == std::vector<Index>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("callbacks refuse settings that make no sense",
          "[trainer][callbacks][errors]") {
  const auto message = [](const EarlyStoppingOptions& options) {
    return message_of<std::invalid_argument>(
        [&] { EarlyStopping<float>{options}; });
  };
  EarlyStoppingOptions options;
  options.patience = 0;
  CHECK(message(options) ==
        "[EarlyStopping] expected a patience of at least 1 epoch, got 0");
  options = {};
  options.min_delta = -0.5;
  CHECK(message(options) ==
        "[EarlyStopping] expected a finite minimal improvement (min_delta) of "
        "at least 0, got -0.5");

  const nn_test::TemporaryDirectory folder;
  const std::string path = folder.file("best.safetensors");
  const Data data;
  auto net = network();
  nn::Sgd<float> sgd(net.parameters(), {0.2});
  Trainer<float> stopping(net, sgd);
  stopping.add<EarlyStopping>();
  CHECK(message_of<std::invalid_argument>(
            [&] { stopping.fit(data.samples()); }) ==
        "[EarlyStopping] expected a validation set for its metric, got none");
  Trainer<float> saving(net, sgd);
  saving.add<BestCheckpoint>(path);
  CHECK(
      message_of<std::invalid_argument>([&] { saving.fit(data.samples()); }) ==
      "[BestCheckpoint] expected a validation set for its metric, got none");
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("early stopping puts the best values back before an error",
          "[trainer][callbacks][errors]") {
  // Destroys a weight in the third epoch.
  class Destroyer final : public nn::TrainerCallback<float> {
   public:
    bool on_step(const nn::StepReport& report,
                 Sequential<float>& net) override {
      if (report.epoch == 3) {
        net.parameters()[2]->value(0, 0) =
            std::numeric_limits<float>::quiet_NaN();
      }
      return true;
    }
  };
  const Data data;
  auto net = network();
  nn::Sgd<float> sgd(net.parameters(), {0.2});
  Trainer<float> trainer(net, sgd, {/*epochs=*/20, /*batch_size=*/2});
  trainer.add(std::make_unique<Destroyer>());
  const auto& stopping = trainer.add<EarlyStopping>();
  std::vector<double> losses;
  trainer.add<nn::Progress>([&losses](const EpochReport& report) {
    losses.push_back(report.validation->loss);
  });
  CHECK_THAT(message_of<std::runtime_error>(
                 [&] { trainer.fit(data.samples(), data.samples()); }),
             ContainsSubstring("in epoch 3, step 6;") &&
                 ContainsSubstring("in the weight of layer 1"));
  REQUIRE(losses.size() == 2);
  const Index best = losses[1] < losses[0] ? 2 : 1;
  CHECK(stopping.best_epoch() == best);
  CHECK(trainer.evaluate(data.samples()).loss ==
        losses[static_cast<std::size_t>(best - 1)]);
}

TEST_CASE("a log has a column for each added metric", "[trainer][callbacks]") {
  const nn_test::TemporaryDirectory folder;
  const std::string path = folder.file("log.csv");
  const Data data;
  Matrix<float> target = data.x.colwise().sum();
  Sequential<float> net(Shape{2}, 1);
  net.add<nn::Linear>(1);
  nn::Sgd<float> sgd(net.parameters(), {0.1});
  Trainer<float> trainer(
      net, sgd, nn::MeanSquaredError<float>(), {/*epochs=*/2, 2});
  trainer.add_metric("mae", [](auto outputs, const auto& targets) {
    return nn::mean_absolute_error<float>(outputs, targets.matrix());
  });
  trainer.add_metric("none", [](auto, const auto&) {
    return std::numeric_limits<double>::quiet_NaN();
  });
  trainer.add<nn::CsvLog>(path);
  const auto history = trainer.fit({data.x, target}, {data.x, target});
  const auto lines = split(nn::read_file(path), '\n');
  REQUIRE(lines.size() == 3);
  CHECK_THAT(
      lines[0],
      ContainsSubstring(",train_seconds,validation_mae,validation_none"));
  const auto fields = split(lines[2], ',');
  // The last one is empty, and so are accuracies.
  REQUIRE(fields.size() == 9);
  CHECK(fields[5].empty());
  CHECK(fields[6].empty());
  CHECK(std::stod(fields[8]) == history[1].validation->metrics[0]);
  CHECK(lines[2].back() == ',');

  trainer.fit({data.x, target});
  CHECK_THAT(split(nn::read_file(path), '\n')[2],
             ContainsSubstring(",,") && Catch::Matchers::EndsWith(",,"));

  EarlyStoppingOptions options;
  options.metric = Metric::kValidationAccuracy;
  trainer.add<EarlyStopping>(options);
  CHECK(message_of<std::invalid_argument>([&] {
          trainer.fit({data.x, target}, {data.x, target});
        }) ==
        "[EarlyStopping] expected an objective that counts right samples for "
        "its metric, got another");
}

TEST_CASE(
    "a checkpoint of a training is written after epochs, and after "
    "steps as often as it is told",
    "[trainer][callbacks]") {
  const nn_test::TemporaryDirectory folder;
  const Data data;
  const auto writes = [&](double seconds) {
    const std::string path = folder.file("training");
    auto net = network();
    nn::Sgd<float> sgd(net.parameters(), {0.2});
    Trainer<float> trainer(net, sgd, {/*epochs=*/2, /*batch_size=*/2});
    // Counts the files that were there after each step and epoch.
    class Counter final : public nn::TrainerCallback<float> {
     public:
      explicit Counter(std::string file) : file_(std::move(file)) {}
      void between_steps(Trainer<float>&) override {
        if (std::filesystem::remove(file_)) ++count;
      }
      int count = 0;

     private:
      std::string file_;
    };
    trainer.add<nn::Checkpoint>(path, seconds);
    auto counter = std::make_unique<Counter>(path);
    const Counter& counted = *counter;
    trainer.add(std::move(counter));
    trainer.fit(data.samples());
    return counted.count;
  };
  CHECK(writes(1e9) == 2);
  CHECK(writes(0.0) == 6);
  CHECK_THAT(message_of<std::invalid_argument>(
                 [] { nn::Checkpoint<float>("path", -1.0); }),
             ContainsSubstring("number of seconds"));
}
