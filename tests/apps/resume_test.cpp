// A training that is broken off, at any moment and in any way, goes on and ends
// as one that ran through. Environment:
//
//   NN_KILLS  how many processes are killed (12); a sixth as many times each
//             program gets each of the signals, and a closed pipe
//   NN_SEED   of the moments (printed if a test fails)

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "common/run.h"
#include "common/run_files.h"
#include "nn/files/file.h"
#include "nn/random.h"
#include "support/catch.h"
#include "support/environment.h"
#include "support/program.h"
#include "support/temporary_directory.h"
#include "support/tiny_mnist.h"

namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using nn_test::execute;
using nn_test::from_environment;
using nn_test::names_in;
using nn_test::Outcome;
using nn_test::Process;
using Strings = std::vector<std::string>;

constexpr long kKills = 12;  // without NN_KILLS

/// Most of a run's time is then taken by its checkpoints.
const Strings kEveryStep = {"--checkpoint", "0"};

/// A program, the data for it, and the run that ran through.
class Place {
 public:
  explicit Place(std::string program) : program_(std::move(program)) {
    fs::create_directory(folder_.file("data"));
    nn_test::TinyMnist tiny;
    tiny.training = 320;
    tiny.test = 20;
    nn_test::write_tiny_mnist(folder_.file("data"), tiny);
    REQUIRE(run("whole").exit_code == 0);
  }

  const std::string& program() const { return program_; }
  std::string out(const std::string& name) const {
    return folder_.file("results/" + name);
  }
  std::string errors() const { return folder_.file("errors"); }

  Strings arguments(const std::string& name, const Strings& more = {}) const {
    const bool is_cnn = program_ == NN_MNIST_CNN;
    Strings all = {"--data",
                   folder_.file("data"),
                   "--out",
                   out(name),
                   is_cnn ? "--channels" : "--hidden",
                   is_cnn ? "2,3" : "24",
                   "--epochs",
                   "4",
                   "--batch-size",
                   "8",
                   "--augment",
                   "shift=2"};
    const auto is_given = [&more](const char* option) {
      return std::find(more.begin(), more.end(), option) != more.end();
    };
    if (!is_given("--threads")) all.insert(all.end(), {"--threads", "1"});
    if (!is_given("--seed")) all.insert(all.end(), {"--seed", "1"});
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  Outcome run(const std::string& name, const Strings& more = {}) const {
    return execute(program_, arguments(name, more));
  }

  /// Starts it, and after so many microseconds sends a signal. The status of
  /// waitpid().
  int run_and_signal(const std::string& name,
                     const Strings& more,
                     long microseconds,
                     int signal) const {
    Process process(program_, arguments(name, more), errors());
    std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
    return process.end(signal);
  }

  /// The run is that which ran through, to the bit but for times.
  void check_same(const std::string& name) const {
    for (const char* file :
         {"model.safetensors", "predictions.csv", "steps.csv", "top3.csv"}) {
      CAPTURE(file);
      CHECK(nn::read_file(out(name) + "/" + file) ==
            nn::read_file(out("whole") + "/" + file));
    }
    const apps::Run run = apps::read_run(out(name));
    const apps::Run whole = apps::read_run(out("whole"));
    REQUIRE(run.history.size() == whole.history.size());
    for (std::size_t i = 0; i < run.history.size(); ++i) {
      const apps::EpochRow& a = run.history[i];
      const apps::EpochRow& b = whole.history[i];
      CHECK(a.step == b.step);
      CHECK(a.learning_rate == b.learning_rate);
      CHECK(a.train_loss == b.train_loss);
      CHECK(a.test_loss == b.test_loss);
      CHECK(a.train_accuracy == b.train_accuracy);
      CHECK(a.test_accuracy == b.test_accuracy);
    }
    CHECK(names_in(out(name)) == names_in(out("whole")));
    CHECK(apps::check_manifest(out(name)).empty());
    // Nor is anything left beside it.
    CHECK(names_in(folder_.file("results")) ==
          Strings(name < "whole" ? Strings{name, "whole"}
                                 : Strings{"whole", name}));
  }

  bool has_checkpoint(const std::string& name) const {
    return fs::exists(out(name) + "/" + apps::kCheckpointFile);
  }

  /// Microseconds that a run takes.
  long duration() const {
    const auto start = std::chrono::steady_clock::now();
    REQUIRE(run("whole", kEveryStep).exit_code == 0);
    return static_cast<long>(
        std::chrono::duration_cast<std::chrono::microseconds>(
            std::chrono::steady_clock::now() - start)
            .count());
  }

 private:
  std::string program_;
  nn_test::TemporaryDirectory folder_;
};

/// How often each program is broken off by each other signal than SIGKILL.
long times_of_signals() {
  return std::max(1L, from_environment("NN_KILLS", kKills) / 6);
}

/// Calls body(program, place, rng) for both programs.
template <typename Body>
void for_programs(const Body& body) {
  const std::uint64_t seed = nn_test::seed_from_environment();
  CAPTURE(seed);
  nn::Rng rng(seed);
  for (const char* program : {NN_MNIST_MLP, NN_MNIST_CNN}) {
    CAPTURE(program);
    body(Place(program), rng);
  }
}

}  // namespace

