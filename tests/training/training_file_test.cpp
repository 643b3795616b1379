#include "nn/training/training_file.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "nn/files/file.h"
#include "nn/files/model.h"
#include "nn/files/safetensors.h"
#include "nn/layers/batch_norm.h"
#include "nn/layers/dropout.h"
#include "nn/layers/linear.h"
#include "nn/layers/relu.h"
#include "nn/losses/mean_squared_error.h"
#include "nn/optimizers/adam.h"
#include "nn/optimizers/schedule.h"
#include "nn/optimizers/sgd.h"
#include "nn/training/metrics.h"
#include "nn/training/trainer_callbacks.h"
#include "support/catch.h"
#include "support/environment.h"
#include "support/errors.h"
#include "support/matrices.h"
#include "support/program.h"
#include "support/temporary_directory.h"
#include "support/threads.h"

using Catch::Matchers::ContainsSubstring;
using nn::EpochReport;
using nn::Index;
using nn::Matrix;
using nn::Sequential;
using nn::Shape;
using nn::Trainer;
using nn_test::message_of;

namespace {

// As a process that is killed: nothing after it is done.
struct Killed : std::runtime_error {
  Killed() : std::runtime_error("killed") {}
};

// Throws between two steps, after `steps` steps, and after `epochs` epochs.
template <typename Scalar>
class Killer final : public nn::TrainerCallback<Scalar> {
 public:
  Killer(Index steps, Index epochs) : steps_(steps), epochs_(epochs) {}
  bool on_step(const nn::StepReport& report, Sequential<Scalar>&) override {
    step_ = report.step;
    return true;
  }
  bool on_epoch_end(const EpochReport& report, Sequential<Scalar>&) override {
    epoch_ = report.epoch;
    return true;
  }
  void between_steps(Trainer<Scalar>&) override {
    if (step_ == steps_ || epoch_ == epochs_) throw Killed();
  }

 private:
  Index steps_;
  Index epochs_;
  Index step_ = 0;
  Index epoch_ = 0;
};

struct Data {
  Matrix<float> x;
  Matrix<float> target;
  explicit Data(Index samples, std::uint64_t seed = 1) {
    nn::Rng rng(seed);
    x = nn_test::normal_matrix<float>(3, samples, rng);
    target = nn_test::normal_matrix<float>(2, samples, rng);
    target.row(0) += x.row(1);
  }
  nn::Samples<float> samples() const { return {x, target}; }
};

constexpr Index kEpochs = 7;
constexpr Index kSteps = 5;  // an epoch

// What a training leaves.
struct Outcome {
  std::vector<Matrix<float>> values;
  std::vector<EpochReport> history;
  std::string log;
  std::string best;
  Index best_epoch = 0;
  bool stopped = false;
};

// Whether two are equal to the bit, times left aside.
bool same(const Outcome& a, const Outcome& b) {
  const auto without_times = [](const std::string& log) {
    std::string text;
    std::size_t column = 0;
    for (const char c : log) {
      column = c == '\n' ? 0 : c == ',' ? column + 1 : column;
      if (column != 7 || c == ',') text += c;
    }
    return text;
  };
  bool equal = a.values.size() == b.values.size() &&
               a.history.size() == b.history.size() &&
               without_times(a.log) == without_times(b.log) &&
               a.best == b.best && a.best_epoch == b.best_epoch &&
               a.stopped == b.stopped;
  for (std::size_t i = 0; equal && i < a.values.size(); ++i) {
    equal = nn_test::same_bits(a.values[i], b.values[i]);
  }
  for (std::size_t i = 0; equal && i < a.history.size(); ++i) {
    const EpochReport& p = a.history[i];
    const EpochReport& q = b.history[i];
    equal = p.epoch == q.epoch && p.step == q.step &&
            p.learning_rate == q.learning_rate &&
            p.train_loss == q.train_loss &&
            p.validation->loss == q.validation->loss &&
            p.validation->metrics == q.validation->metrics;
  }
  return equal;
}

// One process with a training: all that is built is built anew.
class Process {
 public:
  Process(const nn_test::TemporaryDirectory& folder,
          Index patience,
          double seconds = 0.0)
      : folder_(folder), net_(Shape{3}, 1) {
    net_.add<nn::Linear>(6).add<nn::BatchNorm1d>().add<nn::ReLU>();
    net_.add<nn::Dropout>(0.3).add<nn::Linear>(2);
    adam_ = std::make_unique<nn::Adam<float>>(net_.parameters(),
                                              nn::AdamOptions{0.05});
    nn::TrainerOptions options;
    options.epochs = kEpochs;
    options.batch_size = 5;
    options.seed = 3;
    options.micro_batches = 2;
    options.schedule = std::make_shared<nn::CosineSchedule>(0.05, 35);
    trainer_ = std::make_unique<Trainer<float>>(
        net_, *adam_, nn::MeanSquaredError<float>(), options);
    nn::EarlyStoppingOptions stopping;
    stopping.patience = patience;
    stopping_ = &trainer_->add<nn::EarlyStopping>(stopping);
    checkpoint_ =
        &trainer_->add<nn::BestCheckpoint>(folder.file("best.safetensors"));
    trainer_->add<nn::CsvLog>(folder.file("log.csv"));
    trainer_->add<nn::Checkpoint>(folder.file("training"), seconds);
    trainer_->add_metric("mae", [](auto outputs, const auto& targets) {
      return nn::mean_absolute_error<float>(outputs, targets.matrix());
    });
  }

