#include "mnist_report/facts.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "common/statistics.h"
#include "plot/ticks.h"

namespace report {
namespace {

using nlohmann::json;
using plot::format_count;
using plot::format_number;

// Two runs whose figures may stand in one chart or be compared.
bool comparable(const LoadedRun& a, const LoadedRun& b) {
  return a.names.dataset == b.names.dataset;
}

const LoadedRun* find_run(const std::vector<LoadedRun>& runs,
                          const std::string& model,
                          const std::string& backend) {
  const auto found =
      std::find_if(runs.begin(), runs.end(), [&](const LoadedRun& run) {
        return run.names.model == model && run.names.backend == backend;
      });
  return found == runs.end() ? nullptr : &*found;
}

}  // namespace

const json* find(const json& summary, const std::string& pointer) {
  const json::json_pointer at(pointer);
  if (!summary.is_object() || !summary.contains(at)) return nullptr;
  return &summary.at(at);
}

std::string text(const json& summary, const std::string& pointer) {
  const json* value = find(summary, pointer);
  if (value == nullptr || value->is_null() || *value == "") return kNone;
  return value->is_string() ? value->get<std::string>() : value->dump();
}

std::optional<double> number(const json& summary, const std::string& pointer) {
  const json* value = find(summary, pointer);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->get<double>();
}

std::string count(const json& summary, const std::string& pointer) {
  const auto value = number(summary, pointer);
  return value ? format_count(std::llround(*value)) : kNone;
}

std::string fixed(double value, int decimals) {
  char out[64];
  std::snprintf(out, sizeof out, "%.*f", decimals, value);
  return out;
}

std::string format_p(double p) {
  if (p >= 0.001) return fixed(p, 3);
  if (p < 1e-300) return "< 1e-300";
  return format_number(p);
}

std::optional<Score> final_score(const LoadedRun& run) {
  Score score;
  for (const apps::ConfusionCell& cell : run.run.confusion) {
    score.images += cell.count;
    if (cell.label == cell.predicted) score.right += cell.count;
  }
  if (score.images == 0) return std::nullopt;
  return score;
}

std::string format_interval(const Score& score) {
  const apps::Interval interval =
      apps::wilson_interval(score.right, score.images);
  return fixed(interval.low * 100, 2) + " \u2013 " +
         fixed(interval.high * 100, 2) + " %";
}

double seconds_per_epoch(const LoadedRun& run) {
  std::vector<double> seconds;
  for (const apps::EpochRow& row : run.run.history) {
    seconds.push_back(row.train_seconds);
  }
  return apps::median(seconds);
}

std::optional<double> images_per_second(const LoadedRun& run) {
  const auto images = number(run.run.summary, "/dataset/training_images");
  const double seconds = seconds_per_epoch(run);
  if (!images || !(seconds > 0)) return std::nullopt;
  return *images / seconds;
}

std::string dataset_title(const std::vector<LoadedRun>& runs) {
  std::string title;
  for (const LoadedRun& run : runs) {
    if (!run.has_summary) continue;
    if (title.empty()) {
      title = run.names.dataset;
    } else if (title.find(run.names.dataset) == std::string::npos) {
      title += " and " + run.names.dataset;
    }
  }
  return title.empty() ? "Unknown data set" : title;
}

std::vector<Pair> model_pairs(const std::vector<LoadedRun>& runs) {
  std::vector<Pair> pairs;
  for (const char* backend : {"libnn", "LibTorch"}) {
    const LoadedRun* mlp = find_run(runs, "MLP", backend);
    const LoadedRun* cnn = find_run(runs, "CNN", backend);
    if (mlp != nullptr && cnn != nullptr && comparable(*mlp, *cnn)) {
      pairs.emplace_back(mlp, cnn);
    }
  }
  return pairs;
}

std::vector<Pair> backend_pairs(const std::vector<LoadedRun>& runs) {
  std::vector<Pair> pairs;
  for (const char* model : {"MLP", "CNN"}) {
    const LoadedRun* own = find_run(runs, model, "libnn");
    const LoadedRun* torch = find_run(runs, model, "LibTorch");
    if (own != nullptr && torch != nullptr && comparable(*own, *torch)) {
      pairs.emplace_back(own, torch);
    }
  }
  return pairs;
}

}  // namespace report
