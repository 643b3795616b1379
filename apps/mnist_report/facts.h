#ifndef NN_APPS_MNIST_REPORT_FACTS_H_
#define NN_APPS_MNIST_REPORT_FACTS_H_

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mnist_report/load.h"

namespace report {

/// What the report's sections ask of the runs.

/// Stands where there is nothing to show.
constexpr char kNone[] = "-";

/// The value at a JSON pointer, or nullptr, and the same as text (kNone if
/// there is none or an empty text), as a number, as a count with thousands
/// marked. Of a long text the front is shown.
const nlohmann::json* find(const nlohmann::json& summary,
                           const std::string& pointer);
std::string text(const nlohmann::json& summary, const std::string& pointer);
std::optional<double> number(const nlohmann::json& summary,
                             const std::string& pointer);
std::string count(const nlohmann::json& summary, const std::string& pointer);

std::string fixed(double value, int decimals);
/// Rounded, with thousands marked.
std::string format_whole(double value);
/// A p-value with the digits that carry meaning.
std::string format_p(double p);

/// By the final weights, from the confusion matrix.
struct Score {
  long right = 0;
  long images = 0;
  double accuracy() const {
    return static_cast<double>(right) / static_cast<double>(images);
  }
};
std::optional<Score> final_score(const LoadedRun& run);
/// The 95 % interval: "98.03 \u2013 98.55 %".
std::string format_interval(const Score& score);

/// The median over the epochs; 0 without a history.
double seconds_per_epoch(const LoadedRun& run);
std::optional<double> images_per_second(const LoadedRun& run);

/// "MNIST and Fashion-MNIST".
std::string dataset_title(const std::vector<LoadedRun>& runs);

/// Whether two runs learned to tell the same classes apart from the same data,
/// as far as their summaries say: name of the data set, names of its classes,
/// checksums of its training files. Others do not stand in one chart.
bool comparable(const LoadedRun& a, const LoadedRun& b);

/// Whether two runs were tested on the same images, as far as their summaries
/// and predictions say: by data set, checksums of the test set's files, number
/// of images, labels. Numbers of others do not rank.
bool same_test_set(const LoadedRun& a, const LoadedRun& b);
/// For each run the number of its test set, from 0 in the order of the runs.
std::vector<std::size_t> test_sets(const std::vector<LoadedRun>& runs);

using Pair = std::pair<const LoadedRun*, const LoadedRun*>;
/// MLP and CNN of one backend, and one model of libnn and of LibTorch, of the
/// same data set. Each run stands with that one whose options are most like its
/// own; the backends' runs are of one seed, without which they are not twins.
std::vector<Pair> model_pairs(const std::vector<LoadedRun>& runs);
std::vector<Pair> backend_pairs(const std::vector<LoadedRun>& runs);

}  // namespace report

#endif  // NN_APPS_MNIST_REPORT_FACTS_H_
