#include "mnist_report/facts.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "common/printable.h"
#include "common/statistics.h"
#include "mnist_report/comparison.h"
#include "mnist_report/tell_apart.h"
#include "plot/decimals.h"
#include "plot/ticks.h"

namespace report {
namespace {

using nlohmann::json;
using plot::format_count;
using plot::format_number;

// The checksums of the files of a data set's training or test part, by name.
std::map<std::string, std::string> files_of(const LoadedRun& run, bool test) {
  std::map<std::string, std::string> out;
  const json* files = find(run.run.summary, "/dataset/files");
  if (files == nullptr || !files->is_array()) return out;
  for (const json& file : *files) {
    const std::string name = text(file, "/name");
    const bool is_test =
        name.find("t10k") != name.npos || name.find("test") != name.npos;
    if (test ? !is_test : name.find("train") == name.npos) continue;
    out[name] = text(file, "/size_bytes") + " " + text(file, "/sha256");
  }
  return out;
}

// Whether no file of that part is another one under the same name. Files of
// other names may hold the same, compressed.
bool same_files(const LoadedRun& a, const LoadedRun& b, bool test) {
  const auto files_a = files_of(a, test);
  const auto files_b = files_of(b, test);
  return std::none_of(files_b.begin(), files_b.end(), [&](const auto& file) {
    const auto found = files_a.find(file.first);
    return found != files_a.end() && found->second != file.second;
  });
}

// Of the runs of a model and backend that go with this one, that which differs
// least in its options; of equal ones the first.
const LoadedRun* find_partner(const LoadedRun& run,
                              const std::vector<LoadedRun>& runs,
                              const std::string& model,
                              const std::string& backend) {
  const LoadedRun* best = nullptr;
  std::size_t least = 0;
  for (const LoadedRun& other : runs) {
    if (other.names.model != model || other.names.backend != backend ||
        !comparable(run, other)) {
      continue;
    }
    // Whatever else differs, another test set is farther away.
    const std::size_t distance =
        differing_settings(run, other).size() +
        (same_test_set(run, other) ? 0 : std::size_t{1000});
    if (best == nullptr || distance < least) {
      best = &other;
      least = distance;
    }
  }
  return best;
}

bool same_seed(const LoadedRun& a, const LoadedRun& b) {
  const json* first = find(a.run.summary, "/seed");
  const json* second = find(b.run.summary, "/seed");
  return first == nullptr || second == nullptr || *first == *second;
}

}  // namespace

const json* find(const json& summary, const std::string& pointer) {
  const json::json_pointer at(pointer);
  if (!summary.is_object() || !summary.contains(at)) return nullptr;
  return &summary.at(at);
}

std::string text(const json& summary, const std::string& pointer) {
  constexpr std::size_t kMost = 300;
  const json* value = find(summary, pointer);
  if (value == nullptr || value->is_null() || *value == "") return kNone;
  return apps::printable(
      value->is_string() ? value->get<std::string>() : value->dump(), kMost);
}

std::optional<double> number(const json& summary, const std::string& pointer) {
  const json* value = find(summary, pointer);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->get<double>();
}

std::string count(const json& summary, const std::string& pointer) {
  const auto value = number(summary, pointer);
  return value ? format_whole(*value) : kNone;
}

std::string fixed(double value, int decimals) {
  return plot::decimals(value, decimals);
}

std::string format_whole(double value) {
  constexpr double kMostExact = 1e15;
  return std::abs(value) < kMostExact ? format_count(std::llround(value))
                                      : format_number(value);
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
  std::vector<std::string> names;
  std::string title;
  for (const LoadedRun& run : runs) {
    const std::string& name = run.names.dataset;
    if (!run.has_summary ||
        std::find(names.begin(), names.end(), name) != names.end()) {
      continue;
    }
    names.push_back(name);
    title += (title.empty() ? "" : " and ") + name;
  }
  constexpr std::size_t kMost = 120;
  return title.empty() ? "Unknown data set" : apps::printable(title, kMost);
}

bool comparable(const LoadedRun& a, const LoadedRun& b) {
  const json* names_a = find(a.run.summary, "/dataset/class_names");
  const json* names_b = find(b.run.summary, "/dataset/class_names");
  const bool same_classes =
      names_a == nullptr || names_b == nullptr || *names_a == *names_b;
  return a.names.dataset == b.names.dataset && same_classes &&
         a.run.classes == b.run.classes && same_files(a, b, /*test=*/false);
}

bool same_test_set(const LoadedRun& a, const LoadedRun& b) {
  if (!comparable(a, b)) return false;
  const auto images_a = number(a.run.summary, "/dataset/test_images");
  const auto images_b = number(b.run.summary, "/dataset/test_images");
  if (images_a && images_b && *images_a != *images_b) return false;
  if (!same_files(a, b, /*test=*/true)) return false;
  if (a.run.predictions.empty() || b.run.predictions.empty()) {
    return a.has_summary && b.has_summary;
  }
  return same_images(a.run.predictions, b.run.predictions);
}

std::vector<std::size_t> test_sets(const std::vector<LoadedRun>& runs) {
  std::vector<const LoadedRun*> firsts;
  std::vector<std::size_t> sets;
  for (const LoadedRun& run : runs) {
    const auto known =
        std::find_if(firsts.begin(), firsts.end(), [&](const LoadedRun* first) {
          return same_test_set(*first, run);
        });
    sets.push_back(static_cast<std::size_t>(known - firsts.begin()));
    if (known == firsts.end()) firsts.push_back(&run);
  }
  return sets;
}

std::vector<Pair> model_pairs(const std::vector<LoadedRun>& runs) {
  std::vector<Pair> pairs;
  for (const LoadedRun& mlp : runs) {
    const std::string& backend = mlp.names.backend;
    if (mlp.names.model != "MLP" || backend.empty()) continue;
    const LoadedRun* cnn = find_partner(mlp, runs, "CNN", backend);
    if (cnn != nullptr) pairs.emplace_back(&mlp, cnn);
  }
  return pairs;
}

std::vector<Pair> backend_pairs(const std::vector<LoadedRun>& runs) {
  std::vector<Pair> pairs;
  for (const LoadedRun& own : runs) {
    if (own.names.backend != "libnn") continue;
    const LoadedRun* torch =
        find_partner(own, runs, own.names.model, "LibTorch");
    if (torch != nullptr && same_seed(own, *torch)) {
      pairs.emplace_back(&own, torch);
    }
  }
  return pairs;
}

}  // namespace report
