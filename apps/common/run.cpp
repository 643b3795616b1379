#include "common/run.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include "nn/check.h"
#include "nn/file.h"

namespace apps {
namespace {

constexpr int kTopImages = 3;

constexpr const char* kSummaryFile = "summary.json";
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
constexpr const char* kPredictionsHeader =
    "index,label,predicted,p0,p1,p2,p3,p4,p5,p6,p7,p8,p9";
constexpr const char* kConfusionHeader =
    "label,predicted,count,share,mean_probability";
constexpr const char* kTopHeader = "class,rank,index,label,probability";
constexpr const char* kImagesHeader = "index,label,height,width,gray";
constexpr const char* kLayersHeader =
    "layer,name,forward_seconds,backward_seconds";

std::string path_of(const std::string& directory, const char* file) {
  return directory + "/" + file;
}

/// Two digits a byte.
std::string hex(const std::vector<std::uint8_t>& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte / 16];
    text += kDigits[byte % 16];
  }
  return text;
}

/// Builds the text of a CSV file. Numbers get the fewest digits that read back
/// as the same value, whatever the locale.
class CsvText {
 public:
  explicit CsvText(const char* header) : text_(header) { text_ += '\n'; }

  template <typename Number, typename... Rest>
  void row(const Number& first, const Rest&... rest) {
    add(first);
    ((text_ += ',', add(rest)), ...);
    text_ += '\n';
  }

  void add(const std::string& word) { text_ += word; }
  template <typename Number>
  void add(const Number& number) {
    char digits[32];
    const std::to_chars_result end =
        std::to_chars(digits, digits + sizeof digits, number);
    text_.append(digits, end.ptr);
  }
  void add_separator(char separator) { text_ += separator; }

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

/// Reads a CSV file row by row, telling file and line of whatever is wrong.
class CsvReader {
 public:
  CsvReader(std::string path, std::string_view header)
      : path_(std::move(path)), text_(nn::read_file(path_)) {
    std::string_view line;
    if (!next_line(line)) {
      throw std::runtime_error(nn::concat(
          path_, ": expected a header line '", header, "', found nothing"));
    }
    if (line != header) fail("expected the header '", header, "'", line);
    columns_ = split(header);
  }

  /// Goes to the next row. False at the end of the file.
  bool next_row() {
    std::string_view line;
    if (!next_line(line)) return false;
    fields_ = split(line);
    next_field_ = 0;
    if (fields_.size() != columns_.size()) {
      fail("expected ", columns_.size(), " fields", line);
    }
    ++rows_;
    return true;
  }

  /// The next field, a whole number in low .. high.
  template <typename Integer>
  Integer whole(Integer low, Integer high) {
    Integer value{};
    if (!parse(field(), value) || value < low || value > high) {
      if (low == high) {
        fail_field("expected ", low);
      } else if (high == std::numeric_limits<Integer>::max()) {
        fail_field("expected a whole number of at least ", low);
      } else {
        fail_field("expected a whole number from ", low, " to ", high);
      }
    }
    ++next_field_;
    return value;
  }

  /// The next field, a finite number in low .. high.
  double number(double low, double high) {
    double value = 0.0;
    if (!parse(field(), value) || !std::isfinite(value) || value < low ||
        value > high) {
      if (std::isfinite(high)) {
        fail_field("expected a number from ", low, " to ", high);
      }
      fail_field("expected a finite number of at least ", low);
    }
    ++next_field_;
    return value;
  }
  /// The next field, which is to be `wanted` unless that is empty.
  std::string word(std::string_view wanted) {
    const std::string_view found = field();
    if (found.empty() || (!wanted.empty() && found != wanted)) {
      fail_field("expected ",
                 wanted.empty() ? "a name" : "'" + std::string(wanted) + "'");
    }
    ++next_field_;
    return std::string(found);
  }
  /// The next field, `count` bytes of two hexadecimal digits each.
  std::vector<std::uint8_t> bytes(std::size_t count) {
    const std::string_view text = field();
    std::vector<std::uint8_t> out(count);
    bool whole = text.size() == 2 * count;
    for (std::size_t i = 0; whole && i < count; ++i) {
      const char* digits = text.data() + 2 * i;
      const auto result =
          std::from_chars(digits, digits + 2, out[i], /*base=*/16);
      whole = result.ec == std::errc() && result.ptr == digits + 2;
    }
    if (!whole) {
      fail_field("expected ", count, " bytes of two hexadecimal digits each");
    }
    ++next_field_;
    return out;
  }
  double not_negative() {
    return number(0.0, std::numeric_limits<double>::infinity());
  }
  double share() { return number(0.0, 1.0); }

