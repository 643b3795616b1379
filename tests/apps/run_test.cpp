#include "common/run.h"

#include <cstddef>
#include <limits>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/figures.h"
#include "nn/files/file.h"
#include "nn/random.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

namespace {

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

constexpr int kClasses = 10;

apps::Prediction prediction(int index,
                            int label,
                            const std::vector<double>& first_probabilities) {
  apps::Prediction p;
  p.index = index;
  p.label = label;
  p.probability.resize(kClasses);
  double rest = 1.0;
  for (std::size_t c = 0; c < first_probabilities.size(); ++c) {
    p.probability[c] = first_probabilities[c];
    rest -= first_probabilities[c];
  }
  p.probability[9] = rest;
  for (int c = 1; c < kClasses; ++c) {
    if (p.probability[static_cast<std::size_t>(c)] >
        p.probability[static_cast<std::size_t>(p.predicted)]) {
      p.predicted = c;
    }
  }
  return p;
}

const apps::ConfusionCell& cell(const apps::Run& run, int label, int column) {
  return run.confusion[static_cast<std::size_t>(label * kClasses + column)];
}

/// A run of 2 epochs of 3 steps with 20 test images, full of numbers whose
/// decimal forms are long.
apps::Run sample_run() {
  nn::Rng rng(3);
  apps::Run run;
  run.classes = kClasses;
  for (int epoch = 1; epoch <= 2; ++epoch) {
    for (int i = 0; i < 3; ++i) {
      run.steps.push_back({static_cast<long>(run.steps.size()) + 1,
                           epoch,
                           rng.uniform() / 3.0});
    }
    run.history.push_back({epoch,
                           3L * epoch,
                           0.1 / 3.0,
                           rng.uniform(),
                           rng.uniform() * 1e-300,
                           rng.uniform(),
                           1.0,
                           rng.uniform() * 1e5});
  }
  run.history[0].test_loss = std::numeric_limits<double>::denorm_min();
  for (int i = 0; i < 20; ++i) {
    const double p = rng.uniform(0.5, 0.9);
    run.predictions.push_back(prediction(i, i % 10, {p, 0.1 * rng.uniform()}));
  }
  apps::derive_tables(run);
  run.images = {{0, 0, 2, 3, {0, 1, 9, 16, 171, 255}}, {7, 7, 1, 1, {128}}};
  run.layers = {{0, "Linear", 1.0 / 3.0, 2e-5 / 3.0}, {1, "ReLU", 1e-9, 0.0}};
  run.summary = {
      {"model", "mlp"},
      {"backend", "libnn"},
      {"steps", 6u},
      {"dataset", {{"test_images", 20u}}},
      {"network",
       {{"layers",
         {{{"name", "Linear"}}, {{"name", "ReLU"}}, {{"name", "Softmax"}}}}}},
      {"results", {{"final", {{"epoch", 2u}}}}}};
  return run;
}

/// Puts `to` in place of the first `from`.
void damage(const std::string& path,
            const std::string& from,
            const std::string& to) {
  std::string text = nn::read_file(path);
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
  nn::write_file_atomically(path, text);
}

}  // namespace