TEST_CASE("a killed training is resumed and ends with the bits of a whole one",
          "[apps][resume]") {
  const long kills = from_environment("NN_KILLS", kKills);
  for_programs([kills](const Place& place, nn::Rng& rng) {
    const long duration = place.duration();
    // Each is killed up to three times, most while files are written.
    for (long killed = 0; killed < (kills + 1) / 2;) {
      const Strings options = {"--resume", "--checkpoint", "0"};
      for (int i = 0; i < 3; ++i) {
        const int status = place.run_and_signal(
            "killed", options, rng.index(duration), SIGKILL);
        if (WIFSIGNALED(status)) ++killed;
      }
      const Outcome outcome = place.run("killed", {"--resume"});
      INFO(outcome.errors);
      REQUIRE(outcome.exit_code == 0);
      place.check_same("killed");
      fs::remove_all(place.out("killed"));
    }
  });
}

TEST_CASE("a signal ends a training with a run, a checkpoint and 128 + n",
          "[apps][resume]") {
  const long times = times_of_signals();
  for_programs([times](const Place& place, nn::Rng& rng) {
    long duration = place.duration();
    const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (long interrupted = 0; interrupted < 3 * times;) {
      const int signal = signals[interrupted % 3];
      CAPTURE(signal);
      const int status = place.run_and_signal(
          "stopped", kEveryStep, rng.index(duration), signal);
      const std::string errors = nn::read_file(place.errors());
      CAPTURE(errors);
      // Before main() has begun the signal ends the process as ever.
      if (WIFEXITED(status) && !place.has_checkpoint("stopped")) {
        CHECK(
            (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 128 + signal));
        place.check_same("stopped");
        duration -= duration / 8;
      } else if (WIFEXITED(status)) {
        ++interrupted;
        CHECK(WEXITSTATUS(status) == 128 + signal);
        CHECK_THAT(errors, ContainsSubstring("--resume goes on"));
        const apps::Run run = apps::read_run(place.out("stopped"));
        CHECK(run.history.back().step == run.steps.back().step);
        CHECK(run.history.back().step < 160);
        CHECK(apps::check_manifest(place.out("stopped")).empty());
        const Outcome outcome = place.run("stopped", {"--resume"});
        INFO(outcome.errors);
        REQUIRE(outcome.exit_code == 0);
        CHECK_FALSE(place.has_checkpoint("stopped"));
        place.check_same("stopped");
      }
      fs::remove_all(place.out("stopped"));
    }
  });
}

TEST_CASE("a closed pipe interrupts a training as a signal does",
          "[apps][resume]") {
  const long times = times_of_signals();
  for_programs([times](const Place& place, nn::Rng& rng) {
    std::string command = nn_test::quoted(place.program());
    for (const std::string& word : place.arguments("piped")) {
      command += " " + nn_test::quoted(word);
    }
    const long lines = 12;  // before the first epoch ends
    long interrupted = 0;
    for (long i = 0; interrupted < times; ++i) {
      REQUIRE(i < 20 * times);
      const long read = 1 + rng.index(lines);
      CAPTURE(read);
      const Outcome outcome =
          execute("sh",
                  {"-c",
                   "exec 3>&1; { " + command + "; echo $? >&3; } | head -n " +
                       std::to_string(read) + " >&2"});
      INFO(outcome.errors);
      if (place.has_checkpoint("piped")) {
        ++interrupted;
        CHECK(outcome.output == "141\n");
        CHECK_THAT(outcome.errors, ContainsSubstring("--resume goes on"));
        REQUIRE(place.run("piped", {"--resume"}).exit_code == 0);
      }
      place.check_same("piped");
      fs::remove_all(place.out("piped"));
    }
  });
}

TEST_CASE("what cannot be resumed is told, and changes nothing",
          "[apps][resume][errors]") {
  const Place place(NN_MNIST_MLP);
  int status = 0;
  for (long after = 20000; !place.has_checkpoint("stopped"); after += 2000) {
    REQUIRE(after < 1000000);
    fs::remove_all(place.out("stopped"));
    status = place.run_and_signal("stopped", kEveryStep, after, SIGTERM);
  }
  CHECK(WEXITSTATUS(status) == 128 + SIGTERM);
  const std::string path =
      place.out("stopped") + "/" + std::string(apps::kCheckpointFile);
  const std::string saved = nn::read_file(path);
  const auto check = [&](const Strings& options, const std::string& reason) {
    const Outcome outcome = place.run("stopped", options);
    CHECK(outcome.exit_code == 1);
    CHECK_THAT(outcome.errors, ContainsSubstring(reason));
  };
  check({"--resume", "--momentum", "0.5"}, "the same momentum, 0.5");
  check({"--resume", "--train-limit", "300"}, "the same train-limit, 300");
  check({"--resume", "--seed", "2"}, "seed");
  CHECK(nn::read_file(path) == saved);
  std::string damaged = saved;
  damaged[damaged.size() / 2] ^= 1;
  nn::write_file_atomically(path, damaged);
  check({"--resume"}, "checksum");
  nn::write_file_atomically(path, saved.substr(0, saved.size() / 2));
  check({"--resume"}, apps::kCheckpointFile);
  nn::write_file_atomically(path, saved);
  REQUIRE(place.run("stopped", {"--resume", "--threads", "2"}).exit_code == 0);
  place.check_same("stopped");
}

TEST_CASE("a training without checkpoints leaves none, and begins anew",
          "[apps][resume]") {
  const Place place(NN_MNIST_MLP);
  const Outcome outcome =
      place.run("again", {"--resume", "--checkpoint", "off"});
  CHECK(outcome.exit_code == 0);
  CHECK_THAT(outcome.output, ContainsSubstring("the training begins anew"));
  place.check_same("again");
}
