#include "common/options.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

namespace {

const apps::Program kMlp = {"mnist_mlp", "Trains.", "libnn", "mlp"};
const apps::Program kCnn = {"mnist_cnn", "Trains.", "libnn", "cnn"};
const apps::Program kBoth = {"mnist_torch", "Trains.", "torch", ""};

apps::Options parse(const apps::Program& program,
                    const std::vector<std::string>& arguments) {
  std::vector<const char*> argv = {program.name.c_str()};
  for (const std::string& argument : arguments) {
    argv.push_back(argument.c_str());
  }
  const std::optional<apps::Options> options =
      apps::parse_options(program, static_cast<int>(argv.size()), argv.data());
  REQUIRE(options.has_value());
  return *options;
}

std::string complaint(const apps::Program& program,
                      const std::vector<std::string>& arguments) {
  return nn_test::message_of<apps::UsageError>(
      [&] { parse(program, arguments); });
}

using Catch::Matchers::ContainsSubstring;

}  // namespace

TEST_CASE("each program's defaults are those of its reference network",
          "[apps][options]") {
  const apps::Options mlp = parse(kMlp, {});
  CHECK(mlp.model == "mlp");
  CHECK(mlp.hidden == std::vector<nn::Index>{256, 128});
  CHECK(mlp.epochs == 20);
  CHECK(mlp.learning_rate == 0.1);
  CHECK(mlp.batch_size == 128);
  CHECK(mlp.momentum == 0.9);
  CHECK(mlp.weight_decay == 5e-4);
  CHECK(mlp.schedule == "cosine");
  CHECK(mlp.data == "data/mnist");
  CHECK(mlp.out == "results/mlp-libnn");

  const apps::Options cnn = parse(kCnn, {});
  CHECK(cnn.model == "cnn");
  CHECK(cnn.channels == std::vector<nn::Index>{16, 32});
  CHECK(cnn.kernel == 5);
  CHECK(cnn.padding == 2);
  CHECK(cnn.epochs == 10);
  CHECK(cnn.learning_rate == 0.05);
  CHECK(cnn.out == "results/cnn-libnn");
}

TEST_CASE("a program for both networks takes each one's defaults",
          "[apps][options]") {
  const apps::Options mlp = parse(kBoth, {"--model", "mlp"});
  CHECK(mlp.epochs == parse(kMlp, {}).epochs);
  CHECK(mlp.learning_rate == parse(kMlp, {}).learning_rate);
  CHECK(mlp.out == "results/mlp-torch");
  const apps::Options cnn = parse(kBoth, {"--model", "cnn"});
  CHECK(cnn.epochs == parse(kCnn, {}).epochs);
  CHECK(cnn.learning_rate == parse(kCnn, {}).learning_rate);
  CHECK(cnn.out == "results/cnn-torch");
}

TEST_CASE("options given on the command line replace the defaults",
          "[apps][options]") {
  const apps::Options o = parse(kMlp,
                                {"--dataset",
                                 "fashion-mnist",
                                 "--hidden",
                                 "30,20,10",
                                 "--epochs",
                                 "3",
                                 "--batch-size",
                                 "7",
                                 "--learning-rate",
                                 "0.25",
                                 "--nesterov",
                                 "--schedule",
                                 "step",
                                 "--step-epochs",
                                 "2",
                                 "--step-factor",
                                 "0.5",
                                 "--seed",
                                 "18446744073709551615",
                                 "--threads",
                                 "3",
                                 "--train-limit",
                                 "9",
                                 "--test-limit",
                                 "8",
                                 "--quiet",
                                 "--momentum",
                                 "0.5",
                                 "--weight-decay",
                                 "0",
                                 "--save",
                                 "a.safetensors",
                                 "--load",
                                 "b.safetensors"});
  CHECK(o.data == "data/fashion-mnist");
  CHECK(o.hidden == std::vector<nn::Index>{30, 20, 10});
  CHECK(o.epochs == 3);
  CHECK(o.batch_size == 7);
  CHECK(o.seed == 18446744073709551615u);
  CHECK(o.threads == 3);
  CHECK(o.train_limit == 9);
  CHECK(o.test_limit == 8);
  CHECK(o.quiet);
  CHECK(o.save == "a.safetensors");
  CHECK(o.load == "b.safetensors");
  const nn::SgdOptions sgd = o.sgd();
  CHECK(sgd.learning_rate == 0.25);
  CHECK(sgd.momentum == 0.5);
  CHECK(sgd.weight_decay == 0.0);
  CHECK(sgd.nesterov);
}

