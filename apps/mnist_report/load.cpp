#include "mnist_report/load.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "common/printable.h"
#include "common/run_files.h"
#include "mnist_report/tell_apart.h"
#include "nn/check.h"
#include "nn/files/file.h"
#include "nn/files/model.h"
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

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::size_t kMostModelBytes = 256 * kMiB;
constexpr std::size_t kMostPngBytes = 32 * kMiB;

// A file that cannot be looked at is one that a run has: reading says why.
bool is_run(const std::filesystem::path& folder) {
  std::error_code ignored;
  return std::any_of(
      std::begin(kTables), std::end(kTables), [&](const char* file) {
        return std::filesystem::symlink_status(folder / file, ignored).type() !=
               std::filesystem::file_type::not_found;
      });
}

// Reads something of a file; if that fails, the run's problems name it.
template <typename Read>
void attempt(const std::string& path, LoadedRun& run, const Read& read) {
  try {
    read();
  } catch (const std::exception& error) {
    const std::string what = error.what();
    const bool names_file = what.find(path) != std::string::npos;
    run.problems.push_back(
        apps::printable(names_file ? what : path + ": " + what));
  }
}

bool is_close(double a, double b) {
  return std::abs(a - b) < 1e-9;
}

bool is_same(const apps::ConfusionCell& a, const apps::ConfusionCell& b) {
  return a.count == b.count && is_close(a.share, b.share) &&
         is_close(a.mean_probability, b.mean_probability);
}

bool is_same(const apps::TopImage& a, const apps::TopImage& b) {
  return a.index == b.index && a.label == b.label &&
         is_close(a.probability, b.probability);
}

// The predictions imply two other tables. Where one of these is lost or says
// something else, what follows from the predictions is shown.
void derive_other_tables(const apps::RunFiles& files, LoadedRun& run) {
  if (run.run.predictions.empty()) return;
  apps::Run derived;
  derived.classes = run.run.classes;
  derived.predictions = run.run.predictions;
  apps::derive_tables(derived);
  const auto replace = [&](const char* file, auto& rows, auto& others) {
    const auto same = [](const auto& a, const auto& b) {
      return is_same(a, b);
    };
    if (std::equal(
            rows.begin(), rows.end(), others.begin(), others.end(), same)) {
      return;
    }
    run.problems.push_back(apps::printable(
        files.path(file) +
        (rows.empty() ? ": what is shown instead is counted from "
                        "predictions.csv"
                      : ": expected what predictions.csv implies, found other "
                        "numbers; what is shown is counted from it")));
    rows = std::move(others);
  };
  replace("confusion.csv", run.run.confusion, derived.confusion);
  replace("top3.csv", run.run.top3, derived.top3);
}

}  // namespace

bool LoadedRun::is_readable() const {
  return has_summary || insight || !run.history.empty() || !run.steps.empty() ||
         !run.predictions.empty() || !run.confusion.empty() ||
         !run.top3.empty() || !run.images.empty() || !run.layers.empty() ||
         !png.empty();
}

std::vector<std::string> Results::all_problems() const {
  std::vector<std::string> all = problems;
  for (const LoadedRun& run : runs) {
    all.insert(all.end(), run.problems.begin(), run.problems.end());
  }
  return all;
}

LoadedRun load_run(const std::string& folder, const apps::RunFiles& files) {
  LoadedRun loaded;
  loaded.folder = apps::printable(folder, apps::kMostName);
  loaded.run = apps::read_run(files, loaded.problems);
  loaded.has_summary = !loaded.run.summary.is_null();
  if (!loaded.has_summary) loaded.run.summary = {{"model", loaded.folder}};
  loaded.names = apps::run_names(loaded.run);
  derive_other_tables(files, loaded);
  if (!loaded.run.images.empty() && !apps::holds_images(loaded.run)) {
    loaded.run.images.clear();
    loaded.problems.push_back(apps::printable(
        files.path(kImages) +
        ": expected all images that the other tables name, found too few"));
  }
  const std::string model = files.path(kModel);
  attempt(model, loaded, [&] {
    const std::string bytes = files.read(kModel, kMostModelBytes);
    auto network = nn::load_model<float>(nn::MemoryFile{bytes, model});
    loaded.insight = apps::look_inside(network, loaded.run);
  });
  for (const char* figure : kImageFigures) {
    if (can_draw(loaded, figure)) continue;
    attempt(files.path(figure), loaded, [&] {
      std::string bytes = files.read(figure, kMostPngBytes);
      plot::decode_png(bytes);
      loaded.png[figure] = std::move(bytes);
    });
  }
  return loaded;
}

namespace {

// A run that is published meanwhile would be read in parts: then once more.
LoadedRun load_whole_run(const std::filesystem::path& folder) {
  constexpr int kMostTimes = 10;
  const apps::RunFiles files(folder.string());
  for (int i = 0;; ++i) {
    const std::string before = apps::read_manifest(folder.string());
    LoadedRun loaded = load_run(folder.filename().string(), files);
    const std::vector<std::string> others =
        apps::check_manifest(folder.string());
    if (i < kMostTimes && apps::read_manifest(folder.string()) != before) {
      continue;
    }
    for (const std::string& other : others) {
      loaded.problems.push_back(apps::printable(other));
    }
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

Results load_runs(const std::string& results) {
  namespace fs = std::filesystem;
  Results out;
  std::vector<fs::path> folders;
  for (const std::string& name : nn::names_in_folder(results)) {
    const fs::path path = fs::path(results) / name;
    if (name.front() == '.') continue;
    std::error_code unknown;
    const bool is_folder = fs::is_directory(path, unknown);
    if (unknown) {
      out.problems.push_back(
          apps::printable(path.string() + ": " + unknown.message()));
    } else if (is_folder && is_run(path)) {
      folders.push_back(path);
    }
  }
  if (folders.size() > kMostRuns) {
    out.problems.push_back(
        apps::printable(nn::concat(results,
                                   ": expected at most ",
                                   kMostRuns,
                                   " runs, found ",
                                   folders.size(),
                                   "; those from ",
                                   folders[kMostRuns].filename().string(),
                                   " on are left out")));
    folders.resize(kMostRuns);
  }
  for (const fs::path& folder : folders) {
    LoadedRun run = load_whole_run(folder);
    if (run.is_readable()) {
      out.runs.push_back(std::move(run));
    } else {
      out.problems.insert(
          out.problems.end(), run.problems.begin(), run.problems.end());
    }
  }
  if (out.runs.empty()) {
    std::string message = nn::concat(
        results,
        ": expected at least one run folder (with a summary.json), found ",
        folders.empty() ? "none" : "none that can be read");
    for (const std::string& problem : out.problems) {
      message += "\n  " + problem;
    }
    throw std::runtime_error(message);
  }
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
  std::stable_sort(
      out.runs.begin(), out.runs.end(), [&](const auto& a, const auto& b) {
        return order(a) < order(b);
      });
  tell_apart(out.runs);
  return out;
}

}  // namespace report