TEST_CASE("derive_tables counts, shares and averages by hand-made predictions",
          "[apps][run]") {
  apps::Run run;
  run.classes = kClasses;
  // Three images of class 0, of which one is taken for class 1; one of class 1.
  run.predictions = {prediction(0, 0, {0.75, 0.125}),
                     prediction(1, 0, {0.25, 0.5}),
                     prediction(2, 0, {0.5, 0.375}),
                     prediction(3, 1, {0.25, 0.625})};
  apps::derive_tables(run);

  REQUIRE(run.confusion.size() == 100);
  CHECK(cell(run, 0, 0).count == 2);
  CHECK(cell(run, 0, 1).count == 1);
  CHECK(cell(run, 1, 1).count == 1);
  CHECK(cell(run, 1, 0).count == 0);
  CHECK(cell(run, 0, 0).share == Catch::Approx(2.0 / 3.0));
  CHECK(cell(run, 0, 1).share == Catch::Approx(1.0 / 3.0));
  CHECK(cell(run, 0, 0).mean_probability == Catch::Approx(0.5));
  CHECK(cell(run, 0, 1).mean_probability == Catch::Approx(1.0 / 3.0));
  CHECK(cell(run, 1, 0).mean_probability == 0.25);
  // No image is of class 2.
  CHECK(cell(run, 2, 2).share == 0.0);
  CHECK(cell(run, 2, 2).mean_probability == 0.0);

  REQUIRE(run.top3.size() == 30);
  CHECK(run.top3[0].label_class == 0);
  CHECK(run.top3[0].rank == 1);
  CHECK(run.top3[0].index == 0);
  CHECK(run.top3[0].probability == 0.75);
  CHECK(run.top3[1].index == 2);
  // 1 and 3 are equal: the smaller index comes first.
  CHECK(run.top3[2].index == 1);
  // The highest-scored images of class 1 include those of other classes.
  CHECK(run.top3[3].index == 3);
  CHECK(run.top3[3].label == 1);
  CHECK(run.top3[4].index == 1);
  CHECK(run.top3[4].label == 0);
}

TEST_CASE("top3 has no more ranks than there are test images", "[apps][run]") {
  apps::Run run;
  run.classes = kClasses;
  run.predictions = {prediction(0, 4, {0.5})};
  apps::derive_tables(run);
  CHECK(run.top3.size() == 10);
}

TEST_CASE("a run reads back exactly as it was written", "[apps][run]") {
  const nn_test::TemporaryDirectory folder;
  const apps::Run run = sample_run();
  apps::write_run_tables(folder.path(), run);
  const apps::Run read = apps::read_run(folder.path());

  CHECK(read.summary == run.summary);
  REQUIRE(read.history.size() == run.history.size());
  for (std::size_t i = 0; i < run.history.size(); ++i) {
    CHECK(read.history[i].epoch == run.history[i].epoch);
    CHECK(read.history[i].step == run.history[i].step);
    CHECK(read.history[i].learning_rate == run.history[i].learning_rate);
    CHECK(read.history[i].train_loss == run.history[i].train_loss);
    CHECK(read.history[i].test_loss == run.history[i].test_loss);
    CHECK(read.history[i].train_accuracy == run.history[i].train_accuracy);
    CHECK(read.history[i].test_accuracy == run.history[i].test_accuracy);
    CHECK(read.history[i].train_seconds == run.history[i].train_seconds);
  }
  REQUIRE(read.steps.size() == run.steps.size());
  for (std::size_t i = 0; i < run.steps.size(); ++i) {
    CHECK(read.steps[i].step == run.steps[i].step);
    CHECK(read.steps[i].epoch == run.steps[i].epoch);
    CHECK(read.steps[i].loss == run.steps[i].loss);
  }
  REQUIRE(read.predictions.size() == run.predictions.size());
  for (std::size_t i = 0; i < run.predictions.size(); ++i) {
    CHECK(read.predictions[i].index == run.predictions[i].index);
    CHECK(read.predictions[i].label == run.predictions[i].label);
    CHECK(read.predictions[i].predicted == run.predictions[i].predicted);
    CHECK(read.predictions[i].probability == run.predictions[i].probability);
  }
  REQUIRE(read.confusion.size() == run.confusion.size());
  for (std::size_t i = 0; i < run.confusion.size(); ++i) {
    CHECK(read.confusion[i].label == run.confusion[i].label);
    CHECK(read.confusion[i].predicted == run.confusion[i].predicted);
    CHECK(read.confusion[i].count == run.confusion[i].count);
    CHECK(read.confusion[i].share == run.confusion[i].share);
    CHECK(read.confusion[i].mean_probability ==
          run.confusion[i].mean_probability);
  }
  REQUIRE(read.top3.size() == run.top3.size());
  for (std::size_t i = 0; i < run.top3.size(); ++i) {
    CHECK(read.top3[i].label_class == run.top3[i].label_class);
    CHECK(read.top3[i].rank == run.top3[i].rank);
    CHECK(read.top3[i].index == run.top3[i].index);
    CHECK(read.top3[i].label == run.top3[i].label);
    CHECK(read.top3[i].probability == run.top3[i].probability);
  }
  REQUIRE(read.images.size() == run.images.size());
  for (std::size_t i = 0; i < run.images.size(); ++i) {
    CHECK(read.images[i].index == run.images[i].index);
    CHECK(read.images[i].label == run.images[i].label);
    CHECK(read.images[i].height == run.images[i].height);
    CHECK(read.images[i].width == run.images[i].width);
    CHECK(read.images[i].gray == run.images[i].gray);
  }
  REQUIRE(read.layers.size() == run.layers.size());
  for (std::size_t i = 0; i < run.layers.size(); ++i) {
    CHECK(read.layers[i].layer == run.layers[i].layer);
    CHECK(read.layers[i].name == run.layers[i].name);
    CHECK(read.layers[i].forward_seconds == run.layers[i].forward_seconds);
    CHECK(read.layers[i].backward_seconds == run.layers[i].backward_seconds);
  }
}