TEST_CASE("schedules count their epochs in steps", "[apps][options]") {
  constexpr nn::Index kStepsPerEpoch = 10;
  const auto step = parse(kMlp,
                          {"--schedule",
                           "step",
                           "--step-epochs",
                           "2",
                           "--step-factor",
                           "0.5",
                           "--learning-rate",
                           "1"})
                        .make_schedule(kStepsPerEpoch);
  CHECK(step->learning_rate(19) == 1.0);
  CHECK(step->learning_rate(20) == 0.5);

  const auto cosine = parse(kMlp,
                            {"--epochs",
                             "5",
                             "--warmup-epochs",
                             "1",
                             "--learning-rate",
                             "1",
                             "--final-learning-rate",
                             "0.2"})
                          .make_schedule(kStepsPerEpoch);
  CHECK(cosine->learning_rate(0) == Catch::Approx(0.1));
  CHECK(cosine->learning_rate(10) == Catch::Approx(1.0));
  CHECK(cosine->learning_rate(30) == Catch::Approx(0.6));
  CHECK(cosine->learning_rate(50) == Catch::Approx(0.2));

  const auto constant =
      parse(kMlp, {"--schedule", "constant", "--learning-rate", "0.3"})
          .make_schedule(kStepsPerEpoch);
  CHECK(constant->learning_rate(0) == 0.3);
  CHECK(constant->learning_rate(1000) == 0.3);
}

TEST_CASE("wrong usage names option, what was expected and what was found",
          "[apps][options][errors]") {
  const auto expect = [](const apps::Program& program,
                         const std::string& option,
                         const std::string& value) {
    INFO(option << ' ' << value);
    const std::string message = complaint(program, {option, value});
    CHECK_THAT(message, ContainsSubstring(option));
    CHECK_THAT(message, ContainsSubstring("expected"));
    CHECK_THAT(message, ContainsSubstring("'" + value + "'"));
  };
  expect(kMlp, "--batch-size", "-128");
  expect(kMlp, "--batch-size", "0");
  expect(kMlp, "--batch-size", "12.5");
  expect(kMlp, "--epochs", "0");
  expect(kMlp, "--epochs", "many");
  expect(kMlp, "--learning-rate", "nan");
  expect(kMlp, "--learning-rate", "inf");
  expect(kMlp, "--learning-rate", "1e999");
  expect(kMlp, "--learning-rate", "-0.1");
  expect(kMlp, "--learning-rate", "0.1x");
  expect(kMlp, "--momentum", "1");
  expect(kMlp, "--weight-decay", "-1");
  expect(kMlp, "--dataset", "cifar");
  expect(kMlp, "--schedule", "linear");
  expect(kMlp, "--seed", "-1");
  expect(kMlp, "--seed", "18446744073709551616");
  expect(kMlp, "--threads", "0");
  expect(kMlp, "--threads", "257");
  expect(kMlp, "--hidden", "256,,128");
  expect(kMlp, "--hidden", "256,-1");
  expect(kMlp, "--hidden", "256,");
  expect(kMlp, "--hidden", "2000000000");
  CHECK_THAT(complaint(kMlp, {"--hidden", "2000000000"}),
             ContainsSubstring("whole numbers from 1 to 1000000000"));
  expect(kCnn, "--channels", "0");
  expect(kCnn, "--kernel", "0");
  expect(kCnn, "--padding", "-1");
  expect(kBoth, "--model", "rnn");

  CHECK_THAT(complaint(kMlp, {"--out", ""}), ContainsSubstring("--out"));
  CHECK_THAT(complaint(kMlp, {"--epochs"}), ContainsSubstring("--epochs"));
  CHECK_THAT(complaint(kMlp, {"--no-such"}), ContainsSubstring("--no-such"));
  CHECK_THAT(complaint(kMlp, {"stray"}), ContainsSubstring("stray"));
  CHECK_THAT(complaint(kMlp, {"--kernel", "3"}), ContainsSubstring("--kernel"));
}

TEST_CASE("augmentation is off unless it is asked for", "[apps][options]") {
  const apps::Options off = parse(kMlp, {});
  CHECK_FALSE(off.augmentation.is_on());
  CHECK(off.to_json().at("augment") == "");

  const apps::Options shifted = parse(kMlp, {"--augment", "shift=2"});
  CHECK(shifted.augmentation.shift == 2);
  CHECK(shifted.augmentation.rotation == 0.0);
  CHECK(shifted.augmentation.elastic == 0.0);
  CHECK(shifted.to_json().at("augment") == "shift=2");

  const apps::Options all =
      parse(kBoth, {"--augment", "elastic=34.5,rotate=10,sigma=3.25,shift=1"});
  CHECK(all.augmentation.shift == 1);
  CHECK(all.augmentation.rotation == 10.0);
  CHECK(all.augmentation.elastic == 34.5);
  CHECK(all.augmentation.elastic_sigma == 3.25);
  const std::string text = all.to_json().at("augment");
  CHECK(text == "shift=1,rotate=10.0,elastic=34.5,sigma=3.25");
  // What summary.json says can be given again.
  CHECK(parse(kBoth, {"--augment", text}).to_json().at("augment") == text);
}

