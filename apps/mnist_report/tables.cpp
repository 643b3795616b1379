#include "mnist_report/tables.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <utility>

#include "common/printable.h"
#include "common/texts.h"
#include "mnist_report/facts.h"
#include "nn/check.h"
#include "plot/ticks.h"

namespace report {

namespace texts = apps::texts;
using nlohmann::json;
using plot::format_count;
using plot::format_number;
using plot::format_percent;

namespace {

std::string ratio(double value) {
  return std::isfinite(value) ? format_percent(value) : kNone;
}

constexpr std::size_t kMostLibraries = 300;

// With tenths, as long as there are digits that tell of them.
std::string format_seconds(double value) {
  return std::abs(value) < 1e7 ? fixed(value, 1) : format_number(value);
}

// "784 -> 256", whose arrow a narrow page would break in two.
std::string with_arrows(std::string text) {
  for (std::size_t at = text.find("->"); at != text.npos;
       at = text.find("->", at)) {
    text.replace(at, 2, "\u2192");
  }
  return text;
}

}  // namespace

Table results_table(const std::vector<LoadedRun>& runs) {
  Table table;
  table.caption = texts::kResultsCaption;
  table.columns = {"Network",
                   "Parameters",
                   "Errors",
                   "Images",
                   "Accuracy",
                   "95 % interval",
                   "Test loss",
                   "Best epoch",
                   "Seconds / epoch"};
  const std::vector<std::size_t> sets = test_sets(runs);
  const bool several =
      std::any_of(sets.begin(), sets.end(), [](auto set) { return set > 0; });
  if (several) {
    table.columns.insert(table.columns.begin() + 1, texts::kTestSet);
  }
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const LoadedRun& run = runs[i];
    std::vector<std::string> row{run.title()};
    if (several) row.push_back(std::to_string(sets[i] + 1));
    row.push_back(count(run.run.summary, "/network/parameters"));
    if (const auto score = final_score(run)) {
      row.push_back(format_count(score->images - score->right));
      row.push_back(format_count(score->images));
      row.push_back(format_percent(score->accuracy()));
      row.push_back(format_interval(*score));
    } else {
      row.insert(row.end(), 4, kNone);
    }
    if (run.run.history.empty()) {
      row.insert(row.end(), 3, kNone);
    } else {
      const auto& history = run.run.history;
      const auto& best = history[apps::best_epoch(history)];
      row.push_back(format_number(history.back().test_loss));
      row.push_back(nn::concat(best.epoch, " of ", history.size()));
      row.push_back(format_number(seconds_per_epoch(run)));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table pair_table() {
  Table table;
  table.caption = texts::kPairsCaption;
  table.columns = {"A and B",
                   "Same prediction",
                   "A alone right",
                   "B alone right",
                   "p",
                   "Better"};
  return table;
}

void add_pair(Table& table,
              const LoadedRun& first,
              const LoadedRun& second,
              const PairedResult& pair) {
  table.rows.push_back(
      {first.title() + " and " + second.title(),
       format_percent(static_cast<double>(pair.same_prediction) /
                      static_cast<double>(pair.images)),
       format_count(pair.only_first_right),
       format_count(pair.only_second_right),
       format_p(pair.p_value),
       !pair.is_decided()                               ? "neither"
       : pair.only_first_right > pair.only_second_right ? "A"
                                                        : "B"});
}

Table class_table(const LoadedRun& run) {
  Table table;
  table.caption = run.title() + ": " + texts::kScoresCaption;
  table.columns = {"Class", "Images", "Precision", "Recall", "F1"};
  const auto scores = score_classes(run.run.confusion);
  for (std::size_t c = 0; c < scores.size(); ++c) {
    const ClassScore& score = scores[c];
    table.rows.push_back({run.names.classes[c],
                          format_count(score.images),
                          ratio(score.precision),
                          ratio(score.recall),
                          ratio(score.f1)});
  }
  return table;
}

std::optional<Table> confused_table(const LoadedRun& run) {
  constexpr std::size_t kShown = 8;
  const auto cells = most_confused(run.run.confusion, kShown);
  if (cells.empty()) return std::nullopt;
  Table table;
  table.caption = run.title() + ": " + texts::kConfusedCaption;
  table.columns = {"True class", "Predicted as", "Images", "Share of class"};
  table.first_number = 2;
  for (const apps::ConfusionCell& cell : cells) {
    table.rows.push_back(
        {run.names.classes[static_cast<std::size_t>(cell.label)],
         run.names.classes[static_cast<std::size_t>(cell.predicted)],
         format_count(cell.count),
         format_percent(cell.share)});
  }
  return table;
}

std::vector<Table> network_tables(const std::vector<LoadedRun>& runs) {
  std::vector<Table> tables;
  std::set<std::string> shown;
  for (const LoadedRun& run : runs) {
    const json* layers = find(run.run.summary, "/network/layers");
    if (layers == nullptr || !layers->is_array()) continue;
    // Both backends train the same network: one table for the two.
    if (!shown.insert(run.names.model + layers->dump()).second) continue;
    Table table;
    table.caption =
        run.names.model + ": input " + text(run.run.summary, "/network/input") +
        ", " + count(run.run.summary, "/network/parameters") + " parameters.";
    table.columns = {"Layer", "Output", "Parameters"};
    constexpr std::size_t kMostLayers = 1000;
    for (const json& layer : *layers) {
      if (table.rows.size() == kMostLayers) {
        table.rows.push_back(
            {nn::concat("and ", layers->size() - kMostLayers, " more"),
             kNone,
             kNone});
        break;
      }
      table.rows.push_back({with_arrows(text(layer, "/description")),
                            text(layer, "/output"),
                            count(layer, "/parameters")});
    }
    tables.push_back(std::move(table));
  }
  return tables;
}

std::vector<Table> surroundings_tables(const std::vector<LoadedRun>& runs) {
  constexpr std::size_t kRunsBeside = 4;
  const std::vector<std::pair<std::string, std::string>> facts{
      {"Program", "/program"},
      {"Version", "/version"},
      {"Finished", "/finished"},
      {"Seed", "/seed"},
      {"Threads", "/threads"},
      {"Processor", "/processor"},
      {"Instruction set", "/instruction_set"},
      {"Compiler", "/compiler"},
      {"Training images", "/dataset/training_images"},
      {"Test images", "/dataset/test_images"},
      {"Steps", "/steps"},
      {"Seconds of training", "/seconds/training"},
      {"Seconds in all", "/seconds/total"}};
  std::vector<Table> tables;
  for (const LoadedRun& run : runs) {
    if (!run.has_summary) continue;
    if (tables.empty() || tables.back().columns.size() > kRunsBeside) {
      Table& table = tables.emplace_back();
      table.caption = texts::kSurroundingsCaption;
      table.columns = {
          "",
      };
      table.first_number = 1000;
      for (const auto& fact : facts) table.rows.push_back({fact.first});
      table.rows.push_back({"Libraries"});
    }
    Table& table = tables.back();
    table.columns.push_back(run.title());
    for (std::size_t i = 0; i < facts.size(); ++i) {
      const std::string& pointer = facts[i].second;
      const auto value = number(run.run.summary, pointer);
      const bool is_time = pointer.rfind("/seconds", 0) == 0;
      const bool is_count =
          pointer == "/steps" || pointer.rfind("_images") != pointer.npos;
      table.rows[i].push_back(value && is_time ? format_seconds(*value)
                              : is_count       ? count(run.run.summary, pointer)
                                         : text(run.run.summary, pointer));
    }
    std::string libraries;
    if (const json* found = find(run.run.summary, "/libraries");
        found != nullptr && found->is_object()) {
      for (const auto& [name, version] : found->items()) {
        libraries +=
            (libraries.empty() ? "" : ", ") + name + " " +
            (version.is_string() ? version.get<std::string>() : version.dump());
      }
    }
    table.rows.back().push_back(
        libraries.empty() ? kNone : apps::printable(libraries, kMostLibraries));
  }
  return tables;
}

Table files_table(const std::vector<LoadedRun>& runs) {
  Table files;
  files.caption = texts::kFilesCaption;
  files.columns = {"File", "Bytes", "SHA-256"};
  constexpr std::size_t kMostFiles = 100;
  std::set<std::string> seen;
  for (const LoadedRun& run : runs) {
    const json* list = find(run.run.summary, "/dataset/files");
    if (list == nullptr || !list->is_array()) continue;
    for (const json& file : *list) {
      if (seen.size() == kMostFiles) break;
      if (!seen.insert(file.dump()).second) continue;
      files.rows.push_back({text(file, "/name"),
                            count(file, "/size_bytes"),
                            text(file, "/sha256")});
    }
  }
  files.first_number = 1000;
  return files;
}

}  // namespace report
