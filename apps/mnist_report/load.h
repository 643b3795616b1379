#ifndef NN_APPS_MNIST_REPORT_LOAD_H_
#define NN_APPS_MNIST_REPORT_LOAD_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/figures.h"
#include "common/insight.h"
#include "common/run.h"

namespace report {

/// A run folder as far as it could be read.
struct LoadedRun {
  std::string folder;  ///< its name inside the results folder
  apps::Run run;
  bool has_summary = true;  ///< else the summary holds the folder's name alone
  apps::RunNames names;
  std::optional<apps::Insight> insight;  ///< from the trained weights
  /// Whole PNG files, by name: of the figures that cannot be drawn from the
  /// files above, as far as the run left them.
  std::map<std::string, std::string> png;
  std::vector<std::string> problems;  ///< what is missing or damaged

  /// "MLP (libnn)".
  std::string title() const { return names.run(); }
};

/// Whether the run's tables and weights are enough to draw a figure of images,
/// named by its file, without that file.
bool can_draw(const LoadedRun& run, const std::string& figure);

/// Reads every folder inside `results` that holds a run's files: libnn's runs
/// before others, MLPs before CNNs. Throws std::runtime_error if the folder
/// cannot be listed or holds no run.
std::vector<LoadedRun> load_runs(const std::string& results);

}  // namespace report

#endif  // NN_APPS_MNIST_REPORT_LOAD_H_
