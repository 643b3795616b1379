#ifndef NN_APPS_MNIST_REPORT_LOAD_H_
#define NN_APPS_MNIST_REPORT_LOAD_H_

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/figures.h"
#include "common/insight.h"
#include "common/run.h"

namespace report {

/// A run folder as far as it could be read. All its text is printable.
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
  /// Whether anything could be read of it.
  bool is_readable() const;
};

/// The runs of a results folder.
struct Results {
  std::vector<LoadedRun> runs;
  std::vector<std::string> problems;  ///< of what is not among them

  /// All of them, those of the runs too.
  std::vector<std::string> all_problems() const;
};

/// Whether the run's tables and weights are enough to draw a figure of images,
/// named by its file, without that file.
bool can_draw(const LoadedRun& run, const std::string& figure);

/// Reads one run, named `folder`. Nothing in its files makes it throw: what
/// cannot be read or is beyond what docs/artifacts.md allows is a problem of
/// it.
LoadedRun load_run(const std::string& folder, const apps::RunFiles& files);

/// How many runs a report shows.
constexpr std::size_t kMostRuns = 100;

/// Reads every folder inside `results` that holds a run's files, but for those
/// whose names start with a dot: libnn's runs before others, MLPs before CNNs,
/// with names that tell them apart. A run of which nothing can be read, or one
/// too many, is a problem. Throws std::runtime_error if the folder cannot be
/// listed or no run is left, naming the problems.
Results load_runs(const std::string& results);

}  // namespace report

#endif  // NN_APPS_MNIST_REPORT_LOAD_H_
