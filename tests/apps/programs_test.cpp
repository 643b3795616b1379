// Runs the built programs as a user does: by their command lines, exit codes,
// messages and files.

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "common/run.h"
#include "nn/files/file.h"
#include "nn/files/safetensors.h"
#include "support/catch.h"
#include "support/data_directory.h"
#include "support/program.h"
#include "support/temporary_directory.h"
#include "support/tiny_mnist.h"

namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;

using nn_test::execute;
using nn_test::names_in;
using nn_test::Outcome;

/// A small data set, a place for results, and options that make a run short.
struct Bench {
  explicit Bench(const nn_test::TinyMnist& tiny = {}) {
    fs::create_directory(folder.file("data"));
    nn_test::write_tiny_mnist(data(), tiny);
  }

  std::string data() const { return folder.file("data"); }
  std::string out() const { return folder.file("out"); }
  std::string images() const { return data() + "/train-images-idx3-ubyte"; }
  std::string labels() const { return data() + "/train-labels-idx1-ubyte"; }

  std::vector<std::string> arguments(
      const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all = {"--data", data(), "--batch-size", "32"};
    const auto add_unless_given = [&](const char* option, std::string value) {
      if (std::find(more.begin(), more.end(), option) == more.end()) {
        all.push_back(option);
        all.push_back(std::move(value));
      }
    };
    add_unless_given("--out", out());
    add_unless_given("--epochs", "2");
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  Outcome mlp(const std::vector<std::string>& more = {}) const {
    return execute(NN_MNIST_MLP, arguments(more));
  }
  Outcome cnn(const std::vector<std::string>& more = {}) const {
    return execute(NN_MNIST_CNN, arguments(more));
  }

  nn_test::TemporaryDirectory folder;
};

const std::vector<std::string> kArtifacts = {"confusion.csv",
                                             "confusion.png",
                                             "feature_maps.png",
                                             "filters.png",
                                             "history.csv",
                                             "images.csv",
                                             "layers.csv",
                                             "layers.png",
                                             "loss.png",
                                             "mistakes.png",
                                             "model.safetensors",
                                             "predictions.csv",
                                             "run.sha256",
                                             "steps.csv",
                                             "summary.json",
                                             "top3.csv",
                                             "top3.png"};

std::string first_line(const std::string& path) {
  const std::string text = nn::read_file(path);
  return text.substr(0, text.find('\n'));
}

/// Exit 1, a message that holds all of `parts`, and nothing left behind.
void check_fails(const Bench& bench,
                 const Outcome& outcome,
                 const std::vector<std::string>& parts) {
  INFO(outcome.errors);
  CHECK(outcome.exit_code == 1);
  CHECK_THAT(outcome.errors, ContainsSubstring(": error: "));
  for (const std::string& part : parts) {
    CHECK_THAT(outcome.errors, ContainsSubstring(part));
  }
  CHECK_FALSE(fs::exists(bench.out()));
}

void replace_byte(const std::string& path, std::size_t at, char value) {
  std::string bytes = nn::read_file(path);
  REQUIRE(at < bytes.size());
  bytes[at] = value;
  nn::write_file_atomically(path, bytes);
}

void truncate(const std::string& path, std::size_t size) {
  const std::string bytes = nn::read_file(path);
  REQUIRE(size < bytes.size());
  nn::write_file_atomically(path, bytes.substr(0, size));
}

// On the test images of the data set in NN_DATA_DIR.
double accuracy_after_one_epoch(const std::string& program) {
  const nn_test::TemporaryDirectory folder;
  const Outcome outcome = execute(program,
                                  {"--data",
                                   nn_test::data_directory(),
                                   "--epochs",
                                   "1",
                                   "--out",
                                   folder.file("out")});
  INFO(outcome.errors);
  REQUIRE(outcome.exit_code == 0);
  return apps::read_run(folder.file("out")).history.back().test_accuracy;
}

}  // namespace