TEST_CASE("a damaged run is refused with file, line and what is wrong",
          "[apps][run][errors]") {
  const nn_test::TemporaryDirectory folder;
  const apps::Run run = sample_run();
  apps::write_run_tables(folder.path(), run);
  const auto complaint = [&folder] {
    return nn_test::message_of<std::runtime_error>(
        [&folder] { apps::read_run(folder.path()); });
  };

  SECTION("a missing file") {
    const nn_test::TemporaryDirectory empty;
    CHECK_THAT(nn_test::message_of<std::runtime_error>(
                   [&empty] { apps::read_run(empty.path()); }),
               ContainsSubstring("summary.json"));
  }
  SECTION("a summary that is not JSON") {
    nn::write_file_atomically(folder.file("summary.json"), "{\"model\": ");
    CHECK_THAT(complaint(), ContainsSubstring("summary.json"));
  }
  SECTION("a summary without its number of steps") {
    damage(folder.file("summary.json"), "\"steps\"", "\"stairs\"");
    CHECK_THAT(complaint(),
               ContainsSubstring("summary.json") && ContainsSubstring("steps"));
  }
  SECTION("an empty table") {
    nn::write_file_atomically(folder.file("steps.csv"), "");
    CHECK_THAT(complaint(), ContainsSubstring("steps.csv"));
  }
  SECTION("another header") {
    damage(folder.file("steps.csv"), "loss", "gain");
    CHECK_THAT(complaint(),
               ContainsSubstring("steps.csv:1:") &&
                   ContainsSubstring("step,epoch,gain"));
  }
  SECTION("a column too few") {
    damage(folder.file("history.csv"), "\n2,6,", "\n2,");
    CHECK_THAT(
        complaint(),
        ContainsSubstring("history.csv:3:") && ContainsSubstring("8 fields"));
  }
  SECTION("text for a number") {
    damage(folder.file("history.csv"), "\n1,3,", "\n1,3,x");
    CHECK_THAT(complaint(),
               ContainsSubstring("history.csv:2:") &&
                   ContainsSubstring("learning_rate"));
  }
  SECTION("a number that is not finite") {
    nn::write_file_atomically(folder.file("steps.csv"),
                              "step,epoch,loss\n1,1,nan\n");
    CHECK_THAT(complaint(),
               ContainsSubstring("steps.csv:2:") && ContainsSubstring("loss"));
  }
  SECTION("a step left out") {
    damage(folder.file("steps.csv"), "\n2,1,", "\n3,1,");
    CHECK_THAT(complaint(), ContainsSubstring("steps.csv:3:"));
  }
  SECTION("a class that does not exist") {
    damage(folder.file("predictions.csv"), "\n0,0,", "\n0,10,");
    CHECK_THAT(complaint(),
               ContainsSubstring("predictions.csv:2:") &&
                   ContainsSubstring("label") && ContainsSubstring("'10'"));
  }
  SECTION("a last line cut off") {
    std::string text = nn::read_file(folder.file("predictions.csv"));
    text.resize(text.size() - 3);
    nn::write_file_atomically(folder.file("predictions.csv"), text);
    CHECK_THAT(complaint(), ContainsSubstring("predictions.csv:21:"));
  }
  SECTION("a last row gone") {
    std::string text = nn::read_file(folder.file("predictions.csv"));
    text.resize(text.rfind('\n', text.size() - 2) + 1);
    nn::write_file_atomically(folder.file("predictions.csv"), text);
    CHECK_THAT(complaint(),
               ContainsSubstring("predictions.csv") &&
                   ContainsSubstring("expected 20 rows") &&
                   ContainsSubstring("found 19"));
  }
  SECTION("cells of the confusion matrix in another order") {
    damage(folder.file("confusion.csv"), "\n0,1,", "\n1,0,");
    CHECK_THAT(complaint(), ContainsSubstring("confusion.csv:3:"));
  }
  SECTION("a layer that is not the network's") {
    damage(folder.file("layers.csv"), "\n1,ReLU,", "\n1,Tanh,");
    CHECK_THAT(complaint(),
               ContainsSubstring("layers.csv:3:") &&
                   ContainsSubstring("expected 'ReLU'") &&
                   ContainsSubstring("'Tanh'"));
  }
  SECTION("a layer left out") {
    std::string text = nn::read_file(folder.file("layers.csv"));
    text.resize(text.rfind('\n', text.size() - 2) + 1);
    nn::write_file_atomically(folder.file("layers.csv"), text);
    CHECK_THAT(complaint(),
               ContainsSubstring("layers.csv") &&
                   ContainsSubstring("expected 2 rows"));
  }
  SECTION("an image of fewer pixels than its size says") {
    damage(folder.file("images.csv"), "\n0,0,2,3,", "\n0,0,3,3,");
    CHECK_THAT(complaint(),
               ContainsSubstring("images.csv:2:") &&
                   ContainsSubstring("expected 9 bytes"));
  }
  SECTION("a pixel that is no number") {
    damage(folder.file("images.csv"), "\n7,7,1,1,80", "\n7,7,1,1,8x");
    CHECK_THAT(complaint(), ContainsSubstring("images.csv:3:"));
  }
  SECTION("images out of order") {
    damage(folder.file("images.csv"), "\n7,7,1,1,", "\n0,7,1,1,");
    CHECK_THAT(
        complaint(),
        ContainsSubstring("images.csv:3:") && ContainsSubstring("index"));
  }
  SECTION("a top image that is not in the test set") {
    damage(folder.file("top3.csv"),
           "\n0,1," + std::to_string(run.top3[0].index) + ",",
           "\n0,1,20,");
    CHECK_THAT(complaint(),
               ContainsSubstring("top3.csv:2:") && ContainsSubstring("index"));
  }
}

