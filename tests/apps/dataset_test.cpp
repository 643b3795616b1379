// The programs on data sets of other classes than MNIST's.

#include "common/dataset.h"

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/run.h"
#include "nn/files/file.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/program.h"
#include "support/temporary_directory.h"
#include "support/tiny_mnist.h"

namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using nn_test::execute;
using nn_test::message_of;
using nn_test::Outcome;
using nn_test::TemporaryDirectory;

/// What a file of EMNIST says of its classes: "1 65 97" for the letters.
std::string mapping(nn::Index classes, nn::Index first_label) {
  const std::string characters =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string text;
  for (nn::Index c = 0; c < classes; ++c) {
    text += std::to_string(c + first_label);
    if (first_label > 0) {
      text += " " + std::to_string('A' + c) + " " + std::to_string('a' + c);
    } else {
      text += " " + std::to_string(static_cast<int>(
                        characters[static_cast<std::size_t>(c)]));
    }
    text += "\r\n";
  }
  return text;
}

/// A data set as EMNIST's are.
nn_test::TinyMnist emnist(const std::string& split, nn::Index classes) {
  nn_test::TinyMnist set;
  set.classes = classes;
  set.first_label = split == "letters" ? 1 : 0;
  set.transposed = true;
  set.training = 16 * classes;
  set.test = 4 * classes;
  set.training_stem = "emnist-" + split + "-train";
  set.test_stem = "emnist-" + split + "-test";
  return set;
}

void write_emnist(const std::string& directory,
                  const std::string& split,
                  nn::Index classes) {
  const nn_test::TinyMnist set = emnist(split, classes);
  nn_test::write_tiny_mnist(directory, set);
  nn::write_file_atomically(directory + "/emnist-" + split + "-mapping.txt",
                            mapping(classes, set.first_label));
}

apps::Options options(const std::string& dataset, const std::string& data) {
  apps::Options options;
  options.dataset = dataset;
  options.data = data;
  return options;
}

std::string complaint(const apps::Options& options) {
  return message_of<std::runtime_error>(
      [&options] { apps::load_dataset(options); });
}

}  // namespace

TEST_CASE("data of EMNIST's kinds trains and is reported", "[apps][datasets]") {
  struct Kind {
    std::string split;
    nn::Index classes;
    std::string last_name;
  };
  for (const Kind& kind : {Kind{"letters", 26, "Zz"},
                           Kind{"balanced", 47, "k"},
                           Kind{"byclass", 62, "z"}}) {
    CAPTURE(kind.split);
    const TemporaryDirectory folder;
    fs::create_directory(folder.file("data"));
    write_emnist(folder.file("data"), kind.split, kind.classes);
    const std::string out = folder.file("results/run");
    const Outcome outcome = execute(NN_MNIST_MLP,
                                    {"--dataset",
                                     "emnist-" + kind.split,
                                     "--data",
                                     folder.file("data"),
                                     "--batch-size",
                                     "32",
                                     "--epochs",
                                     "8",
                                     "--out",
                                     out});
    INFO(outcome.errors);
    REQUIRE(outcome.exit_code == 0);
    const apps::Run run = apps::read_run(out);
    const auto classes = static_cast<std::size_t>(kind.classes);
    CHECK(run.classes == kind.classes);
    CHECK(run.confusion.size() == classes * classes);
    CHECK(run.top3.size() == 3 * classes);
    const nlohmann::json& names = run.summary.at("dataset").at("class_names");
    REQUIRE(names.size() == classes);
    CHECK(names.back() == kind.last_name);
    // Much more than chance: images and labels belong together.
    CHECK(run.history.back().test_accuracy > 0.5);
    const Outcome report =
        execute(NN_MNIST_REPORT, {"--results", folder.file("results")});
    INFO(report.errors);
    CHECK(report.exit_code == 0);
    CHECK(report.errors.empty());
    CHECK(fs::exists(folder.file("results/report.pdf")));
  }
}

TEST_CASE("images of EMNIST's kind come the right way up", "[apps][datasets]") {
  const TemporaryDirectory turned;
  write_emnist(turned.path(), "letters", 26);
  const TemporaryDirectory upright;
  nn_test::TinyMnist set = emnist("letters", 26);
  set.transposed = false;
  set.first_label = 0;
  set.training_stem = "train";
  set.test_stem = "t10k";
  nn_test::write_tiny_mnist(upright.path(), set);
  const apps::Dataset a =
      apps::load_dataset(options("emnist-letters", turned.path()));
  const apps::Dataset b = apps::load_dataset(options("own", upright.path()));
  CHECK(a.training.images == b.training.images);
  CHECK(a.training.labels == b.training.labels);
  CHECK(a.test.images == b.test.images);
  CHECK(a.class_names.front() == "Aa");
  CHECK(b.class_names.back() == "25");
  CHECK(a.files.size() == 5);
}