TEST_CASE("a run leaves every artifact of the schema and nothing else",
          "[apps][programs]") {
  const Bench bench;
  for (const bool mlp : {true, false}) {
    const Outcome outcome = mlp ? bench.mlp() : bench.cnn();
    INFO(outcome.errors);
    REQUIRE(outcome.exit_code == 0);
    CHECK(outcome.errors.empty());
    CHECK(names_in(bench.out()) == kArtifacts);
    const auto file = [&bench](const std::string& name) {
      return bench.out() + "/" + name;
    };
    CHECK(first_line(file("history.csv")) ==
          "epoch,step,learning_rate,train_loss,test_loss,train_accuracy,"
          "test_accuracy,train_seconds");
    CHECK(first_line(file("steps.csv")) == "step,epoch,loss");
    CHECK(first_line(file("predictions.csv")) ==
          "index,label,predicted,p0,p1,p2,p3,p4,p5,p6,p7,p8,p9");
    CHECK(first_line(file("confusion.csv")) ==
          "label,predicted,count,share,mean_probability");
    CHECK(first_line(file("top3.csv")) == "class,rank,index,label,probability");
    CHECK(first_line(file("images.csv")) == "index,label,height,width,gray");
    CHECK(first_line(file("layers.csv")) ==
          "layer,name,forward_seconds,backward_seconds");
    for (const char* figure : {"loss.png",
                               "confusion.png",
                               "top3.png",
                               "mistakes.png",
                               "filters.png",
                               "feature_maps.png",
                               "layers.png"}) {
      CHECK(nn::read_file(file(figure)).substr(0, 8) == "\x89PNG\r\n\x1a\n");
    }

    const apps::Run run = apps::read_run(bench.out());
    CHECK(run.history.size() == 2);
    CHECK(run.steps.size() == 14);  // 200 images are 7 batches of 32
    CHECK(run.predictions.size() == 100);
    CHECK(run.top3.size() == 30);
    CHECK(run.layers.size() == (mlp ? 5 : 7));  // all but the Softmax
    for (const apps::LayerTime& layer : run.layers) {
      CHECK(layer.forward_seconds > 0);
      CHECK(layer.backward_seconds > 0);
    }
    long correct = 0;
    for (const apps::Prediction& p : run.predictions) {
      if (p.predicted == p.label) ++correct;
    }
    CHECK(run.history.back().test_accuracy ==
          static_cast<double>(correct) / 100.0);
    CHECK(run.summary.at("/results/final/test_correct"_json_pointer) ==
          correct);
    CHECK(run.summary.at("model") == (mlp ? "mlp" : "cnn"));
    CHECK(run.summary.at("backend") == "libnn");
    CHECK(run.summary.at("/dataset/files"_json_pointer).size() == 4);
  }
}

TEST_CASE("a network learns the small data set", "[apps][programs]") {
  const Bench bench;
  REQUIRE(bench.mlp({"--epochs", "8"}).exit_code == 0);
  CHECK(apps::read_run(bench.out()).history.back().test_accuracy >= 0.9);
}

TEST_CASE("a run shows data, network, instruction set, threads and epochs",
          "[apps][programs]") {
  const Bench bench;
  const Outcome outcome = bench.cnn({"--threads", "2"});
  REQUIRE(outcome.exit_code == 0);
  for (const char* part : {"200 training, 100 test images of 1x28x28",
                           "instruction set",
                           "threads          2",
                           "Conv2d",
                           "2 epochs of 7 steps",
                           "epoch 1/2",
                           "epoch 2/2",
                           "test accuracy"}) {
    CHECK_THAT(outcome.output, ContainsSubstring(part));
  }
  // Off a terminal no line is redrawn.
  CHECK(outcome.output.find('\r') == std::string::npos);
  CHECK_THAT(bench.mlp({"--train-limit", "32", "--epochs", "1"}).output,
             ContainsSubstring("1 epoch of 1 step, "));
  CHECK(bench.mlp({"--quiet"}).output.empty());
}

TEST_CASE("a bar with loss, speed and time left is drawn on terminals alone",
          "[apps][programs]") {
  const Bench bench;
  CHECK_THAT(bench.mlp().output, !ContainsSubstring("\r"));

  // The script of util-linux runs a command on a terminal of its own.
  if (execute("script", {"--version"}).exit_code != 0) {
    WARN("not tested: there is no script(1) of util-linux");
    return;
  }
  std::string command = "TERM=xterm " + nn_test::quoted(NN_MNIST_MLP);
  for (const std::string& argument : bench.arguments()) {
    command += ' ' + nn_test::quoted(argument);
  }
  const Outcome outcome =
      execute("script", {"-q", "-e", "-c", command, "/dev/null"});
  CHECK(outcome.exit_code == 0);
  CHECK_THAT(outcome.output,
             ContainsSubstring("\r\x1b[Kepoch 1/2 [") &&
                 ContainsSubstring("] loss ") &&
                 ContainsSubstring(" images/s  ") &&
                 ContainsSubstring(" left\r\x1b[Kepoch 1/2  train: loss "));
}