  std::size_t rows() const { return rows_; }

  void expect_rows(std::optional<std::size_t> wanted,
                   const char* reason) const {
    if (wanted && rows_ != *wanted) {
      throw std::runtime_error(nn::concat(
          path_, ": expected ", *wanted, " rows, ", reason, ", found ", rows_));
    }
  }

 private:
  static std::vector<std::string_view> split(std::string_view line) {
    std::vector<std::string_view> fields;
    std::size_t start = 0;
    for (;;) {
      const std::size_t end = line.find(',', start);
      fields.push_back(line.substr(start, end - start));
      if (end == line.npos) return fields;
      start = end + 1;
    }
  }

  template <typename Number>
  static bool parse(std::string_view text, Number& value) {
    const char* end = text.data() + text.size();
    const std::from_chars_result result =
        std::from_chars(text.data(), end, value);
    return result.ec == std::errc() && result.ptr == end;
  }

  bool next_line(std::string_view& line) {
    if (position_ == text_.size()) return false;
    ++line_;
    const std::size_t end = text_.find('\n', position_);
    if (end == text_.npos) {
      // Every line is written with its end: here a tail is missing.
      fail("expected a line feed at the end of the line",
           std::string_view(text_).substr(position_));
    }
    line = std::string_view(text_).substr(position_, end - position_);
    position_ = end + 1;
    return true;
  }

  std::string_view field() const { return fields_[next_field_]; }

  /// The last of `parts` is what was found.
  template <typename... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    const std::vector<std::string> texts = {nn::concat(parts)...};
    std::string wanted;
    for (std::size_t i = 0; i + 1 < texts.size(); ++i) wanted += texts[i];
    constexpr std::size_t kMaxQuoted = 80;
    throw std::runtime_error(nn::concat(path_,
                                        ":",
                                        line_,
                                        ": ",
                                        wanted,
                                        ", found '",
                                        texts.back().substr(0, kMaxQuoted),
                                        "'"));
  }
  template <typename... Parts>
  [[noreturn]] void fail_field(const Parts&... parts) const {
    fail("column ", columns_[next_field_], ": ", parts..., field());
  }

  std::string path_;
  std::string text_;
  std::size_t position_ = 0;
  long line_ = 0;
  std::size_t rows_ = 0;
  std::size_t next_field_ = 0;
  std::vector<std::string_view> columns_;
  std::vector<std::string_view> fields_;
};

nlohmann::json read_summary(const std::string& path) {
  const std::string text = nn::read_file(path);
  try {
    nlohmann::json summary = nlohmann::json::parse(text);
    for (const char* key : {"model", "backend"}) {
      if (!summary.at(key).is_string()) {
        throw std::runtime_error(
            nn::concat(path, ": expected text under '", key, "'"));
      }
    }
    return summary;
  } catch (const nlohmann::json::exception& error) {
    throw std::runtime_error(
        nn::concat(path, ": expected a run's summary: ", error.what()));
  }
}

/// Nothing without a summary: then a table is all there is to go by.
std::optional<std::size_t> size_in_summary(const std::string& path,
                                           const nlohmann::json& summary,
                                           const char* pointer) {
  if (summary.is_null()) return std::nullopt;
  const nlohmann::json::json_pointer at{std::string(pointer)};
  if (!summary.contains(at) || !summary.at(at).is_number_unsigned()) {
    throw std::runtime_error(nn::concat(
        path, ": expected a whole number of at least 0 under ", pointer));
  }
  return summary.at(at).get<std::size_t>();
}

template <typename Integer>
constexpr Integer kNoLimit = std::numeric_limits<Integer>::max();

void read_history(const std::string& path, Run& run) {
  CsvReader csv(path, kHistoryHeader);
  long step = 0;
  while (csv.next_row()) {
    const int expected_epoch = static_cast<int>(csv.rows());
    EpochRow row;
    row.epoch = csv.whole(expected_epoch, expected_epoch);
    row.step = csv.whole(step + 1, kNoLimit<long>);
    row.learning_rate = csv.not_negative();
    row.train_loss = csv.not_negative();
    row.test_loss = csv.not_negative();
    row.train_accuracy = csv.share();
    row.test_accuracy = csv.share();
    row.train_seconds = csv.not_negative();
    step = row.step;
    run.history.push_back(row);
  }
  csv.expect_rows(size_in_summary(path, run.summary, "/results/final/epoch"),
                  "the summary's number of epochs");
}