TEST_CASE("what a damaged run still holds is read, with its problems",
          "[apps][run][errors]") {
  const nn_test::TemporaryDirectory folder;
  apps::write_run_tables(folder.path(), sample_run());
  damage(folder.file("steps.csv"), "\n2,1,", "\n3,1,");
  std::vector<std::string> problems;
  const apps::Run run = apps::read_run(apps::RunFiles(folder.path()), problems);
  REQUIRE(problems.size() == 1);
  CHECK_THAT(problems[0], ContainsSubstring("steps.csv:3:"));
  CHECK(run.steps.empty());
  CHECK(run.history.size() == 2);
  CHECK(run.top3.size() == 30);
}

TEST_CASE("without a summary the tables are still read",
          "[apps][run][errors]") {
  const nn_test::TemporaryDirectory folder;
  const apps::Run written = sample_run();
  apps::write_run_tables(folder.path(), written);
  nn::write_file_atomically(folder.file("summary.json"), "{");
  std::vector<std::string> problems;
  const apps::Run run = apps::read_run(apps::RunFiles(folder.path()), problems);
  REQUIRE(problems.size() == 1);
  CHECK_THAT(problems[0], ContainsSubstring("summary.json"));
  CHECK(run.summary.is_null());
  CHECK(run.history.size() == written.history.size());
  CHECK(run.steps.size() == written.steps.size());
  CHECK(run.predictions.size() == written.predictions.size());
  CHECK(run.confusion.size() == written.confusion.size());
  CHECK(run.top3.size() == written.top3.size());
  CHECK(run.images.size() == written.images.size());
  CHECK(run.layers.size() == written.layers.size());
}

