#include "mnist_report/content.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "common/printable.h"
#include "common/statistics.h"
#include "common/texts.h"
#include "mnist_report/command_line.h"
#include "mnist_report/comparison.h"
#include "mnist_report/comparison_figures.h"
#include "mnist_report/facts.h"
#include "mnist_report/run_figures.h"
#include "mnist_report/tables.h"
#include "mnist_report/tell_apart.h"
#include "nn/check.h"
#include "plot/charts.h"

namespace report {
namespace {

namespace texts = apps::texts;
using plot::format_count;
using plot::format_number;
using plot::format_percent;

void add_heading(Document& out, int level, std::string heading) {
  out.blocks.emplace_back(Heading{level, std::move(heading)});
}

void add_text(Document& out,
              std::string words,
              Paragraph::Kind kind = Paragraph::Kind::kText) {
  if (!words.empty()) {
    out.blocks.emplace_back(Paragraph{std::move(words), kind});
  }
}

void add_problem(Document& out, std::string problem) {
  add_text(out, problem, Paragraph::Kind::kProblem);
  out.problems.push_back(std::move(problem));
}

// Lets `make` make a part of the report. Where it cannot, the part is a problem
// and the others are made all the same.
template <typename Make>
void attempt(Document& out, const std::string& part, const Make& make) {
  const std::size_t before = out.blocks.size();
  try {
    make();
  } catch (const std::exception& error) {
    while (out.blocks.size() > before) out.blocks.pop_back();
    add_problem(out,
                part + ": cannot be shown: " + apps::printable(error.what()));
  }
}

// A figure that may fail, for attempt().
template <typename Draw>
void add_figure(Document& out,
                FigureRow& row,
                const std::string& part,
                const Draw& draw) {
  attempt(out, part, [&] { row.figures.push_back(draw()); });
}

// What McNemar's test says, in words.
std::string verdict(const PairedResult& pair,
                    const std::string& first,
                    const std::string& second) {
  if (!pair.is_decided()) {
    return "The difference is no more than chance (p = " +
           format_p(pair.p_value) + ").";
  }
  const bool first_better = pair.only_first_right > pair.only_second_right;
  return (first_better ? first : second) +
         " is better by more than chance (p = " + format_p(pair.p_value) + ").";
}

void add_problems(Document& out, const Results& results) {
  std::vector<std::string> lines = results.all_problems();
  const LoadedRun* first = nullptr;
  bool mixed = false;
  for (const LoadedRun& run : results.runs) {
    if (!run.has_summary) continue;
    if (first == nullptr) first = &run;
    mixed = mixed || !comparable(*first, run);
  }
  if (mixed) lines.emplace_back(texts::kMixedData);
  if (lines.empty()) return;
  add_heading(out, 1, texts::kMissing);
  add_text(out, texts::kMissingText);
  for (std::string& line : lines) {
    add_text(out, std::move(line), Paragraph::Kind::kProblem);
  }
}

// The best of the runs whose test set has this number, and of how many.
void add_best(Document& out,
              const std::vector<LoadedRun>& runs,
              const std::vector<std::size_t>& sets,
              std::size_t set) {
  const LoadedRun* best = nullptr;
  int tested = 0;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto score = final_score(runs[i]);
    if (sets[i] != set || !score) continue;
    ++tested;
    if (best == nullptr || score->accuracy() > final_score(*best)->accuracy()) {
      best = &runs[i];
    }
  }
  if (best == nullptr) return;
  const bool is_only_set = std::count(sets.begin(), sets.end(), set) ==
                           static_cast<std::ptrdiff_t>(sets.size());
  const std::string where =
      is_only_set ? "" : " on test set " + std::to_string(set + 1);
  const Score score = *final_score(*best);
  add_text(
      out,
      (tested > 1 ? "The best network" + where + " is " + best->title() + ": it"
                  : best->title()) +
          " predicts " + format_percent(score.accuracy()) + " of " +
          format_count(score.images) + " test images" +
          (tested > 1 ? "" : where) + " rightly (95 % interval " +
          format_interval(score) + ") and " +
          format_count(score.images - score.right) + " wrongly.");
}

// The best networks and what the comparisons come to, a sentence each.
void add_short(Document& out, const std::vector<LoadedRun>& runs) {
  add_heading(out, 1, texts::kResults);
  const std::vector<std::size_t> sets = test_sets(runs);
  const std::size_t last = *std::max_element(sets.begin(), sets.end());
  if (last > 0) add_text(out, texts::kOtherTestSets);
  for (std::size_t set = 0; set <= last; ++set) add_best(out, runs, sets, set);
  std::vector<Pair> pairs = model_pairs(runs);
  const std::vector<Pair> others = backend_pairs(runs);
  pairs.insert(pairs.end(), others.begin(), others.end());
  for (const auto& [first, second] : pairs) {
    if (!same_test_set(*first, *second) ||
        !same_images(first->run.predictions, second->run.predictions)) {
      continue;
    }
    const PairedResult pair =
        compare_predictions(first->run.predictions, second->run.predictions);
    add_text(out,
             first->title() + " against " + second->title() + ": " +
                 format_percent(static_cast<double>(pair.same_prediction) /
                                static_cast<double>(pair.images)) +
                 " of their predictions are the same. " +
                 verdict(pair, first->title(), second->title()));
  }
  out.blocks.emplace_back(results_table(runs));
}

void add_networks(Document& out, const std::vector<LoadedRun>& runs) {
  std::vector<Table> tables = network_tables(runs);
  if (tables.empty()) return;
  add_heading(out, 1, texts::kNetworks);
  for (Table& table : tables) out.blocks.emplace_back(std::move(table));
}

// All runs' figures of one kind side by side.
void add_kind(Document& out,
              const FigureKind& kind,
              const std::vector<LoadedRun>& runs,
              int level) {
  FigureRow row;
  Document problems;
  for (const LoadedRun& run : runs) {
    attempt(problems, run.title() + ", " + kind.heading, [&] {
      for (Figure& figure : kind.make(run)) {
        figure.name = run.title() + figure.name;
        row.figures.push_back(std::move(figure));
      }
    });
  }
  if (row.figures.empty() && problems.problems.empty()) return;
  add_heading(out, level, kind.heading);
  add_text(out, kind.explanation);
  for (std::string& problem : problems.problems) {
    add_problem(out, std::move(problem));
  }
  if (!row.figures.empty()) out.blocks.emplace_back(std::move(row));
}

void add_confused(Document& out, const LoadedRun& run) {
  if (auto table = confused_table(run)) {
    out.blocks.emplace_back(std::move(*table));
  } else {
    add_text(out, run.title() + " confuses no classes.");
  }
}

void add_by_figure(Document& out, const std::vector<LoadedRun>& runs) {
  for (const FigureKind& kind : figure_kinds()) add_kind(out, kind, runs, 1);
  add_heading(out, 1, texts::kClasses);
  for (const LoadedRun& run : runs) {
    if (run.run.confusion.empty()) continue;
    add_heading(out, 2, run.title());
    out.blocks.emplace_back(class_table(run));
    add_confused(out, run);
  }
}

void add_by_run(Document& out, const std::vector<LoadedRun>& runs) {
  // In the order in which they fill pages.
  std::vector<FigureKind> kinds = figure_kinds();
  kinds.insert(kinds.begin() + 1, layer_times_kind());
  add_heading(out, 1, texts::kHowToRead);
  for (const FigureKind& kind : kinds) {
    if (!kind.explanation.empty()) {
      add_text(out, kind.heading + ". " + kind.explanation);
    }
  }
  for (const LoadedRun& run : runs) {
    add_heading(out, 1, run.names.dataset + ": " + run.title());
    for (const FigureKind& kind : kinds) {
      attempt(out, run.title() + ", " + kind.heading, [&] {
        for (Figure& figure : kind.make(run)) {
          FigureRow row;
          figure.name = kind.heading + figure.name;
          row.figures.push_back(std::move(figure));
          out.blocks.emplace_back(std::move(row));
        }
      });
      // The matrices leave room for the tables that count the same images.
      if (run.run.confusion.empty()) continue;
      if (kind.heading == texts::kMatrices) {
        out.blocks.emplace_back(class_table(run));
      } else if (kind.heading == texts::kMeans) {
        add_confused(out, run);
      }
    }
  }
}

// Adds the table of all pairs that can be paired, and a sentence on each other.
void add_pair_results(Document& out, const std::vector<Pair>& pairs) {
  Table table = pair_table();
  std::string words;
  for (const auto& [first, second] : pairs) {
    const bool same_set = same_test_set(*first, *second);
    if (!same_set ||
        !same_images(first->run.predictions, second->run.predictions)) {
      words += first->title() + " and " + second->title() + ": " +
               (same_set ? "no predictions of the same images to compare. "
                         : "tested on different images, and so not compared. ");
      continue;
    }
    add_pair(
        table,
        *first,
        *second,
        compare_predictions(first->run.predictions, second->run.predictions));
  }
  if (!table.rows.empty()) out.blocks.emplace_back(std::move(table));
  add_text(out, words);
}

// What tells two runs from others of theirs, for a title.
std::string distinctions(const LoadedRun& first, const LoadedRun& second) {
  const std::string& a = first.names.distinction;
  const std::string& b = second.names.distinction;
  if (a == b || b.empty()) return a.empty() ? "" : ", " + a;
  return ", " + (a.empty() ? "" : a + " against ") + b;
}

void add_models(Document& out, const std::vector<LoadedRun>& runs) {
  const std::vector<Pair> pairs = model_pairs(runs);
  if (pairs.empty()) return;
  add_heading(out, 1, texts::kModels);
  FigureRow figures;
  for (const auto& [mlp, cnn] : pairs) {
    if (mlp->run.history.empty() || cnn->run.history.empty() ||
        !same_test_set(*mlp, *cnn)) {
      continue;
    }
    add_figure(out, figures, texts::kModels, [&, mlp = mlp, cnn = cnn] {
      return drawn(
          draw_curves({mlp, cnn},
                      mlp->names.dataset + ": MLP against CNN (" +
                          mlp->names.backend + ")" + distinctions(*mlp, *cnn)),
          "Test loss and test accuracy over epochs of " + mlp->title() +
              " and " + cnn->title() + ".",
          mlp->names.backend);
    });
  }
  if (!figures.figures.empty()) out.blocks.emplace_back(std::move(figures));
  add_pair_results(out, pairs);
}

void add_step_sentence(Document& out,
                       const LoadedRun& own,
                       const LoadedRun& torch) {
  const auto& a = own.run.steps;
  const auto& b = torch.run.steps;
  const std::vector<double> differences = step_differences(a, b);
  if (differences.empty()) return;
  const auto greatest =
      std::max_element(differences.begin(), differences.end());
  const auto step = greatest - differences.begin() + 1;
  std::string words =
      own.names.model + distinctions(own, torch) +
      ": the first step's loss is " + fixed(a.front().loss, 6) +
      " with libnn and " + fixed(b.front().loss, 6) +
      " with LibTorch, a difference of " + format_number(differences.front()) +
      ". Over " + format_count(static_cast<long long>(differences.size())) +
      " steps the losses differ by " +
      format_number(apps::median(differences)) +
      " in the median and by at most " + format_number(*greatest) +
      ", at step " + format_count(step) + ".";
  if (a.size() != b.size()) {
    words += " The runs have " +
             format_count(static_cast<long long>(a.size())) + " and " +
             format_count(static_cast<long long>(b.size())) +
             " steps; the shorter one decides what is compared.";
  }
  std::string options;
  for (const std::string& name : differing_settings(own, torch)) {
    options += (options.empty() ? "" : ", ") + name;
  }
  if (!options.empty()) {
    words +=
        " Their options differ, so the losses do for more than rounding: " +
        options + ".";
  }
  add_text(out, words);
}

void add_backends(Document& out, const std::vector<LoadedRun>& runs) {
  const std::vector<Pair> pairs = backend_pairs(runs);
  if (pairs.empty()) return;
  add_heading(out, 1, texts::kBackends);
  add_text(out, texts::kBackendsText);
  FigureRow figures;
  for (const auto& [own, torch] : pairs) {
    if (own->run.steps.empty() || torch->run.steps.empty()) continue;
    add_figure(out, figures, texts::kBackends, [own = own, torch = torch] {
      return drawn(draw_step_losses(*own, *torch),
                   "Step losses of " + own->title() + " and " + torch->title() +
                       ", and beneath them their difference.",
                   own->names.model);
    });
  }
  if (!figures.figures.empty()) out.blocks.emplace_back(std::move(figures));
  for (const auto& [own, torch] : pairs) add_step_sentence(out, *own, *torch);
  add_pair_results(out, pairs);
}

void add_speed(Document& out,
               const std::vector<LoadedRun>& runs,
               Arrangement arrangement) {
  const plot::BarChart chart = seconds_chart(runs);
  if (chart.bars.empty()) return;
  add_heading(out, 1, texts::kSpeed);
  std::string alt = "Bar chart of seconds per epoch:";
  for (const plot::Bar& bar : chart.bars) {
    alt += " " + bar.name + " " + bar.text + ";";
  }
  alt.back() = '.';
  FigureRow row;
  add_figure(out, row, texts::kSecondsTitle, [&] {
    return drawn(plot::draw(chart), alt, texts::kSecondsTitle);
  });
  add_figure(out, row, texts::kEverySecondTitle, [&] {
    return drawn(draw_epoch_seconds(runs),
                 "Line chart of the seconds of every epoch; the bar chart has "
                 "the medians.",
                 texts::kEverySecondTitle);
  });
  if (!row.figures.empty()) out.blocks.emplace_back(std::move(row));
  for (const auto& [own, torch] : backend_pairs(runs)) {
    const double a = seconds_per_epoch(*own);
    const double b = seconds_per_epoch(*torch);
    if (!(a > 0) || !(b > 0)) continue;
    add_text(out,
             own->names.model + distinctions(*own, *torch) +
                 ": an epoch takes libnn " + format_number(a) +
                 " s and LibTorch " + format_number(b) + " s, " +
                 fixed(b / a, 2) + " times libnn's time.");
  }
  // On paper each run has its own.
  if (arrangement == Arrangement::kByFigure) {
    add_kind(out, layer_times_kind(), runs, 2);
  }
}

void add_how(Document& out, const std::vector<LoadedRun>& runs) {
  add_heading(out, 1, texts::kHow);
  add_text(out, texts::kHowText);
  constexpr std::size_t kCommandColumns = 90;
  std::string commands;
  for (const LoadedRun& run : runs) {
    const std::string command = command_line(run.run.summary);
    if (!command.empty()) {
      commands += fold_command(command, kCommandColumns) + "\n";
    }
  }
  commands += "mnist_report --results results";
  add_text(out, commands, Paragraph::Kind::kCode);

  for (Table& surroundings : surroundings_tables(runs)) {
    out.blocks.emplace_back(std::move(surroundings));
  }
  Table files = files_table(runs);
  if (!files.rows.empty()) out.blocks.emplace_back(std::move(files));
}

}  // namespace