void read_steps(const std::string& path, Run& run) {
  CsvReader csv(path, kStepsHeader);
  const auto epochs =
      size_in_summary(path, run.summary, "/results/final/epoch");
  const int last_epoch = epochs ? static_cast<int>(*epochs) : kNoLimit<int>;
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
  csv.expect_rows(size_in_summary(path, run.summary, "/steps"),
                  "the summary's number of steps");
}

void read_predictions(const std::string& path, Run& run) {
  CsvReader csv(path, kPredictionsHeader);
  while (csv.next_row()) {
    const int expected_index = static_cast<int>(csv.rows()) - 1;
    Prediction row;
    row.index = csv.whole(expected_index, expected_index);
    row.label = csv.whole(0, kClasses - 1);
    row.predicted = csv.whole(0, kClasses - 1);
    for (double& p : row.probability) p = csv.share();
    run.predictions.push_back(row);
  }
  csv.expect_rows(size_in_summary(path, run.summary, "/dataset/test_images"),
                  "the summary's number of test images");
}

void read_confusion(const std::string& path, Run& run) {
  CsvReader csv(path, kConfusionHeader);
  while (csv.next_row()) {
    const int cell = static_cast<int>(csv.rows()) - 1;
    ConfusionCell row;
    row.label = csv.whole(cell / kClasses, cell / kClasses);
    row.predicted = csv.whole(cell % kClasses, cell % kClasses);
    row.count = csv.whole(0L, kNoLimit<long>);
    row.share = csv.share();
    row.mean_probability = csv.share();
    run.confusion.push_back(row);
  }
  csv.expect_rows(kClasses * kClasses, "a cell for every pair of classes");
}

int images_in_summary(const std::string& path, const nlohmann::json& summary) {
  const auto images = size_in_summary(path, summary, "/dataset/test_images");
  return images ? static_cast<int>(*images) : kNoLimit<int>;
}

void read_top(const std::string& path, Run& run) {
  CsvReader csv(path, kTopHeader);
  const int images = images_in_summary(path, run.summary);
  const int ranks = std::min(kTopImages, images);
  while (csv.next_row()) {
    const int i = static_cast<int>(csv.rows()) - 1;
    const int expected_class = ranks > 0 ? i / ranks : 0;
    const int expected_rank = ranks > 0 ? i % ranks + 1 : 1;
    TopImage row;
    row.label_class = csv.whole(expected_class, expected_class);
    row.rank = csv.whole(expected_rank, expected_rank);
    row.index = csv.whole(0, images - 1);
    row.label = csv.whole(0, kClasses - 1);
    row.probability = csv.share();
    run.top3.push_back(row);
  }
  csv.expect_rows(static_cast<std::size_t>(kClasses * ranks),
                  "the best images of every class");
}

void read_images(const std::string& path, Run& run) {
  CsvReader csv(path, kImagesHeader);
  const int images = images_in_summary(path, run.summary);
  int next = 0;
  while (csv.next_row()) {
    constexpr int kMostPixels = 4096;  // on a side; a damaged size ends here
    ShownImage row;
    row.index = csv.whole(next, images - 1);
    row.label = csv.whole(0, kClasses - 1);
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
    names.push_back(named ? layer.at("name").get<std::string>() : "");
  }
  if (!names.empty() && names.back() == "Softmax") names.pop_back();
  return names;
}

void read_layers(const std::string& path, Run& run) {
  CsvReader csv(path, kLayersHeader);
  const auto names = timed_in_summary(path, run.summary);
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
    csv.expect_rows(names->size(), "the summary's layers but a final Softmax");
  }
}

}  // namespace

