#include "common/run.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "common/csv.h"
#include "common/input_file.h"
#include "common/parse_json.h"
#include "common/printable.h"
#include "common/run_files.h"
#include "nn/check.h"
#include "nn/files/file.h"

namespace apps {
namespace {

constexpr const char* kHistoryFile = "history.csv";
constexpr const char* kStepsFile = "steps.csv";
constexpr const char* kPredictionsFile = "predictions.csv";
constexpr const char* kConfusionFile = "confusion.csv";
constexpr const char* kTopFile = "top3.csv";
constexpr const char* kImagesFile = "images.csv";
constexpr const char* kLayersFile = "layers.csv";

constexpr const char* kHistoryHeader =
    "epoch,step,learning_rate,train_loss,test_loss,train_accuracy,"
    "test_accuracy,train_seconds";
constexpr const char* kStepsHeader = "step,epoch,loss";
constexpr const char* kConfusionHeader =
    "label,predicted,count,share,mean_probability";
constexpr const char* kTopHeader = "class,rank,index,label,probability";
constexpr const char* kImagesHeader = "index,label,height,width,gray";
constexpr const char* kLayersHeader =
    "layer,name,forward_seconds,backward_seconds";

void write_file(const std::string& directory,
                const char* file,
                const std::string& text) {
  nn::write_file_atomically(directory + "/" + file, text);
}

// What reading takes from a file (docs/artifacts.md): many times what any run
// writes, and little enough that a damaged run cannot stop the others.
constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::size_t kMostSummaryBytes = 4 * kMiB;
constexpr std::size_t kMostRowsBytes = 64 * kMiB;
constexpr std::size_t kMostPredictionsBytes = 256 * kMiB;
constexpr std::size_t kMostConfusionBytes = 8 * kMiB;
constexpr std::size_t kMostHistoryBytes = 16 * kMiB;
constexpr std::size_t kMostImagesBytes = 64 * kMiB;
constexpr std::size_t kMostShortBytes = kMiB / 16;

/// "index,label,predicted,p0,p1" for two classes.
std::string predictions_header(int classes) {
  std::string header = "index,label,predicted";
  for (int c = 0; c < classes; ++c) header += ",p" + std::to_string(c);
  return header;
}

CsvReader open_table(const RunFiles& files,
                     const char* file,
                     std::string_view header,
                     std::size_t most_bytes) {
  return {files.path(file), files.read(file, most_bytes), header};
}

nlohmann::json read_summary(const RunFiles& files) {
  const std::string path = files.path(kSummaryFile);
  const std::string text = files.read(kSummaryFile, kMostSummaryBytes);
  nlohmann::json summary;
  try {
    summary = parse_json(text);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(
        nn::concat(path, ": expected a run's summary: ", error.what()));
  }
  for (const char* key : {"model", "backend"}) {
    if (!summary.is_object() || !summary.contains(key) ||
        !summary.at(key).is_string()) {
      throw std::runtime_error(nn::concat(
          path, ": expected a run's summary with a text under '", key, "'"));
    }
  }
  return summary;
}

/// Nothing without a summary: then a table is all there is to go by.
std::optional<long> count_in_summary(const std::string& path,
                                     const nlohmann::json& summary,
                                     const char* pointer) {
  if (summary.is_null()) return std::nullopt;
  const nlohmann::json::json_pointer at{std::string(pointer)};
  constexpr auto kMost = static_cast<std::uint64_t>(CsvReader::kMostCount);
  if (!summary.contains(at) || !summary.at(at).is_number_unsigned() ||
      summary.at(at).get<std::uint64_t>() > kMost) {
    throw std::runtime_error(nn::concat(path,
                                        ": expected a whole number from 0 to ",
                                        kMost,
                                        " under ",
                                        pointer));
  }
  return summary.at(at).get<long>();
}

/// The names of the classes in the summary; null if there are none.
const nlohmann::json* find_class_names(const nlohmann::json& summary) {
  const nlohmann::json::json_pointer at("/dataset/class_names");
  if (!summary.is_object() || !summary.contains(at)) return nullptr;
  const nlohmann::json& names = summary.at(at);
  return names.is_array() ? &names : nullptr;
}

/// The number of classes: as the text of the predictions has columns; without
/// these, as the summary has names; without these, MNIST's.
int count_classes(const std::string& predictions,
                  const nlohmann::json& summary) {
  const auto fits = [](std::ptrdiff_t count) {
    return count >= 2 && count <= kMostClasses;
  };
  const std::string header = predictions.substr(0, predictions.find('\n'));
  const auto count = std::count(header.begin(), header.end(), ',') - 2;
  if (fits(count) && header == predictions_header(static_cast<int>(count))) {
    return static_cast<int>(count);
  }
  const nlohmann::json* names = find_class_names(summary);
  const auto named =
      names == nullptr ? 0 : static_cast<std::ptrdiff_t>(names->size());
  return fits(named) ? static_cast<int>(named) : 10;
}

/// Of a run without names the classes have numbers.
void check_class_names(const RunFiles& files, const Run& run) {
  const nlohmann::json* names = find_class_names(run.summary);
  if (names != nullptr &&
      names->size() != static_cast<std::size_t>(run.classes)) {
    throw std::runtime_error(nn::concat(files.path(kSummaryFile),
                                        ": expected the names of ",
                                        run.classes,
                                        " classes, found ",
                                        names->size()));
  }
}

void read_history(const RunFiles& files, Run& run) {
  CsvReader csv =
      open_table(files, kHistoryFile, kHistoryHeader, kMostHistoryBytes);
  long step = 0;
  while (csv.next_row()) {
    const int expected_epoch = static_cast<int>(csv.rows());
    EpochRow row;
    row.epoch = csv.whole(expected_epoch, expected_epoch);
    row.step = csv.whole(step + 1, CsvReader::kMostCount);
    row.learning_rate = csv.not_negative();
    row.train_loss = csv.not_negative();
    row.test_loss = csv.not_negative();
    row.train_accuracy = csv.share();
    row.test_accuracy = csv.share();
    row.train_seconds = csv.not_negative();
    step = row.step;
    run.history.push_back(row);
  }
  csv.expect_rows(
      count_in_summary(
          files.path(kHistoryFile), run.summary, "/results/final/epoch"),
      "the summary's number of epochs");
}

void read_steps(const RunFiles& files, Run& run) {
  CsvReader csv = open_table(files, kStepsFile, kStepsHeader, kMostRowsBytes);
  const std::string path = files.path(kStepsFile);
  const auto epochs =
      count_in_summary(path, run.summary, "/results/final/epoch");
  const auto last_epoch =
      static_cast<int>(epochs.value_or(CsvReader::kMostCount));
  int epoch = 1;
  while (csv.next_row()) {
    const long expected_step = static_cast<long>(csv.rows());
    StepRow row;
    row.step = csv.whole(expected_step, expected_step);
    row.epoch = csv.whole(epoch, last_epoch);
    row.loss = csv.not_negative();
    epoch = row.epoch;
    run.steps.push_back(row);
  }
  csv.expect_rows(count_in_summary(path, run.summary, "/steps"),
                  "the summary's number of steps");
}

void read_predictions(const RunFiles& files, std::string text, Run& run) {
  CsvReader csv(files.path(kPredictionsFile),
                std::move(text),
                predictions_header(run.classes));
  while (csv.next_row()) {
    const int expected_index = static_cast<int>(csv.rows()) - 1;
    Prediction row;
    row.index = csv.whole(expected_index, expected_index);
    row.label = csv.whole(0, run.classes - 1);
    row.predicted = csv.whole(0, run.classes - 1);
    row.probability.resize(static_cast<std::size_t>(run.classes));
    for (double& p : row.probability) p = csv.share();
    run.predictions.push_back(std::move(row));
  }
  csv.expect_rows(
      count_in_summary(
          files.path(kPredictionsFile), run.summary, "/dataset/test_images"),
      "the summary's number of test images");
}

void read_confusion(const RunFiles& files, Run& run) {
  CsvReader csv =
      open_table(files, kConfusionFile, kConfusionHeader, kMostConfusionBytes);
  while (csv.next_row()) {
    const int cell = static_cast<int>(csv.rows()) - 1;
    ConfusionCell row;
    row.label = csv.whole(cell / run.classes, cell / run.classes);
    row.predicted = csv.whole(cell % run.classes, cell % run.classes);
    row.count = csv.whole(0L, CsvReader::kMostCount);
    row.share = csv.share();
    row.mean_probability = csv.share();
    run.confusion.push_back(row);
  }
  csv.expect_rows(run.classes * run.classes,
                  "a cell for every pair of classes");
}

int images_in_summary(const std::string& path, const nlohmann::json& summary) {
  return static_cast<int>(
      count_in_summary(path, summary, "/dataset/test_images")
          .value_or(CsvReader::kMostCount));
}

void read_top(const RunFiles& files, Run& run) {
  CsvReader csv = open_table(files, kTopFile, kTopHeader, kMostShortBytes);
  const int images = images_in_summary(files.path(kTopFile), run.summary);
  const int ranks = std::min(kTopImages, images);
  while (csv.next_row()) {
    const int i = static_cast<int>(csv.rows()) - 1;
    const int expected_class = ranks > 0 ? i / ranks : 0;
    const int expected_rank = ranks > 0 ? i % ranks + 1 : 1;
    TopImage row;
    row.label_class = csv.whole(expected_class, expected_class);
    row.rank = csv.whole(expected_rank, expected_rank);
    row.index = csv.whole(0, images - 1);
    row.label = csv.whole(0, run.classes - 1);
    row.probability = csv.share();
    run.top3.push_back(row);
  }
  csv.expect_rows(run.classes * ranks, "the best images of every class");
}

void read_images(const RunFiles& files, Run& run) {
  CsvReader csv =
      open_table(files, kImagesFile, kImagesHeader, kMostImagesBytes);
  const int images = images_in_summary(files.path(kImagesFile), run.summary);
  int next = 0;
  while (csv.next_row()) {
    constexpr int kMostPixels = 4096;  // on a side; a damaged size ends here
    ShownImage row;
    row.index = csv.whole(next, images - 1);
    row.label = csv.whole(0, run.classes - 1);
    row.height = csv.whole(1, kMostPixels);
    row.width = csv.whole(1, kMostPixels);
    row.gray = csv.bytes(static_cast<std::size_t>(row.height) *
                         static_cast<std::size_t>(row.width));
    next = row.index + 1;
    run.images.push_back(std::move(row));
  }
}

/// The names of the layers that the summary lists and that are timed.
std::optional<std::vector<std::string>> timed_in_summary(
    const std::string& path, const nlohmann::json& summary) {
  if (summary.is_null()) return std::nullopt;
  const nlohmann::json::json_pointer at("/network/layers");
  if (!summary.contains(at) || !summary.at(at).is_array()) {
    throw std::runtime_error(
        nn::concat(path, ": expected a list under ", at.to_string()));
  }
  std::vector<std::string> names;
  for (const nlohmann::json& layer : summary.at(at)) {
    const bool named = layer.is_object() && layer.contains("name") &&
                       layer.at("name").is_string();
    names.push_back(
        named ? printable(layer.at("name").get<std::string>(), kMostName) : "");
  }
  if (!names.empty() && names.back() == "Softmax") names.pop_back();
  return names;
}

void read_layers(const RunFiles& files, Run& run) {
  CsvReader csv =
      open_table(files, kLayersFile, kLayersHeader, kMostShortBytes);
  const auto names = timed_in_summary(files.path(kLayersFile), run.summary);
  while (csv.next_row()) {
    const int expected_layer = static_cast<int>(csv.rows()) - 1;
    LayerTime row;
    row.layer = csv.whole(expected_layer, expected_layer);
    row.name =
        csv.word(names && csv.rows() <= names->size() ? (*names)[csv.rows() - 1]
                                                      : std::string());
    row.forward_seconds = csv.not_negative();
    row.backward_seconds = csv.not_negative();
    run.layers.push_back(row);
  }
  if (names) {
    csv.expect_rows(static_cast<long>(names->size()),
                    "the summary's layers but a final Softmax");
  }
}

}  // namespace

void write_run_tables(const std::string& directory, const Run& run) {
  CsvText history(kHistoryHeader);
  for (const EpochRow& row : run.history) {
    history.row(row.epoch,
                row.step,
                row.learning_rate,
                row.train_loss,
                row.test_loss,
                row.train_accuracy,
                row.test_accuracy,
                row.train_seconds);
  }
  CsvText steps(kStepsHeader);
  for (const StepRow& row : run.steps) steps.row(row.step, row.epoch, row.loss);
  CsvText predictions(predictions_header(run.classes).c_str());
  for (const Prediction& row : run.predictions) {
    predictions.add(row.index);
    predictions.add_separator(',');
    predictions.add(row.label);
    predictions.add_separator(',');
    predictions.add(row.predicted);
    for (const double p : row.probability) {
      predictions.add_separator(',');
      predictions.add(p);
    }
    predictions.add_separator('\n');
  }
  CsvText confusion(kConfusionHeader);
  for (const ConfusionCell& row : run.confusion) {
    confusion.row(
        row.label, row.predicted, row.count, row.share, row.mean_probability);
  }
  CsvText top(kTopHeader);
  for (const TopImage& row : run.top3) {
    top.row(row.label_class, row.rank, row.index, row.label, row.probability);
  }
  CsvText images(kImagesHeader);
  for (const ShownImage& row : run.images) {
    images.row(row.index, row.label, row.height, row.width, row.gray);
  }
  CsvText layers(kLayersHeader);
  for (const LayerTime& row : run.layers) {
    layers.row(row.layer, row.name, row.forward_seconds, row.backward_seconds);
  }

  write_file(directory, kHistoryFile, history.text());
  write_file(directory, kStepsFile, steps.text());
  write_file(directory, kPredictionsFile, predictions.text());
  write_file(directory, kConfusionFile, confusion.text());
  write_file(directory, kTopFile, top.text());
  write_file(directory, kImagesFile, images.text());
  write_file(directory, kLayersFile, layers.text());
  write_summary(directory, run);
}

void write_summary(const std::string& directory, const Run& run) {
  // Folder names in it may hold any bytes; JSON is UTF-8.
  write_file(directory,
             kSummaryFile,
             run.summary.dump(
                 2, ' ', false, nlohmann::json::error_handler_t::replace) +
                 "\n");
}

RunFiles::RunFiles(std::string directory) : directory_(std::move(directory)) {}

RunFiles::RunFiles(std::string name,
                   std::map<std::string, std::string> contents)
    : directory_(std::move(name)), contents_(std::move(contents)) {}

std::string RunFiles::path(const std::string& file) const {
  return contents_ ? directory_ + "/" + file : run_file(directory_, file);
}

std::string RunFiles::read(const std::string& file,
                           std::size_t most_bytes) const {
  if (!contents_) return read_input(path(file), most_bytes);
  const auto found = contents_->find(file);
  if (found == contents_->end() || found->second.size() > most_bytes) {
    throw std::runtime_error(nn::concat(
        path(file), ": expected a file of at most ", most_bytes, " bytes"));
  }
  return found->second;
}

Run read_run(const std::string& directory) {
  const RunFiles files(directory);
  Run run;
  run.summary = read_summary(files);
  for (const char* pointer :
       {"/results/final/epoch", "/steps", "/dataset/test_images"}) {
    count_in_summary(files.path(kSummaryFile), run.summary, pointer);
  }
  std::string predictions = files.read(kPredictionsFile, kMostPredictionsBytes);
  run.classes = count_classes(predictions, run.summary);
  check_class_names(files, run);
  read_history(files, run);
  read_steps(files, run);
  read_predictions(files, std::move(predictions), run);
  read_confusion(files, run);
  read_top(files, run);
  read_images(files, run);
  read_layers(files, run);
  return run;
}

Run read_run(const RunFiles& files, std::vector<std::string>& problems) {
  Run run;
  const auto attempt = [&problems](const auto& read) {
    try {
      read();
      return true;
    } catch (const std::exception& error) {
      problems.push_back(printable(error.what()));
      return false;
    }
  };
  attempt([&] { run.summary = read_summary(files); });
  std::string predictions;
  const bool has_predictions = attempt([&] {
    predictions = files.read(kPredictionsFile, kMostPredictionsBytes);
  });
  run.classes = count_classes(predictions, run.summary);
  attempt([&] { check_class_names(files, run); });
  const auto table = [&](auto read, auto& rows) {
    if (!attempt([&] { read(files, run); })) rows.clear();
  };
  table(read_history, run.history);
  table(read_steps, run.steps);
  if (has_predictions) {
    const auto read = [&](const RunFiles& from, Run& into) {
      read_predictions(from, std::move(predictions), into);
    };
    table(read, run.predictions);
  }
  table(read_confusion, run.confusion);
  table(read_top, run.top3);
  table(read_images, run.images);
  table(read_layers, run.layers);
  return run;
}

}  // namespace apps
