#include "mnist_report/load.h"

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <tuple>

#include "nn/check.h"
#include "nn/file.h"
#include "plot/render.h"

namespace report {
namespace {

// What the report cannot draw from the tables.
constexpr const char* kImages[] = {
    "top3.png", "mistakes.png", "filters.png", "feature_maps.png"};
constexpr const char* kTables[] = {"summary.json",
                                   "history.csv",
                                   "steps.csv",
                                   "predictions.csv",
                                   "confusion.csv",
                                   "top3.csv",
                                   "layers.csv"};

bool is_run(const std::filesystem::path& folder) {
  std::error_code ignored;
  return std::any_of(
      std::begin(kTables), std::end(kTables), [&](const char* file) {
        return std::filesystem::exists(folder / file, ignored);
      });
}

void load_image(const std::filesystem::path& path, LoadedRun& run) {
  try {
    std::string bytes = nn::read_file(path.string());
    plot::decode_png(bytes);
    run.png[path.filename().string()] = std::move(bytes);
  } catch (const std::runtime_error& error) {
    const std::string what = error.what();
    const bool names_file = what.find(path.string()) != std::string::npos;
    run.problems.push_back(names_file ? what : path.string() + ": " + what);
  }
}

LoadedRun load_run(const std::filesystem::path& folder) {
  LoadedRun loaded;
  loaded.folder = folder.filename().string();
  loaded.run = apps::read_run(folder.string(), loaded.problems);
  loaded.names = apps::run_names(loaded.run.summary);
  for (const char* image : kImages) load_image(folder / image, loaded);
  if (loaded.run.confusion.empty() && !loaded.run.predictions.empty()) {
    apps::Run derived;
    derived.predictions = loaded.run.predictions;
    apps::derive_tables(derived);
    loaded.run.confusion = derived.confusion;
    loaded.problems.push_back(
        (folder / "confusion.csv").string() +
        ": the confusion matrix below is counted from predictions.csv");
  }
  return loaded;
}

}  // namespace

std::string LoadedRun::title() const {
  return run.summary.is_object() ? names.run() : folder;
}

std::vector<LoadedRun> load_runs(const std::string& results) {
  std::vector<std::filesystem::path> folders;
  try {
    for (const auto& entry : std::filesystem::directory_iterator(results)) {
      if (entry.is_directory() && is_run(entry.path())) {
        folders.push_back(entry.path());
      }
    }
  } catch (const std::filesystem::filesystem_error& error) {
    throw std::runtime_error(nn::concat(results, ": ", error.code().message()));
  }
  if (folders.empty()) {
    throw std::runtime_error(nn::concat(
        results,
        ": expected at least one run folder (with a summary.json), found "
        "none"));
  }
  std::sort(folders.begin(), folders.end());
  std::vector<LoadedRun> runs;
  for (const auto& folder : folders) runs.push_back(load_run(folder));
  const auto order = [](const LoadedRun& run) {
    const std::string& backend = run.names.backend;
    const std::string& model = run.names.model;
    return std::make_tuple(backend == "libnn"      ? 0
                           : backend == "LibTorch" ? 1
                                                   : 2,
                           model == "MLP"   ? 0
                           : model == "CNN" ? 1
                                            : 2);
  };
  std::stable_sort(runs.begin(), runs.end(), [&](const auto& a, const auto& b) {
    return order(a) < order(b);
  });
  return runs;
}

}  // namespace report
