#ifndef NN_APPS_COMMON_RUN_H_
#define NN_APPS_COMMON_RUN_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace apps {

/// What one training run leaves behind: the content of a run folder
/// (docs/artifacts.md is the schema), as the trainer gathers it and as
/// mnist_report reads it back.

/// The most classes that a run may tell apart: labels of files are bytes.
constexpr int kMostClasses = 256;
/// How many of the highest-scored images of a class are shown.
constexpr int kTopImages = 3;

struct EpochRow {
  int epoch = 0;  ///< counted from 1
  long step = 0;  ///< steps done so far
  double learning_rate = 0;
  double train_loss = 0;  ///< mean over the steps of the epoch, while learning
  double test_loss = 0;
  double train_accuracy = 0;
  double test_accuracy = 0;
  double train_seconds = 0;  ///< of this epoch, without the evaluation
};

struct StepRow {
  long step = 0;  ///< counted from 1
  int epoch = 0;
  double loss = 0;
};

struct Prediction {
  int index = 0;  ///< of the test image
  int label = 0;
  int predicted = 0;
  std::vector<double> probability;  ///< of each class
};

/// One cell of the confusion matrix.
struct ConfusionCell {
  int label = 0;
  int predicted = 0;
  long count = 0;
  double share = 0;             ///< of the row, that is of the label's images
  double mean_probability = 0;  ///< of `predicted` over the label's images
};

struct TopImage {
  int label_class = 0;  ///< the class whose probability is ranked
  int rank = 0;         ///< from 1
  int index = 0;        ///< of the test image
  int label = 0;        ///< its true class
  double probability = 0;
};

/// A test image that a figure shows, so that the run folder alone is enough to
/// draw it again.
struct ShownImage {
  int index = 0;  ///< in the test set
  int label = 0;
  int height = 0;
  int width = 0;
  std::vector<std::uint8_t> gray;  ///< height * width, row by row; 0: ground
};

/// What one layer takes for a training batch.
struct LayerTime {
  int layer = 0;  ///< its place in the network, from 0
  std::string name;
  double forward_seconds = 0;
  double backward_seconds = 0;
};

struct Run {
  nlohmann::json summary;
  int classes = 0;  ///< that the network tells apart
  /// What tells it from other runs, where it is shown among them: "seed 2".
  std::string distinction;
  std::vector<EpochRow> history;
  std::vector<StepRow> steps;
  std::vector<Prediction> predictions;
  std::vector<ConfusionCell> confusion;  ///< row by row, classes^2 cells
  std::vector<TopImage> top3;            ///< class by class, best first
  std::vector<ShownImage> images;        ///< by index
  std::vector<LayerTime> layers;         ///< without a final Softmax
};

/// Derives the confusion matrix and the top-3 table from the predictions.
/// Throws std::invalid_argument if one has other classes than the run.
void derive_tables(Run& run);

/// Writes summary.json and the CSV files into `directory`, each atomically.
/// Throws std::runtime_error with path and reason.
void write_run_tables(const std::string& directory, const Run& run);
/// summary.json alone.
void write_summary(const std::string& directory, const Run& run);

/// The files of a run as far as reading asks for them: in a folder, or in
/// memory.
class RunFiles {
 public:
  explicit RunFiles(std::string directory);
  /// `name` stands for the folder in messages.
  RunFiles(std::string name, std::map<std::string, std::string> contents);

  /// What messages call a file.
  std::string path(const std::string& file) const;
  /// A file of at most `most_bytes`. Throws std::runtime_error with path and
  /// reason.
  std::string read(const std::string& file, std::size_t most_bytes) const;

 private:
  std::string directory_;
  std::optional<std::map<std::string, std::string>> contents_;
};

/// Reads a run back, trusting nothing in its files: their kinds, sizes
/// (docs/artifacts.md), columns, row counts and numbers are checked, and all
/// text is made printable(). Throws std::runtime_error naming file, line and
/// what is wrong.
Run read_run(const std::string& directory);

/// The same as far as it goes: a table that cannot be read stays empty, and
/// `problems` gets a printable line that says which and why. Without a summary
/// the tables are read for what they say themselves. Never throws for a file.
Run read_run(const RunFiles& files, std::vector<std::string>& problems);

}  // namespace apps

#endif  // NN_APPS_COMMON_RUN_H_