  Trainer<float>& trainer() { return *trainer_; }
  Sequential<float>& network() { return net_; }

  // Runs to the end, or until it is killed.
  Outcome run(Index kill_step = -1, Index kill_epoch = -1) {
    static const Data data(25);
    static const Data apart(11, 2);
    trainer_->add<Killer>(kill_step, kill_epoch);
    Outcome outcome;
    outcome.history = trainer_->fit(data.samples(), apart.samples());
    for (const auto* parameter : net_.parameters()) {
      outcome.values.push_back(parameter->value);
    }
    for (const auto& buffer : net_.named_buffers()) {
      outcome.values.push_back(buffer.parameter->value);
    }
    outcome.log = nn::read_file(folder_.file("log.csv"));
    outcome.best = nn::read_file(folder_.file("best.safetensors"));
    outcome.best_epoch = stopping_->best_epoch();
    outcome.stopped = stopping_->stopped();
    CHECK(checkpoint_->best_epoch() == outcome.best_epoch);
    return outcome;
  }

  void resume() { nn::resume_training(folder_.file("training"), *trainer_); }

 private:
  const nn_test::TemporaryDirectory& folder_;
  Sequential<float> net_;
  std::unique_ptr<nn::Adam<float>> adam_;
  std::unique_ptr<Trainer<float>> trainer_;
  const nn::EarlyStopping<float>* stopping_ = nullptr;
  const nn::BestCheckpoint<float>* checkpoint_ = nullptr;
};

Outcome undisturbed(Index patience) {
  const nn_test::TemporaryDirectory folder;
  return Process(folder, patience).run();
}

}  // namespace

TEST_CASE(
    "a training that is killed after every epoch ends as an undisturbed one",
    "[training][threads]") {
  // A patience of 100 never ends it, one of 1 or 2 soon.
  for (const Index patience : {100, 2, 1}) {
    const Outcome expected = undisturbed(patience);
    CHECK(expected.stopped == (patience < 100));
    for (Index epoch = 1; epoch <= kEpochs; ++epoch) {
      CAPTURE(patience, epoch);
      if (epoch > static_cast<Index>(expected.history.size())) break;
      const nn_test::TemporaryDirectory folder;
      CHECK_THROWS_AS(Process(folder, patience).run(-1, epoch), Killed);
      // The second process has another number of threads.
      const nn_test::ScopedThreads scope(epoch % 2 == 0 ? 1 : 3);
      Process second(folder, patience);
      second.resume();
      CHECK(same(second.run(), expected));
      // One that was resumed after its end has nothing to do.
      Process third(folder, patience);
      third.resume();
      CHECK(same(third.run(), expected));
    }
  }
}

TEST_CASE("a training that is killed at random ends as an undisturbed one",
          "[training]") {
  const Outcome expected = undisturbed(100);
  for (const std::uint64_t seed : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u}) {
    CAPTURE(seed);
    nn::Rng rng(seed);
    const nn_test::TemporaryDirectory folder;
    bool has_ended = false;
    // Saved after every step, or after epochs alone.
    const double seconds = seed % 2 == 0 ? 0.0 : 1e9;
    // Several times in a row: `step` counts those of the whole training.
    Index step = 0;
    for (int attempt = 0; !has_ended && attempt < 100; ++attempt) {
      CAPTURE(attempt, step);
      Process process(folder, 100, seconds);
      if (std::filesystem::exists(folder.file("training"))) process.resume();
      step += 1 + rng.index(kSteps * 2);
      try {
        const Outcome outcome = process.run(step);
        CHECK(same(outcome, expected));
        has_ended = true;
      } catch (const Killed&) {
      }
    }
    CHECK(has_ended);
    CHECK(nn_test::names_in(folder.path()).size() == 3);
  }
}