TEST_CASE("a run of any number of classes is read as it was written",
          "[apps][run]") {
  for (const int classes : {2, 26, 62, apps::kMostClasses}) {
    CAPTURE(classes);
    nn::Rng rng(5);
    apps::Run run = sample_run();
    run.classes = classes;
    run.predictions.clear();
    run.images.clear();
    for (int i = 0; i < 20; ++i) {
      apps::Prediction p;
      p.index = i;
      p.label = i % classes;
      p.predicted = static_cast<int>(rng.index(classes));
      for (int c = 0; c < classes; ++c) {
        p.probability.push_back(rng.uniform() / classes);
      }
      run.predictions.push_back(p);
    }
    apps::derive_tables(run);
    REQUIRE(run.confusion.size() == static_cast<std::size_t>(classes) *
                                        static_cast<std::size_t>(classes));
    for (const bool named : {true, false}) {
      if (named) {
        run.summary["dataset"]["class_names"] =
            std::vector<std::string>(static_cast<std::size_t>(classes), "c");
      } else {
        run.summary["dataset"].erase("class_names");
      }
      const nn_test::TemporaryDirectory folder;
      apps::write_run_tables(folder.path(), run);
      const apps::Run read = apps::read_run(folder.path());
      CHECK(read.classes == classes);
      REQUIRE(read.predictions.size() == run.predictions.size());
      CHECK(read.predictions[7].probability == run.predictions[7].probability);
      CHECK(read.confusion.size() == run.confusion.size());
      CHECK(read.top3.size() == run.top3.size());
    }
  }
}

TEST_CASE("a run with too few names of classes keeps its tables",
          "[apps][run][errors]") {
  apps::Run run = sample_run();
  run.summary["dataset"]["class_names"] = {"a", "b", "c"};
  const nn_test::TemporaryDirectory folder;
  apps::write_run_tables(folder.path(), run);
  std::vector<std::string> problems;
  const apps::Run read =
      apps::read_run(apps::RunFiles(folder.path()), problems);
  CHECK(read.classes == kClasses);
  CHECK(read.predictions.size() == run.predictions.size());
  CHECK(read.confusion.size() == run.confusion.size());
  CHECK(read.top3.size() == run.top3.size());
  CHECK(apps::run_names(read).classes[1] == "1");
  REQUIRE(problems.size() == 1);
  CHECK_THAT(problems[0],
             ContainsSubstring("expected the names of 10 classes, found 3"));
}

TEST_CASE("names of classes that are alike as shown have their numbers",
          "[apps][run]") {
  apps::Run run = sample_run();
  std::vector<std::string> names(kClasses, std::string(30, 'x'));
  names[0] = "a";
  for (std::size_t c = 1; c < names.size(); ++c) names[c] += std::to_string(c);
  run.summary["dataset"]["class_names"] = names;
  const std::vector<std::string> shown = apps::run_names(run).classes;
  CHECK(shown[0] == "a");
  CHECK(std::set<std::string>(shown.begin(), shown.end()).size() == kClasses);
  CHECK_THAT(shown[7], StartsWith("7 xxx"));
}

TEST_CASE("predictions of other classes than the run's are refused",
          "[apps][run][errors]") {
  apps::Run run = sample_run();
  run.predictions[3].probability.pop_back();
  CHECK_THROWS_AS(apps::derive_tables(run), std::invalid_argument);
  run = sample_run();
  run.predictions[3].predicted = kClasses;
  CHECK_THROWS_AS(apps::derive_tables(run), std::invalid_argument);
}