TEST_CASE("the same seed gives the same steps for any number of threads",
          "[apps][programs]") {
  const Bench bench;
  const auto steps =
      [&bench](bool mlp, const std::string& threads, const std::string& seed) {
        const std::vector<std::string> more = {
            "--threads", threads, "--seed", seed};
        const Outcome outcome = mlp ? bench.mlp(more) : bench.cnn(more);
        REQUIRE(outcome.exit_code == 0);
        return nn::read_file(bench.out() + "/steps.csv");
      };
  for (const bool mlp : {true, false}) {
    const std::string first = steps(mlp, "1", "5");
    CHECK(steps(mlp, "1", "5") == first);
    CHECK(steps(mlp, "2", "5") == first);
    CHECK(steps(mlp, "2", "6") != first);
  }
}

TEST_CASE("augmentation changes the training alone and is recorded",
          "[apps][programs]") {
  const Bench bench;
  const auto run = [&bench](const std::vector<std::string>& more) {
    const Outcome outcome = bench.mlp(more);
    INFO(outcome.errors);
    REQUIRE(outcome.exit_code == 0);
    return std::pair(outcome.output, nn::read_file(bench.out() + "/steps.csv"));
  };
  const auto plain = run({"--threads", "1"});
  CHECK(plain.first.find("augmentation") == std::string::npos);
  CHECK(apps::read_run(bench.out()).summary.at("options").at("augment") == "");
  CHECK(run({"--augment", "shift=0"}).second == plain.second);

  const std::string all = "shift=2,rotate=10.0,elastic=20.0,sigma=4.0";
  const auto augmented = run({"--augment", all, "--threads", "1"});
  CHECK_THAT(augmented.first, ContainsSubstring("augmentation     " + all));
  CHECK(apps::read_run(bench.out()).summary.at("options").at("augment") == all);
  CHECK(augmented.second != plain.second);
  CHECK(run({"--augment", all, "--threads", "2"}).second == augmented.second);
}

TEST_CASE("training goes on from saved weights", "[apps][programs]") {
  const Bench bench;
  const std::string weights = bench.folder.file("weights.safetensors");
  REQUIRE(bench.mlp({"--epochs", "6", "--save", weights}).exit_code == 0);
  CHECK(nn::read_file(weights) ==
        nn::read_file(bench.out() + "/model.safetensors"));
  const apps::Run first = apps::read_run(bench.out());
  REQUIRE(bench.mlp({"--load", weights}).exit_code == 0);
  const apps::Run second = apps::read_run(bench.out());
  CHECK(second.steps.front().loss < 0.5 * first.steps.front().loss);
}

TEST_CASE("limits cut the data sets", "[apps][programs]") {
  const Bench bench;
  REQUIRE(bench.mlp({"--train-limit", "40", "--test-limit", "2"}).exit_code ==
          0);
  const apps::Run run = apps::read_run(bench.out());
  CHECK(run.steps.size() == 4);
  CHECK(run.predictions.size() == 2);
  CHECK(run.top3.size() == 20);
}

TEST_CASE("the names of fashion-mnist's classes reach the summary",
          "[apps][programs]") {
  const Bench bench;
  REQUIRE(bench.mlp({"--dataset", "fashion-mnist"}).exit_code == 0);
  const apps::Run run = apps::read_run(bench.out());
  CHECK(run.summary.at("/dataset/name"_json_pointer) == "fashion-mnist");
  CHECK(run.summary.at("/dataset/class_names/9"_json_pointer) == "Ankle boot");
}

TEST_CASE("wrong usage exits with 2 and says what was expected",
          "[apps][programs][errors]") {
  const Bench bench;
  const Outcome outcome = bench.mlp({"--learning-rate", "fast"});
  CHECK(outcome.exit_code == 2);
  CHECK_THAT(outcome.errors,
             ContainsSubstring("mnist_mlp: error: --learning-rate: expected a "
                               "finite number of at least 0, got 'fast'"));
  const Outcome negative = execute(NN_MNIST_CNN, {"--batch-size", "-128"});
  CHECK(negative.exit_code == 2);
  CHECK_THAT(
      negative.errors,
      ContainsSubstring("--batch-size: expected a whole number from 1") &&
          ContainsSubstring("got '-128'"));
  CHECK(execute(NN_MNIST_CNN, {"--no-such-option"}).exit_code == 2);
  CHECK_FALSE(fs::exists(bench.out()));
}