TEST_CASE("a folder of one's own may name its classes", "[apps][datasets]") {
  const TemporaryDirectory folder;
  nn_test::TinyMnist set;
  set.classes = 2;
  set.test_stem = "test";
  nn_test::write_tiny_mnist(folder.path(), set);
  CHECK(apps::load_dataset(options("own", folder.path())).class_names ==
        std::vector<std::string>{"0", "1"});
  nn::write_file_atomically(folder.file("classes.txt"), "cat\r\nbig dog\n\n");
  const apps::Dataset data = apps::load_dataset(options("own", folder.path()));
  CHECK(data.class_names == std::vector<std::string>{"cat", "big dog"});

  // A mark of byte order and blanks are no part of a name, and a file that is
  // called like one of the test set is none.
  nn::write_file_atomically(folder.file("test-notes.txt"), "");
  nn::write_file_atomically(folder.file("classes.txt"),
                            "\xef\xbb\xbf cat\t\n \xc3\x84pfel, rot");
  CHECK(apps::load_dataset(options("own", folder.path())).class_names ==
        std::vector<std::string>{"cat", "\xc3\x84pfel, rot"});

  const auto refuses = [&](const std::string& names, const char* message) {
    nn::write_file_atomically(folder.file("classes.txt"), names);
    CHECK_THAT(complaint(options("own", folder.path())),
               ContainsSubstring(std::string("classes.txt: ") + message));
  };
  refuses("cat\n", "expected the names of 2 to 256 classes, found 1");
  refuses("cat\n\ndog\n", "line 2: expected the name of a class, found ''");
  refuses("\ncat\ndog\n", "line 1: expected the name of a class, found ''");
  refuses("cat\ndog\n cat\n",
          "line 3: expected another name for each class, found 'cat' again");
  refuses("cat\n\xc4pfel\n", "line 2: expected a name in UTF-8");
}

TEST_CASE("a folder of one's own with other test files", "[apps][datasets]") {
  const TemporaryDirectory folder;
  nn_test::TinyMnist set;
  nn_test::write_tiny_mnist(folder.path(), set);
  nn::write_file_atomically(folder.file("test-notes.txt"), "");
  CHECK(apps::load_dataset(options("own", folder.path())).test.size() ==
        set.test);
  fs::remove(folder.file("train-labels-idx1-ubyte"));
  CHECK_THAT(
      complaint(options("owm", folder.path())),
      ContainsSubstring("'owm' is none of the data sets that are known"));

  const TemporaryDirectory from_one;
  set.classes = 3;
  set.first_label = 1;
  nn_test::write_tiny_mnist(from_one.path(), set);
  CHECK_THAT(complaint(options("own", from_one.path())),
             ContainsSubstring("expected labels from 0, found them from 1"));
  nn::write_file_atomically(from_one.file("classes.txt"), "none\na\nb\nc\n");
  CHECK(
      apps::load_dataset(options("own", from_one.path())).class_names.size() ==
      4);
}

TEST_CASE("a folder whose name is no UTF-8 trains, and goes on",
          "[apps][datasets][resume]") {
  const TemporaryDirectory folder;
  const std::string data = folder.file("caf\xe9");
  fs::create_directory(data);
  nn_test::write_tiny_mnist(data, {});
  const std::string out = folder.file("results/run");
  const std::vector<std::string> arguments = {
      "--dataset", data, "--epochs", "2", "--checkpoint", "0", "--out", out};
  const Outcome outcome = execute(NN_MNIST_MLP, arguments);
  CHECK(outcome.errors.empty());
  REQUIRE(outcome.exit_code == 0);
  CHECK(apps::read_run(out).summary.at("dataset").at("name") ==
        "caf\xef\xbf\xbd");
}

TEST_CASE("a data set that does not fit its name is refused in words",
          "[apps][datasets][errors]") {
  const TemporaryDirectory folder;
  write_emnist(folder.path(), "letters", 26);
  const std::string path = folder.file("emnist-letters-mapping.txt");
  nn::write_file_atomically(path, mapping(25, 1));
  CHECK_THAT(complaint(options("emnist-letters", folder.path())),
             ContainsSubstring("expected labels from 1 to 25, found 26"));
  nn::write_file_atomically(path, "1 65 97\n3 67 99\n");
  CHECK_THAT(complaint(options("emnist-letters", folder.path())),
             ContainsSubstring("line 2: expected label 2, found '3 67 99'"));
  nn::write_file_atomically(path, "1 65 97\n2 B b\n");
  CHECK_THAT(complaint(options("emnist-letters", folder.path())),
             ContainsSubstring("line 2: expected codes of printable"));
  for (const char* line : {"2 66x", "2 66 9x7", "2 66 200", "2 66 -5", "2 7"}) {
    nn::write_file_atomically(path, std::string("1 65 97\n") + line);
    CHECK_THAT(complaint(options("emnist-letters", folder.path())),
               ContainsSubstring("line 2: expected codes of printable"));
  }
  nn::write_file_atomically(path, "1 65 97\n2\n");
  CHECK_THAT(complaint(options("emnist-letters", folder.path())),
             ContainsSubstring("line 2: expected a label and codes"));
  fs::remove(path);
  CHECK_THAT(complaint(options("emnist-letters", folder.path())),
             ContainsSubstring("emnist-letters-mapping.txt"));
  CHECK_THAT(complaint(options("emnist-balanced", folder.path())),
             ContainsSubstring("emnist-balanced-mapping.txt"));
  CHECK_THAT(complaint(options("mnist", folder.path())),
             ContainsSubstring("train-images-idx3-ubyte"));

  const TemporaryDirectory one;
  nn_test::TinyMnist set;
  set.classes = 1;
  nn_test::write_tiny_mnist(one.path(), set);
  CHECK_THAT(complaint(options("own", one.path())),
             ContainsSubstring("expected labels of at least 2 classes"));
}