namespace {

/// What a process does that trains, or goes on, to the end. Its exit code.
int run_as_process(const nn_test::TemporaryDirectory& folder,
                   const Outcome& expected) {
  try {
    Process process(folder, 100);
    if (std::filesystem::exists(folder.file("training"))) process.resume();
    return same(process.run(), expected) ? 0 : 1;
  } catch (const std::exception&) {
    return 2;
  }
}

/// Forks such a process, and kills it after so many microseconds unless they
/// are negative. What waitpid() says of it.
int fork_and_kill(const nn_test::TemporaryDirectory& folder,
                  const Outcome& expected,
                  Index microseconds) {
  const pid_t id = fork();
  if (id == 0) _exit(run_as_process(folder, expected));
  REQUIRE(id > 0);
  if (microseconds >= 0) {
    std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
    kill(id, SIGKILL);
  }
  return nn_test::wait_for(id);
}

}  // namespace

TEST_CASE("a training that SIGKILL ends at any moment ends as an undisturbed",
          "[training]") {
  const long kills = nn_test::from_environment("NN_KILLS", 40);
  const std::uint64_t seed = nn_test::seed_from_environment();
  CAPTURE(seed);
  nn::Rng rng(seed);
  const Outcome expected = undisturbed(100);
  auto folder = std::make_unique<nn_test::TemporaryDirectory>();
  const auto start = std::chrono::steady_clock::now();
  REQUIRE(fork_and_kill(*folder, expected, -1) == 0);
  const Index duration = std::chrono::duration_cast<std::chrono::microseconds>(
                             std::chrono::steady_clock::now() - start)
                             .count();
  folder = std::make_unique<nn_test::TemporaryDirectory>();
  for (long killed = 0; killed < kills;) {
    // The first part of what is left, so that a training is killed often.
    const int status =
        fork_and_kill(*folder, expected, rng.index(duration / 2 + 1));
    if (WIFSIGNALED(status)) {
      ++killed;
      // At last one that nobody kills.
      if (killed < kills) continue;
      REQUIRE(fork_and_kill(*folder, expected, -1) == 0);
    } else {
      REQUIRE(status == 0);
    }
    CHECK(nn_test::names_in(folder->path()).size() == 3);
    folder = std::make_unique<nn_test::TemporaryDirectory>();
  }
}

TEST_CASE("a training is saved before and after it, too", "[training]") {
  const Outcome expected = undisturbed(100);
  const nn_test::TemporaryDirectory folder;
  const std::string path = folder.file("own");
  {
    Process first(folder, 100);
    nn::save_training(path, first.trainer());
  }
  Process second(folder, 100);
  second.network().parameters()[0]->value.setZero();
  nn::resume_training(path, second.trainer());
  CHECK(same(second.run(), expected));
  nn::save_training(path, second.trainer());
  Process third(folder, 100);
  nn::resume_training(path, third.trainer());
  CHECK(same(third.run(), expected));
  // The fit() after that starts anew.
  CHECK(third.trainer().fit(Data(25).samples(), Data(11).samples()).size() ==
        static_cast<std::size_t>(kEpochs));
}

TEST_CASE("a training is saved between steps alone", "[training][errors]") {
  class Saver final : public nn::TrainerCallback<float> {
   public:
    explicit Saver(std::function<void()> save) : save_(std::move(save)) {}
    bool on_step(const nn::StepReport&, Sequential<float>&) override {
      save_();
      return true;
    }

   private:
    std::function<void()> save_;
  };
  const nn_test::TemporaryDirectory folder;
  const std::string expected =
      "[Trainer] expected save_training() between two steps "
      "(TrainerCallback::between_steps()) and of a training that no exception "
      "has ended";
  Process process(folder, 100);
  const auto save = [&] {
    nn::save_training(folder.file("own"), process.trainer());
  };
  process.trainer().add(std::make_unique<Saver>(save));
  CHECK(message_of<std::invalid_argument>([&] { process.run(); }) == expected);
  CHECK(message_of<std::invalid_argument>(save) == expected);

  Process other(folder, 100);
  other.run();
  other.trainer().add(std::make_unique<Saver>([&] { other.resume(); }));
  CHECK(message_of<std::invalid_argument>([&] { other.run(); }) ==
        "[Trainer] expected resume_training() before fit(), got it from a "
        "callback of a running one");
}