TEST_CASE("help shows the defaults and exits with 0", "[apps][programs]") {
  const Outcome mlp = execute(NN_MNIST_MLP, {"--help"});
  CHECK(mlp.exit_code == 0);
  const std::pair<std::string, std::string> defaults[] = {
      {"--hidden N,...", "256,128"},
      {"--epochs N", "20"},
      {"--learning-rate X", "0.1"},
      {"--batch-size N", "128"},
      {"--schedule NAME", "cosine"},
      {"--out DIR", "results/mlp-libnn"}};
  for (const auto& [option, value] : defaults) {
    // CLI11 writes "--epochs N=20", from 2.4 on "--epochs N [20]".
    CHECK_THAT(mlp.output,
               ContainsSubstring(option + "=" + value) ||
                   ContainsSubstring(option + " [" + value + "]"));
  }
  const Outcome version = execute(NN_MNIST_CNN, {"--version"});
  CHECK(version.exit_code == 0);
  CHECK_THAT(version.output, ContainsSubstring("mnist_cnn"));
}

TEST_CASE("bad data ends a run with file, expected and found",
          "[apps][programs][errors]") {
  const Bench bench;

  SECTION("a missing folder") {
    const std::string missing = bench.folder.file("nowhere");
    check_fails(
        bench,
        execute(NN_MNIST_MLP, {"--data", missing, "--out", bench.out()}),
        {"--data " + missing, "expected a folder", "found nothing"});
  }
  SECTION("a file for a folder") {
    check_fails(
        bench,
        execute(NN_MNIST_MLP, {"--data", bench.images(), "--out", bench.out()}),
        {"--data " + bench.images(), "expected a folder", "found a file"});
  }
  SECTION("a missing file") {
    fs::remove(bench.images());
    check_fails(bench, bench.mlp(), {bench.data(), "train-images-idx3-ubyte"});
  }
  SECTION("an empty file") {
    nn::write_file_atomically(bench.images(), "");
    check_fails(
        bench, bench.mlp(), {bench.images(), "expected", "found", "empty"});
  }
  SECTION("a wrong magic number") {
    replace_byte(bench.images(), 2, '\x0d');
    check_fails(bench,
                bench.mlp(),
                {bench.images(), "expected", "found", "0x00000d03"});
  }
  SECTION("truncated images") {
    truncate(bench.images(), 1000);
    check_fails(bench,
                bench.mlp(),
                {bench.images(), "expected 156800 bytes", "found 984"});
  }
  SECTION("labels and images that disagree in number") {
    std::string labels = nn::read_file(bench.labels());
    labels[7] = static_cast<char>(199);
    labels.pop_back();
    nn::write_file_atomically(bench.labels(), labels);
    check_fails(
        bench, bench.mlp(), {bench.images(), bench.labels(), "199", "200"});
  }
  SECTION("a label of 10") {
    replace_byte(bench.labels(), 8 + 5, '\x0a');
    check_fails(
        bench, bench.mlp(), {bench.labels(), "expected labels below 10", "10"});
  }
}

TEST_CASE("truncated gzip ends a run with the file's name",
          "[apps][programs][errors]") {
  if (!nn_test::can_gzip()) {
    WARN("not tested: this build has no zlib");
    return;
  }
  nn_test::TinyMnist tiny;
  tiny.gzip = true;
  const Bench bench(tiny);
  const std::string path = bench.images() + ".gz";
  REQUIRE(bench.mlp().exit_code == 0);
  fs::remove_all(bench.out());
  truncate(path, static_cast<std::size_t>(fs::file_size(path)) / 2);
  check_fails(bench, bench.mlp(), {path, "gzip"});
}

TEST_CASE("a results folder that cannot be written ends a run at its start",
          "[apps][programs][errors]") {
  const Bench bench;
  nn::write_file_atomically(bench.folder.file("file"), "in the way");
  // Below a file nothing can be made, not even by root.
  const Outcome outcome =
      bench.mlp({"--out", bench.folder.file("file") + "/out"});
  CHECK(outcome.exit_code == 1);
  CHECK_THAT(outcome.errors,
             ContainsSubstring("--out " + bench.folder.file("file")));
  // It is told before the data is looked at.
  CHECK(outcome.output.empty());
  const Outcome file = bench.mlp({"--out", bench.folder.file("file")});
  CHECK(file.exit_code == 1);
  CHECK_THAT(file.errors, ContainsSubstring("expected a folder, found a file"));
  CHECK(nn::read_file(bench.folder.file("file")) == "in the way");

  const Outcome save =
      bench.mlp({"--save", bench.folder.file("nowhere/weights")});
  check_fails(
      bench, save, {"--save", bench.folder.file("nowhere"), "found nothing"});
}

