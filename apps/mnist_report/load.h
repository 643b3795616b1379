#ifndef NN_APPS_MNIST_REPORT_LOAD_H_
#define NN_APPS_MNIST_REPORT_LOAD_H_

#include <map>
#include <string>
#include <vector>

#include "common/figures.h"
#include "common/run.h"

namespace report {

/// A run folder as far as it could be read.
struct LoadedRun {
  std::string folder;  ///< its name inside the results folder
  apps::Run run;
  apps::RunNames names;
  std::map<std::string, std::string> png;  ///< whole PNG files, by name
  std::vector<std::string> problems;       ///< what is missing or damaged

  /// "MLP (libnn)", or the folder's name if the summary cannot be read.
  std::string title() const;
};

/// Reads every folder inside `results` that holds a run's files: libnn's runs
/// before others, MLPs before CNNs. Throws std::runtime_error if the folder
/// cannot be listed or holds no run.
std::vector<LoadedRun> load_runs(const std::string& results);

}  // namespace report

#endif  // NN_APPS_MNIST_REPORT_LOAD_H_
