#include "mnist_report/tell_apart.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "common/printable.h"
#include "mnist_report/command_line.h"
#include "mnist_report/facts.h"
#include "nn/check.h"

namespace report {
namespace {

using nlohmann::json;
using Settings = std::map<std::string, std::string>;

constexpr std::size_t kMostValue = 24;

// "seed 2", "no augment", "nesterov".
std::string in_words(const std::string& name, const json& value) {
  const bool is_limit = name == "train-limit" || name == "test-limit";
  const bool is_off = value.is_null() || value == false || value == "" ||
                      (is_limit && value == 0);
  if (is_off) return "no " + name;
  if (value.is_boolean()) return name;
  return name + " " + apps::printable(option_value(value), kMostValue);
}

// What options leave open: the machine, the program, the folders.
Settings surroundings(const LoadedRun& run) {
  Settings out;
  if (const json* environment = find(run.run.summary, "/environment");
      environment != nullptr && environment->is_object()) {
    for (const auto& [name, value] : environment->items()) {
      const std::string shown = apps::printable(name, kMostValue);
      out[shown] = in_words(shown, value);
    }
  }
  for (const char* name :
       {"version", "compiler", "instruction_set", "processor"}) {
    const json* value = find(run.run.summary, std::string("/") + name);
    if (value != nullptr) out[name] = in_words(name, *value);
  }
  return out;
}

std::string value_of(const Settings& settings, const std::string& name) {
  const auto found = settings.find(name);
  return found == settings.end() ? "no " + name : found->second;
}

// The names whose values are not the same in all. The seed stands first: runs
// that are repeated differ in it.
std::vector<std::string> differing(const std::vector<Settings>& all) {
  std::set<std::string> names;
  for (const Settings& one : all) {
    for (const auto& [name, value] : one) names.insert(name);
  }
  std::vector<std::string> out;
  for (const std::string& name : names) {
    const std::string first = value_of(all.front(), name);
    const bool same =
        std::all_of(all.begin(), all.end(), [&](const Settings& one) {
          return value_of(one, name) == first;
        });
    if (!same) out.push_back(name);
  }
  std::stable_partition(out.begin(), out.end(), [](const std::string& name) {
    return name == "seed";
  });
  return out;
}

// Adds to the distinctions of some runs what differs between these settings of
// theirs, where they are not apart yet.
template <typename Get>
void distinguish(const std::vector<LoadedRun*>& runs, const Get& get) {
  constexpr std::size_t kMostShown = 3;
  std::set<std::string> titles;
  for (const LoadedRun* run : runs) titles.insert(run->title());
  if (titles.size() == runs.size()) return;
  std::vector<Settings> all;
  for (const LoadedRun* run : runs) all.push_back(get(*run));
  const std::vector<std::string> names = differing(all);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    std::string& words = runs[i]->run.distinction;
    const auto add = [&words](const std::string& more) {
      words += (words.empty() ? "" : ", ") + more;
    };
    for (std::size_t k = 0; k < std::min(kMostShown, names.size()); ++k) {
      add(value_of(all[i], names[k]));
    }
    if (names.size() > kMostShown) {
      add(nn::concat("and ", names.size() - kMostShown, " more"));
    }
    runs[i]->names.distinction = words;
  }
}

}  // namespace

Settings settings(const LoadedRun& run) {
  static const std::set<std::string> kPlaces{
      "model", "data", "out", "save", "quiet"};
  Settings out;
  const json* options = find(run.run.summary, "/options");
  if (options == nullptr || !options->is_object()) return out;
  for (const auto& [name, value] : options->items()) {
    if (kPlaces.count(name) > 0) continue;
    const std::string shown = apps::printable(name, kMostValue);
    out[shown] = in_words(shown, value);
  }
  return out;
}

std::vector<std::string> differing_settings(const LoadedRun& a,
                                            const LoadedRun& b) {
  return differing({settings(a), settings(b)});
}

void tell_apart(std::vector<LoadedRun>& runs) {
  std::map<std::string, std::vector<LoadedRun*>> groups;
  for (LoadedRun& run : runs) groups[run.title()].push_back(&run);
  for (const auto& [title, group] : groups) {
    distinguish(group, settings);
    distinguish(group, surroundings);
    distinguish(group, [](const LoadedRun& run) {
      return Settings{{"folder", "folder " + run.folder}};
    });
  }
  // Folders whose names begin alike, or that look like another run's title.
  std::set<std::string> titles;
  for (LoadedRun& run : runs) {
    const std::string distinction = run.run.distinction;
    for (int i = 2; !titles.insert(run.title()).second; ++i) {
      run.run.distinction = nn::concat(
          distinction, distinction.empty() ? "" : ", ", "the same again, ", i);
      run.names.distinction = run.run.distinction;
    }
  }
}

}  // namespace report