TEST_CASE("weights that do not fit end a run with the parameter's shapes",
          "[apps][programs][errors]") {
  const Bench bench;
  const std::string weights = bench.folder.file("weights.safetensors");
  REQUIRE(bench.mlp({"--hidden", "20", "--save", weights}).exit_code == 0);
  fs::remove_all(bench.out());
  check_fails(bench,
              bench.mlp({"--hidden", "21", "--load", weights}),
              {weights, "0.weight", "expected", "found", "20", "21"});
}

TEST_CASE("a safetensors header of impossible length ends a run",
          "[apps][programs][errors]") {
  const Bench bench;
  const std::string weights = bench.folder.file("weights.safetensors");
  nn::write_file_atomically(weights, std::string(8, '\xff') + "{}      ");
  check_fails(bench, bench.mlp({"--load", weights}), {weights, "header"});
}

TEST_CASE("a kernel larger than the padded input ends a run before training",
          "[apps][programs][errors]") {
  const Bench bench;
  check_fails(bench,
              bench.cnn({"--kernel", "33", "--padding", "2"}),
              {"--kernel 33", "--padding 2", "33x33", "1x32x32"});
  check_fails(bench,
              bench.cnn({"--kernel", "1000000000"}),
              {"--kernel 1000000000 ", "is larger than the padded input"});
}

TEST_CASE("a network that memory cannot hold ends a run with its options",
          "[apps][programs][errors]") {
  const Bench bench;
  const std::vector<std::string> parts = {
      "memory", "takes more than", "--batch-size 32"};
  const auto check = [&](const Outcome& outcome, const std::string& option) {
    check_fails(bench, outcome, parts);
    CHECK_THAT(outcome.errors, ContainsSubstring(option));
  };
  check(bench.mlp({"--hidden", "1000000000"}), "--hidden 1000000000");
  check(bench.mlp({"--hidden", "1000000,1000000,1000000"}),
        "--hidden 1000000,");
  check(bench.cnn({"--channels", "8,1000000000"}), "--channels 8,1000000000");
  check(bench.cnn({"--padding", "1000000000"}), "--padding 1000000000");
  check(bench.cnn({"--kernel", "1000000000", "--padding", "1000000000"}),
        "--kernel 1000000000");
}

TEST_CASE("a loss that is not finite ends a run with epoch, step and layer",
          "[apps][programs][errors]") {
  const Bench bench;
  check_fails(bench,
              bench.mlp({"--learning-rate", "1e30"}),
              {"finite", "epoch 1, step 2", "layer", "Linear"});
  check_fails(bench,
              bench.cnn({"--learning-rate", "1e30"}),
              {"finite", "epoch 1, step 2", "layer"});
}

TEST_CASE("weights that are not finite after the last step are told too",
          "[apps][programs][errors]") {
  const Bench bench;
  check_fails(
      bench,
      bench.mlp(
          {"--learning-rate", "1e30", "--epochs", "1", "--train-limit", "32"}),
      {"validation loss", "epoch 1, step 1", "layer"});
}

TEST_CASE("a failed run leaves the artifacts of the one before",
          "[apps][programs][errors]") {
  const Bench bench;
  REQUIRE(bench.mlp().exit_code == 0);
  const std::string summary = nn::read_file(bench.out() + "/summary.json");
  const std::string steps = nn::read_file(bench.out() + "/steps.csv");
  CHECK(bench.mlp({"--learning-rate", "1e30"}).exit_code == 1);
  CHECK(names_in(bench.out()) == kArtifacts);
  CHECK(nn::read_file(bench.out() + "/summary.json") == summary);
  CHECK(nn::read_file(bench.out() + "/steps.csv") == steps);
}

TEST_CASE("the default CNN reaches 98 % in one epoch on real data",
          "[apps][data]") {
  CHECK(accuracy_after_one_epoch(NN_MNIST_CNN) >= 0.98);
}

TEST_CASE("the default MLP reaches 95 % in one epoch on real data",
          "[apps][data]") {
  CHECK(accuracy_after_one_epoch(NN_MNIST_MLP) >= 0.95);
}