void derive_tables(Run& run) {
  run.confusion.assign(kClasses * kClasses, ConfusionCell{});
  std::array<long, kClasses> images_of_label{};
  const auto cell = [&run](int label, int predicted) -> ConfusionCell& {
    return run
        .confusion[static_cast<std::size_t>(label * kClasses + predicted)];
  };
  for (const Prediction& prediction : run.predictions) {
    const auto is_class = [](int value) {
      return value >= 0 && value < kClasses;
    };
    nn::check_argument(
        is_class(prediction.label) && is_class(prediction.predicted),
        "[derive_tables] expected classes from 0 to ",
        kClasses - 1,
        ", got label ",
        prediction.label,
        " and prediction ",
        prediction.predicted);
    ++images_of_label[static_cast<std::size_t>(prediction.label)];
    ++cell(prediction.label, prediction.predicted).count;
    for (int c = 0; c < kClasses; ++c) {
      cell(prediction.label, c).mean_probability +=
          prediction.probability[static_cast<std::size_t>(c)];
    }
  }
  for (int label = 0; label < kClasses; ++label) {
    const long images = images_of_label[static_cast<std::size_t>(label)];
    for (int predicted = 0; predicted < kClasses; ++predicted) {
      ConfusionCell& entry = cell(label, predicted);
      entry.label = label;
      entry.predicted = predicted;
      if (images == 0) continue;
      const double n = static_cast<double>(images);
      entry.share = static_cast<double>(entry.count) / n;
      // The sum's rounding may exceed n by an ulp.
      entry.mean_probability = std::min(1.0, entry.mean_probability / n);
    }
  }

  run.top3.clear();
  std::vector<const Prediction*> order;
  for (const Prediction& prediction : run.predictions) {
    order.push_back(&prediction);
  }
  const auto ranks = static_cast<std::ptrdiff_t>(
      std::min<std::size_t>(kTopImages, order.size()));
  for (int c = 0; c < kClasses; ++c) {
    const std::size_t column = static_cast<std::size_t>(c);
    std::partial_sort(order.begin(),
                      order.begin() + ranks,
                      order.end(),
                      [column](const Prediction* a, const Prediction* b) {
                        const double pa = a->probability[column];
                        const double pb = b->probability[column];
                        return pa != pb ? pa > pb : a->index < b->index;
                      });
    for (std::ptrdiff_t rank = 0; rank < ranks; ++rank) {
      const Prediction& best = *order[static_cast<std::size_t>(rank)];
      run.top3.push_back({c,
                          static_cast<int>(rank) + 1,
                          best.index,
                          best.label,
                          best.probability[column]});
    }
  }
}

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
  CsvText predictions(kPredictionsHeader);
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
    images.row(row.index, row.label, row.height, row.width, hex(row.gray));
  }
  CsvText layers(kLayersHeader);
  for (const LayerTime& row : run.layers) {
    layers.row(row.layer, row.name, row.forward_seconds, row.backward_seconds);
  }

  const auto write = [&directory](const char* file, const std::string& text) {
    nn::write_file_atomically(path_of(directory, file), text);
  };
  write(kHistoryFile, history.text());
  write(kStepsFile, steps.text());
  write(kPredictionsFile, predictions.text());
  write(kConfusionFile, confusion.text());
  write(kTopFile, top.text());
  write(kImagesFile, images.text());
  write(kLayersFile, layers.text());
  // Folder names in it may hold any bytes; JSON is UTF-8.
  write(kSummaryFile,
        run.summary.dump(
            2, ' ', false, nlohmann::json::error_handler_t::replace) +
            "\n");
}

Run read_run(const std::string& directory) {
  Run run;
  const std::string summary = path_of(directory, kSummaryFile);
  run.summary = read_summary(summary);
  for (const char* pointer :
       {"/results/final/epoch", "/steps", "/dataset/test_images"}) {
    size_in_summary(summary, run.summary, pointer);
  }
  read_history(path_of(directory, kHistoryFile), run);
  read_steps(path_of(directory, kStepsFile), run);
  read_predictions(path_of(directory, kPredictionsFile), run);
  read_confusion(path_of(directory, kConfusionFile), run);
  read_top(path_of(directory, kTopFile), run);
  read_images(path_of(directory, kImagesFile), run);
  read_layers(path_of(directory, kLayersFile), run);
  return run;
}

Run read_run(const std::string& directory, std::vector<std::string>& problems) {
  Run run;
  const auto attempt = [&problems](const auto& read) {
    try {
      read();
      return true;
    } catch (const std::runtime_error& error) {
      problems.emplace_back(error.what());
      return false;
    }
  };
  const std::string summary = path_of(directory, kSummaryFile);
  attempt([&] { run.summary = read_summary(summary); });
  const auto table = [&](const char* file, auto read, auto& rows) {
    if (!attempt([&] { read(path_of(directory, file), run); })) rows.clear();
  };
  table(kHistoryFile, read_history, run.history);
  table(kStepsFile, read_steps, run.steps);
  table(kPredictionsFile, read_predictions, run.predictions);
  table(kConfusionFile, read_confusion, run.confusion);
  table(kTopFile, read_top, run.top3);
  table(kImagesFile, read_images, run.images);
  table(kLayersFile, read_layers, run.layers);
  return run;
}

}  // namespace apps