Document make_document(const Results& results, Arrangement arrangement) {
  const std::vector<LoadedRun>& runs = results.runs;
  Document out;
  const std::string dataset = dataset_title(runs);
  static constexpr const char* kCounts[] = {
      "no", "one", "two", "three", "four"};
  out.title = dataset + ": " +
              (runs.size() < std::size(kCounts) ? kCounts[runs.size()]
                                                : std::to_string(runs.size())) +
              (runs.size() == 1 ? " network" : " networks");
  out.subtitle = texts::kReportSubtitle;
  const auto section = [&](const char* name, const auto& add) {
    attempt(out, name, add);
  };
  add_problems(out, results);
  section(texts::kResults, [&] { add_short(out, runs); });
  section(texts::kNetworks, [&] { add_networks(out, runs); });
  section(texts::kLoss, [&] {
    if (arrangement == Arrangement::kByFigure) {
      add_by_figure(out, runs);
    } else {
      add_by_run(out, runs);
    }
  });
  section(texts::kModels, [&] { add_models(out, runs); });
  section(texts::kBackends, [&] { add_backends(out, runs); });
  section(texts::kSpeed, [&] { add_speed(out, runs, arrangement); });
  section(texts::kHow, [&] { add_how(out, runs); });
  return out;
}

}  // namespace report