TEST_CASE("a training file that is cut or changed anywhere changes nothing",
          "[training][errors]") {
  const nn_test::TemporaryDirectory folder;
  CHECK_THROWS_AS(Process(folder, 100).run(8), Killed);
  const std::string bytes = nn::read_file(folder.file("training"));
  Process process(folder, 100);
  const auto refuses = [&](const std::string& damaged) {
    const std::string message = message_of<std::runtime_error>([&] {
      nn::resume_training(nn::MemoryFile{damaged, "the file"},
                          process.trainer());
    });
    return message.rfind("the file: ", 0) == 0;
  };
  const nn::StateDict before = process.trainer().state();
  nn::Rng rng(4);
  for (std::size_t i = 0; i < bytes.size(); i += 1 + i / 512) {
    CAPTURE(i);
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << rng.index(8)));
    CAPTURE(bytes.substr(i > 20 ? i - 20 : 0, 40), int(bytes[i] ^ damaged[i]));
    REQUIRE(refuses(damaged));
    REQUIRE(refuses(bytes.substr(0, i)));
  }
  CHECK(refuses(bytes + '\0'));
  const nn::StateDict after = process.trainer().state();
  CHECK(after.metadata == before.metadata);
  REQUIRE(after.tensors.size() == before.tensors.size());
  for (std::size_t i = 0; i < after.tensors.size(); ++i) {
    CHECK(after.tensors[i].bytes == before.tensors[i].bytes);
  }
  nn::resume_training(nn::MemoryFile{bytes}, process.trainer());
  CHECK(same(process.run(), undisturbed(100)));
}

TEST_CASE("a training goes on with what it was made with",
          "[training][errors]") {
  const nn_test::TemporaryDirectory folder;
  const std::string path = folder.file("training");
  CHECK_THROWS_AS(Process(folder, 100).run(8), Killed);
  const auto message = [&](Index units,
                           const nn::TrainerOptions& options,
                           int log,
                           const auto& add) {
    Sequential<float> net(Shape{3}, 1);
    net.add<nn::Linear>(units).add<nn::BatchNorm1d>().add<nn::ReLU>();
    net.add<nn::Dropout>(0.3).add<nn::Linear>(2);
    nn::Adam<float> adam(net.parameters());
    Trainer<float> trainer(net, adam, nn::MeanSquaredError<float>(), options);
    trainer.add_metric("mae", [](auto, const auto&) { return 0.0; });
    trainer.add<nn::EarlyStopping>();
    if (log == 0) trainer.add<nn::BestCheckpoint>(folder.file("other"));
    trainer.add<nn::CsvLog>(folder.file("other.csv"));
    add(trainer);
    const auto before = net.parameters()[0]->value;
    const std::string result = message_of<std::runtime_error>(
        [&] { nn::resume_training(path, trainer); });
    if (result.find(path + ": ") == 0) {
      CHECK(nn_test::same_bits(net.parameters()[0]->value, before));
    }
    return result;
  };
  const auto nothing = [](auto&) {};
  nn::TrainerOptions options;
  options.batch_size = 5;
  options.seed = 3;
  CHECK(message(6, options, 0, nothing) == "(nothing was thrown)");
  CHECK_THAT(message(7, options, 0, nothing),
             ContainsSubstring("\"0.weight\": expected [7, 3], found [6, 3]"));
  CHECK_THAT(message(6, options, 1, nothing),
             ContainsSubstring("expected a training with the callback 1 "
                               "\"CsvLog\", found \"BestCheckpoint\""));
  CHECK_THAT(message(6,
                     options,
                     0,
                     [&](auto& trainer) {
                       trainer.template add<nn::CsvLog>(folder.file("3"));
                     }),
             ContainsSubstring("callback 3 \"CsvLog\", found \"none\""));
  options.seed = 4;
  CHECK_THAT(message(6, options, 0, nothing),
             ContainsSubstring("the seed \"4\", found \"3\""));
  options.seed = 3;
  options.batch_size = 6;
  CHECK_THAT(message(6, options, 0, nothing),
             ContainsSubstring("the batch_size \"6\", found \"5\""));

  Process process(folder, 100);
  process.resume();
  CHECK_THAT(message_of<std::invalid_argument>([&] {
               process.trainer().fit(Data(24).samples(), Data(5).samples());
             }),
             ContainsSubstring("expected the 25 training samples of the "
                               "training that is resumed, got 24"));
  // It can still go on with the right ones.
  CHECK(process.run().history.size() == static_cast<std::size_t>(kEpochs));

  nn::write_safetensors(path, {});
  CHECK_THAT(message(6, options, 0, nothing),
             ContainsSubstring("expected the file of a training"));
  CHECK_THAT(message_of<std::runtime_error>([&] {
               nn::resume_training(folder.file("none"), process.trainer());
             }),
             ContainsSubstring("none"));
}
