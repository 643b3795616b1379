#include "mnist_report/load.h"

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "common/run_files.h"
#include "nn/check.h"
#include "nn/file.h"
#include "nn/model.h"
#include "plot/render.h"

namespace report {
namespace {

constexpr const char* kImages = "images.csv";
constexpr const char* kModel = "model.safetensors";
constexpr const char* kImageFigures[] = {
    "top3.png", "mistakes.png", "filters.png", "feature_maps.png"};
constexpr const char* kTables[] = {"summary.json",
                                   "history.csv",
                                   "steps.csv",
                                   "predictions.csv",
                                   "confusion.csv",
                                   "top3.csv",
                                   kImages,
                                   "layers.csv"};

bool is_run(const std::filesystem::path& folder) {
  std::error_code ignored;
  return std::any_of(
      std::begin(kTables), std::end(kTables), [&](const char* file) {
        return std::filesystem::exists(folder / file, ignored);
      });
}

// Reads something of a file; if that fails, the run's problems name it.
template <typename Read>
void attempt(const std::filesystem::path& path,
             LoadedRun& run,
             const Read& read) {
  const auto note = [&](const std::string& what) {
    const bool names_file = what.find(path.string()) != std::string::npos;
    run.problems.push_back(names_file ? what : path.string() + ": " + what);
  };
  try {
    read();
  } catch (const std::runtime_error& error) {
    note(error.what());
  } catch (const std::invalid_argument& error) {
    note(error.what());
  }
}

// A lost table that another one implies.
void derive_lost_tables(const std::filesystem::path& folder, LoadedRun& run) {
  if (run.run.predictions.empty()) return;
  apps::Run derived;
  derived.predictions = run.run.predictions;
  apps::derive_tables(derived);
  const auto replace = [&](const char* file, auto& rows, auto& others) {
    if (!rows.empty()) return;
    rows = std::move(others);
    run.problems.push_back(
        (folder / file).string() +
        ": what is shown instead is counted from predictions.csv");
  };
  replace("confusion.csv", run.run.confusion, derived.confusion);
  replace("top3.csv", run.run.top3, derived.top3);
}

void load_image(const std::filesystem::path& path, LoadedRun& run) {
  attempt(path, run, [&] {
    std::string bytes = nn::read_file(path.string());
    plot::decode_png(bytes);
    run.png[path.filename().string()] = std::move(bytes);
  });
}

LoadedRun load_run(const std::filesystem::path& folder) {
  LoadedRun loaded;
  loaded.folder = folder.filename().string();
  loaded.run = apps::read_run(folder.string(), loaded.problems);
  loaded.has_summary = !loaded.run.summary.is_null();
  if (!loaded.has_summary) loaded.run.summary = {{"model", loaded.folder}};
  loaded.names = apps::run_names(loaded.run.summary);
  derive_lost_tables(folder, loaded);
  if (!loaded.run.images.empty() && !apps::holds_images(loaded.run)) {
    loaded.run.images.clear();
    loaded.problems.push_back(
        (folder / kImages).string() +
        ": expected all images that the other tables name, found too few");
  }
  attempt(folder / kModel, loaded, [&] {
    auto network =
        nn::load_model<float>(apps::run_file(folder.string(), kModel));
    loaded.insight = apps::look_inside(network, loaded.run);
  });
  for (const char* figure : kImageFigures) {
    if (!can_draw(loaded, figure)) load_image(folder / figure, loaded);
  }
  return loaded;
}

// A run that is published meanwhile would be read in parts: then once more.
LoadedRun load_whole_run(const std::filesystem::path& folder) {
  constexpr int kMostTimes = 10;
  for (int i = 0;; ++i) {
    const std::string before = apps::read_manifest(folder.string());
    LoadedRun loaded = load_run(folder);
    const std::vector<std::string> others =
        apps::check_manifest(folder.string());
    if (i < kMostTimes && apps::read_manifest(folder.string()) != before) {
      continue;
    }
    loaded.problems.insert(loaded.problems.end(), others.begin(), others.end());
    return loaded;
  }
}

}  // namespace

bool can_draw(const LoadedRun& run, const std::string& figure) {
  const bool has_images = !run.run.images.empty();
  if (figure == "top3.png") return has_images && !run.run.top3.empty();
  if (figure == "mistakes.png") {
    return has_images && !run.run.predictions.empty();
  }
  if (figure == "filters.png") return run.insight.has_value();
  return run.insight && !run.insight->outputs.empty();
}

std::vector<LoadedRun> load_runs(const std::string& results) {
  std::vector<std::filesystem::path> folders;
  try {
    for (const auto& entry : std::filesystem::directory_iterator(results)) {
      if (!apps::is_partial_folder(entry.path().filename().string()) &&
          entry.is_directory() && is_run(entry.path())) {
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
  for (const auto& folder : folders) runs.push_back(load_whole_run(folder));
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