TEST_CASE("an augmentation that is none is refused",
          "[apps][options][errors]") {
  const auto expect = [](const std::string& value, const std::string& what) {
    INFO(value);
    CHECK_THAT(complaint(kMlp, {"--augment", value}),
               ContainsSubstring("--augment: expected " + what + ", got '" +
                                 value + "'"));
  };
  const std::string keys =
      "shift=N, rotate=X, elastic=X and sigma=X, separated by commas";
  expect("zoom=2", keys);
  expect("shift=2,", keys);
  expect("2", keys);
  expect("shift", "a whole number of pixels for shift");
  expect("shift=1.5", "a whole number of pixels for shift");
  expect("rotate=", "a finite number for rotate");
  expect("rotate=inf", "a finite number for rotate");
  expect("elastic=34x", "a finite number for elastic");
  expect("shift=1,shift=2", "shift once");
  expect("sigma=4", "sigma together with elastic above 0");
  CHECK_THAT(complaint(kMlp, {"--augment", "rotate=181"}),
             ContainsSubstring("rotation from 0 to 180 degrees, got 181"));
  CHECK_THAT(complaint(kMlp, {"--augment", "shift=-1"}),
             ContainsSubstring("--augment shift=-1: [Augmentation] expected"));
}

TEST_CASE("options that would be ignored are refused",
          "[apps][options][errors]") {
  CHECK_THAT(complaint(kMlp, {"--step-epochs", "2"}),
             ContainsSubstring("--step-epochs: expected together with "
                               "--schedule step, got --schedule cosine"));
  CHECK_THAT(
      complaint(kMlp, {"--schedule", "constant", "--warmup-epochs", "1"}),
      ContainsSubstring("--warmup-epochs"));
  CHECK_THAT(complaint(kBoth, {"--model", "cnn", "--hidden", "10"}),
             ContainsSubstring("--hidden"));
  CHECK_THAT(complaint(kBoth, {"--model", "mlp", "--kernel", "3"}),
             ContainsSubstring("--kernel"));
  CHECK_THAT(complaint(kMlp, {"--epochs", "2", "--warmup-epochs", "2"}),
             ContainsSubstring("--warmup-epochs"));
  CHECK_THAT(complaint(kMlp, {"--nesterov", "--momentum", "0"}),
             ContainsSubstring("--nesterov"));
}

TEST_CASE("a training is saved every minute, as often as is said, or never",
          "[apps][options]") {
  CHECK(parse(kMlp, {}).checkpoint == 60.0);
  CHECK_FALSE(parse(kMlp, {}).resume);
  CHECK(parse(kMlp, {"--checkpoint", "0.5"}).checkpoint == 0.5);
  CHECK_FALSE(parse(kMlp, {"--checkpoint", "off"}).checkpoint.has_value());
  CHECK(parse(kMlp, {"--resume"}).resume);
  for (const char* text : {"-1", "nan", "on", "1s"}) {
    CHECK_THAT(
        complaint(kMlp, {"--checkpoint", text}),
        ContainsSubstring("--checkpoint: expected") && ContainsSubstring(text));
  }
  // They decide nothing about what is trained.
  CHECK(parse(kMlp, {"--resume", "--checkpoint", "9"}).to_json() ==
        parse(kMlp, {}).to_json());
}

TEST_CASE("a data set is one of those known, or a folder", "[apps][options]") {
  CHECK(parse(kMlp, {"--dataset", "emnist-letters"}).data ==
        "data/emnist-letters");
  const nn_test::TemporaryDirectory folder;
  const std::string own = folder.file("own letters");
  std::filesystem::create_directory(own);
  apps::Options options = parse(kMlp, {"--dataset", own});
  CHECK(options.data == own);
  CHECK(options.dataset == "own letters");
  // A name for what lies elsewhere.
  options = parse(kMlp, {"--dataset", "letters", "--data", own});
  CHECK(options.data == own);
  CHECK(options.dataset == "letters");
  CHECK(parse(kMlp, {"--dataset", own, "--data", own}).data == own);
  CHECK_THAT(complaint(kMlp, {"--dataset", own, "--data", folder.path()}),
             ContainsSubstring("expected a name beside --data, got the path"));
  // What is called like a known set is none.
  const std::string namesake = folder.file("kmnist");
  std::filesystem::create_directory(namesake);
  options = parse(kMlp, {"--dataset", namesake});
  CHECK(options.data == namesake);
  CHECK(options.dataset == namesake);
  CHECK_THAT(complaint(kMlp, {"--dataset", "emnist"}),
             ContainsSubstring("emnist-letters") &&
                 ContainsSubstring("or a folder, got 'emnist'"));
}
