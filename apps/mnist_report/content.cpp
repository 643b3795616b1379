#include "mnist_report/content.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <set>
#include <utility>

#include "common/statistics.h"
#include "mnist_report/comparison.h"
#include "nn/check.h"
#include "plot/charts.h"
#include "plot/render.h"

namespace report {
namespace {

using nlohmann::json;
using plot::format_count;
using plot::format_number;
using plot::format_percent;

constexpr const char* kNone = "-";

const json* find(const json& summary, const std::string& pointer) {
  const json::json_pointer at(pointer);
  if (!summary.is_object() || !summary.contains(at)) return nullptr;
  return &summary.at(at);
}

std::string text(const json& summary, const std::string& pointer) {
  const json* value = find(summary, pointer);
  if (value == nullptr || value->is_null()) return kNone;
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

// A p-value with the digits that carry meaning.
std::string format_p(double p) {
  if (p >= 0.001) return fixed(p, 3);
  if (p < 1e-300) return "< 1e-300";
  return format_number(p);
}

struct Score {
  long right = 0;
  long images = 0;
  double accuracy() const {
    return static_cast<double>(right) / static_cast<double>(images);
  }
};

// By the final weights, from the confusion matrix.
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
  return fixed(interval.low * 100, 2) + " - " + fixed(interval.high * 100, 2) +
         " %";
}

double seconds_per_epoch(const LoadedRun& run) {
  std::vector<double> seconds;
  for (const apps::EpochRow& row : run.run.history) {
    seconds.push_back(row.train_seconds);
  }
  return median(seconds);
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
    if (!run.run.summary.is_object()) continue;
    if (title.empty()) {
      title = run.names.dataset;
    } else if (title.find(run.names.dataset) == std::string::npos) {
      title += " and " + run.names.dataset;
    }
  }
  return title.empty() ? "Unknown data set" : title;
}

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

// Colour says which model, dashes say which backend.
plot::Series run_series(const LoadedRun& run) {
  plot::Series series;
  series.colour = plot::theme::series(run.names.model == "MLP"   ? 1
                                      : run.names.model == "CNN" ? 0
                                                                 : 3);
  series.dashed = run.names.backend != "libnn";
  return series;
}

Figure drawn(plot::Drawing drawing, std::string alt) {
  Figure figure;
  figure.drawing = std::move(drawing);
  figure.alt = std::move(alt);
  return figure;
}

// The figures of one run, by kind; nothing where the table is missing.
std::optional<Figure> loss_figure(const LoadedRun& run) {
  if (run.run.history.empty()) return std::nullopt;
  const apps::EpochRow& last = run.run.history.back();
  const apps::EpochRow& best =
      run.run.history[apps::best_epoch(run.run.history)];
  return drawn(apps::draw_loss(run.run),
               nn::concat("Line chart of ",
                          run.title(),
                          " over ",
                          run.run.history.size(),
                          " epochs: the training loss ends at ",
                          format_number(last.train_loss),
                          ", the test loss at ",
                          format_number(last.test_loss),
                          ", the test accuracy at ",
                          format_percent(last.test_accuracy),
                          "; the best test accuracy is ",
                          format_percent(best.test_accuracy),
                          " in epoch ",
                          best.epoch,
                          "."));
}

std::optional<Figure> matrix_figure(const LoadedRun& run,
                                    apps::MatrixKind kind) {
  if (run.run.confusion.empty()) return std::nullopt;
  std::string alt = kind == apps::MatrixKind::kShare
                        ? "Confusion matrix of " + run.title() +
                              ", share of each true class. Recall by class:"
                        : "Mean predicted probability by true class of " +
                              run.title() + ". Given to the true class itself:";
  for (const apps::ConfusionCell& cell : run.run.confusion) {
    if (cell.label != cell.predicted) continue;
    alt += " " + run.names.classes[static_cast<std::size_t>(cell.label)] + " " +
           plot::format_share(kind == apps::MatrixKind::kShare
                                  ? cell.share
                                  : cell.mean_probability) +
           ",";
  }
  alt.back() = '.';
  return drawn(apps::draw_confusion(run.run, kind), alt);
}

std::optional<Figure> png_figure(const LoadedRun& run,
                                 const std::string& name,
                                 std::string alt) {
  const auto found = run.png.find(name);
  if (found == run.png.end()) return std::nullopt;
  Figure figure;
  figure.png = found->second;
  figure.alt = std::move(alt);
  return figure;
}

std::optional<Figure> top3_figure(const LoadedRun& run) {
  std::string alt = "The three highest-scored test images of every class of " +
                    run.title() + ".";
  long wrong = 0;
  for (const apps::TopImage& top : run.run.top3) {
    wrong += top.label != top.label_class;
  }
  if (!run.run.top3.empty()) {
    alt += nn::concat(
        " ", wrong, " of the ", run.run.top3.size(), " are of another class.");
  }
  return png_figure(run, "top3.png", alt);
}

std::optional<Figure> reliability_figure(const LoadedRun& run) {
  if (run.run.predictions.empty()) return std::nullopt;
  const Calibration calibration = calibrate(run.run.predictions);
  return drawn(draw_reliability(run),
               "Reliability diagram of " + run.title() +
                   ": expected calibration error " +
                   format_percent(calibration.expected_error) + ".");
}

using Maker = std::function<std::optional<Figure>(const LoadedRun&)>;
struct FigureKind {
  std::string heading;
  std::string explanation;
  Maker make;
};

std::vector<FigureKind> figure_kinds() {
  return {
      {"Loss and accuracy over epochs", "", loss_figure},
      {"Confusion matrices",
       "Rows are true classes, columns are predicted ones. A cell is the share "
       "of its row's images; a perfect network has ones on the diagonal. The "
       "colour scale is stretched towards 0 so that single errors show.",
       [](const LoadedRun& run) {
         return matrix_figure(run, apps::MatrixKind::kShare);
       }},
      {"Mean predicted probability",
       "The same matrix, but of the probabilities that the network gave rather "
       "than of its decisions: it also shows doubt that led to no error.",
       [](const LoadedRun& run) {
         return matrix_figure(run, apps::MatrixKind::kMeanProbability);
       }},
      {"Highest-scored test images", "", top3_figure},
      {"Worst mistakes",
       "",
       [](const LoadedRun& run) {
         return png_figure(run,
                           "mistakes.png",
                           "The worst test errors of " + run.title() +
                               " with true and predicted classes.");
       }},
      {"Calibration",
       "Of all predictions made with a probability of 90 %, 90 % should be "
       "right: then the points lie on the diagonal. The expected calibration "
       "error is the mean distance from it, weighted by the number of images.",
       reliability_figure},
      {"First-layer weights",
       "",
       [](const LoadedRun& run) {
         return png_figure(run,
                           "filters.png",
                           "The weights of the first layer of " + run.title() +
                               " as images.");
       }},
      {"Feature maps",
       "",
       [](const LoadedRun& run) {
         return png_figure(run,
                           "feature_maps.png",
                           "One test image on its way through the layers of " +
                               run.title() + ".");
       }},
  };
}

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

Table results_table(const std::vector<LoadedRun>& runs) {
  Table table;
  table.caption =
      "Final weights on the test set. The interval is Wilson's: how far "
      "another test set of this size could differ by chance. An epoch's time "
      "is the median, without evaluation.";
  table.columns = {"Network",
                   "Parameters",
                   "Errors",
                   "Images",
                   "Accuracy",
                   "95 % interval",
                   "Test loss",
                   "Best epoch",
                   "s / epoch",
                   "Images / s"};
  for (const LoadedRun& run : runs) {
    std::vector<std::string> row{run.title(),
                                 count(run.run.summary, "/network/parameters")};
    if (const auto score = final_score(run)) {
      row.push_back(format_count(score->images - score->right));
      row.push_back(format_count(score->images));
      row.push_back(format_percent(score->accuracy()));
      row.push_back(format_interval(*score));
    } else {
      row.insert(row.end(), 4, kNone);
    }
    if (run.run.history.empty()) {
      row.insert(row.end(), 4, kNone);
    } else {
      const auto& history = run.run.history;
      const auto& best = history[apps::best_epoch(history)];
      row.push_back(format_number(history.back().test_loss));
      row.push_back(nn::concat(best.epoch, " of ", history.size()));
      row.push_back(format_number(seconds_per_epoch(run)));
      const auto speed = images_per_second(run);
      row.push_back(speed ? format_count(std::llround(*speed)) : kNone);
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

// What McNemar's test says, in words.
std::string verdict(const PairedResult& pair,
                    const std::string& first,
                    const std::string& second) {
  if (pair.p_value >= 0.05) {
    return "The difference is no more than chance (p = " +
           format_p(pair.p_value) + ").";
  }
  const bool first_better = pair.only_first_right > pair.only_second_right;
  return (first_better ? first : second) +
         " is better by more than chance (p = " + format_p(pair.p_value) + ").";
}

Table pair_table() {
  Table table;
  table.caption =
      "Both networks on the same test images. p is McNemar's exact test of "
      "whether the images that one alone gets right split evenly.";
  table.columns = {
      "A and B", "Same prediction", "A alone right", "B alone right", "p"};
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
       format_p(pair.p_value)});
}

using Pair = std::pair<const LoadedRun*, const LoadedRun*>;

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

// Adds the table of all pairs that can be paired, and a sentence on each.
void add_pair_results(Document& out, const std::vector<Pair>& pairs) {
  Table table = pair_table();
  std::string words;
  for (const auto& [first, second] : pairs) {
    if (!same_images(first->run.predictions, second->run.predictions)) {
      words += first->title() + " and " + second->title() +
               ": no predictions of the same images to compare. ";
      continue;
    }
    const PairedResult pair =
        compare_predictions(first->run.predictions, second->run.predictions);
    add_pair(table, *first, *second, pair);
    words += first->title() + " (A) and " + second->title() +
             " (B): " + verdict(pair, first->title(), second->title()) + " ";
  }
  if (!table.rows.empty()) out.blocks.emplace_back(std::move(table));
  add_text(out, words);
}

void add_models(Document& out, const std::vector<LoadedRun>& runs) {
  const std::vector<Pair> pairs = model_pairs(runs);
  if (pairs.empty()) return;
  add_heading(out, 1, "MLP against CNN");
  FigureRow figures;
  for (const auto& [mlp, cnn] : pairs) {
    if (mlp->run.history.empty() || cnn->run.history.empty()) continue;
    figures.figures.push_back(
        drawn(draw_curves({mlp, cnn},
                          mlp->names.dataset + ": MLP against CNN (" +
                              mlp->names.backend + ")"),
              "Test loss and test accuracy over epochs of " + mlp->title() +
                  " and " + cnn->title() + "."));
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
      own.names.model + ": the first step's loss is " +
      fixed(a.front().loss, 6) + " with libnn and " + fixed(b.front().loss, 6) +
      " with LibTorch, a difference of " + format_number(differences.front()) +
      ". Over " + format_count(static_cast<long long>(differences.size())) +
      " steps the losses differ by " + format_number(median(differences)) +
      " in the median and by at most " + format_number(*greatest) +
      ", at step " + format_count(step) + ".";
  if (a.size() != b.size()) {
    words += " The runs have " +
             format_count(static_cast<long long>(a.size())) + " and " +
             format_count(static_cast<long long>(b.size())) +
             " steps; the shorter one decides what is compared.";
  }
  add_text(out, words);
}

void add_backends(Document& out, const std::vector<LoadedRun>& runs) {
  const std::vector<Pair> pairs = backend_pairs(runs);
  if (pairs.empty()) return;
  add_heading(out, 1, "Own code against LibTorch");
  add_text(out,
           "Both start from the same weights and see the same batches in the "
           "same order. They differ by the rounding of float arithmetic alone, "
           "which training magnifies: the step losses agree at first and drift "
           "apart as far as another order of the same sums would take them.");
  FigureRow figures;
  for (const auto& [own, torch] : pairs) {
    if (own->run.steps.empty() || torch->run.steps.empty()) continue;
    figures.figures.push_back(
        drawn(draw_step_losses(*own, *torch),
              "Step losses of " + own->title() + " and " + torch->title() +
                  ", and beneath them their difference."));
  }
  if (!figures.figures.empty()) out.blocks.emplace_back(std::move(figures));
  for (const auto& [own, torch] : pairs) add_step_sentence(out, *own, *torch);
  add_pair_results(out, pairs);
}

void add_speed(Document& out, const std::vector<LoadedRun>& runs) {
  plot::BarChart chart;
  chart.title = "Seconds per epoch";
  chart.subtitle =
      "Median over the epochs, training alone. Compare only runs of the same "
      "machine with the same number of threads.";
  for (const LoadedRun& run : runs) {
    if (run.run.history.empty()) continue;
    plot::Bar bar;
    bar.name = run.title();
    bar.value = seconds_per_epoch(run);
    bar.text = format_number(bar.value) + " s";
    const auto speed = images_per_second(run);
    if (speed)
      bar.text += ", " + format_count(std::llround(*speed)) + " images/s";
    const std::string threads = text(run.run.summary, "/threads");
    if (threads != kNone) {
      bar.text += ", " + threads + (threads == "1" ? " thread" : " threads");
    }
    bar.colour = run_series(run).colour;
    chart.bars.push_back(std::move(bar));
  }
  if (chart.bars.empty()) return;
  add_heading(out, 1, "Speed");
  std::string alt = "Bar chart of seconds per epoch:";
  for (const plot::Bar& bar : chart.bars) {
    alt += " " + bar.name + " " + bar.text + ";";
  }
  alt.back() = '.';
  FigureRow row;
  row.figures.push_back(drawn(plot::draw(chart), alt));
  out.blocks.emplace_back(std::move(row));
  for (const auto& [own, torch] : backend_pairs(runs)) {
    const double a = seconds_per_epoch(*own);
    const double b = seconds_per_epoch(*torch);
    if (!(a > 0) || !(b > 0)) continue;
    add_text(out,
             own->names.model + ": an epoch takes libnn " + format_number(a) +
                 " s and LibTorch " + format_number(b) + " s, " +
                 fixed(b / a, 2) + " times libnn's time.");
  }
}

std::string ratio(double value) {
  return std::isfinite(value) ? format_percent(value) : kNone;
}

Table class_table(const LoadedRun& run) {
  Table table;
  table.caption = run.title() +
                  ": precision is the share of the images predicted as a "
                  "class that are of it, recall the share of a class's images "
                  "that are found, F1 their harmonic mean.";
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

void add_confused(Document& out, const LoadedRun& run) {
  constexpr std::size_t kShown = 8;
  const auto cells = most_confused(run.run.confusion, kShown);
  if (cells.empty()) {
    add_text(out, run.title() + " confuses no classes.");
    return;
  }
  Table table;
  table.caption = run.title() + ": the most confused pairs of classes.";
  table.columns = {"True class", "Predicted as", "Images", "Share of class"};
  table.first_number = 2;
  for (const apps::ConfusionCell& cell : cells) {
    table.rows.push_back(
        {run.names.classes[static_cast<std::size_t>(cell.label)],
         run.names.classes[static_cast<std::size_t>(cell.predicted)],
         format_count(cell.count),
         format_percent(cell.share)});
  }
  out.blocks.emplace_back(std::move(table));
}

void add_class_tables(Document& out, const LoadedRun& run) {
  if (run.run.confusion.empty()) return;
  out.blocks.emplace_back(class_table(run));
  add_confused(out, run);
}

void add_by_figure(Document& out, const std::vector<LoadedRun>& runs) {
  for (const FigureKind& kind : figure_kinds()) {
    FigureRow row;
    for (const LoadedRun& run : runs) {
      if (auto figure = kind.make(run)) {
        row.figures.push_back(std::move(*figure));
      }
    }
    if (row.figures.empty()) continue;
    add_heading(out, 1, kind.heading);
    add_text(out, kind.explanation);
    out.blocks.emplace_back(std::move(row));
  }
  add_heading(out, 1, "Class by class");
  for (const LoadedRun& run : runs) {
    if (run.run.confusion.empty()) continue;
    add_heading(out, 2, run.title());
    add_class_tables(out, run);
  }
}

void add_by_run(Document& out, const std::vector<LoadedRun>& runs) {
  add_heading(out, 1, "How to read the figures");
  for (const FigureKind& kind : figure_kinds()) {
    if (!kind.explanation.empty()) {
      add_text(out, kind.heading + ". " + kind.explanation);
    }
  }
  for (const LoadedRun& run : runs) {
    add_heading(out, 1, run.names.dataset + ": " + run.title());
    for (const FigureKind& kind : figure_kinds()) {
      auto figure = kind.make(run);
      if (!figure) continue;
      FigureRow row;
      row.figures.push_back(std::move(*figure));
      out.blocks.emplace_back(std::move(row));
    }
    if (run.run.confusion.empty()) continue;
    add_heading(out, 2, "Class by class");
    add_class_tables(out, run);
  }
}

void add_problems(Document& out, const std::vector<LoadedRun>& runs) {
  std::vector<std::string> lines;
  for (const LoadedRun& run : runs) {
    lines.insert(lines.end(), run.problems.begin(), run.problems.end());
  }
  std::set<std::string> datasets;
  for (const LoadedRun& run : runs) {
    if (run.run.summary.is_object()) datasets.insert(run.names.dataset);
  }
  if (datasets.size() > 1) {
    lines.emplace_back(
        "The runs are of different data sets: compare them with care.");
  }
  if (lines.empty()) return;
  add_heading(out, 1, "What is missing");
  add_text(out,
           "These files could not be used; everything that the others allow "
           "is below.");
  for (std::string& line : lines) {
    add_text(out, std::move(line), Paragraph::Kind::kProblem);
  }
}

// The best network and what the comparisons come to, a sentence each.
void add_short(Document& out, const std::vector<LoadedRun>& runs) {
  add_heading(out, 1, "Results");
  const LoadedRun* best = nullptr;
  for (const LoadedRun& run : runs) {
    const auto score = final_score(run);
    if (!score) continue;
    if (best == nullptr || score->accuracy() > final_score(*best)->accuracy()) {
      best = &run;
    }
  }
  if (best != nullptr) {
    const Score score = *final_score(*best);
    add_text(out,
             (runs.size() > 1 ? "The best network is " + best->title() + ": it"
                              : best->title()) +
                 " predicts " + format_percent(score.accuracy()) + " of " +
                 format_count(score.images) +
                 " test images rightly (95 % interval " +
                 format_interval(score) + ") and " +
                 format_count(score.images - score.right) + " wrongly.");
  }
  std::vector<Pair> pairs = model_pairs(runs);
  const std::vector<Pair> others = backend_pairs(runs);
  pairs.insert(pairs.end(), others.begin(), others.end());
  for (const auto& [first, second] : pairs) {
    if (!same_images(first->run.predictions, second->run.predictions)) continue;
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
  std::set<std::string> shown;
  bool has_heading = false;
  for (const LoadedRun& run : runs) {
    const json* layers = find(run.run.summary, "/network/layers");
    if (layers == nullptr || !layers->is_array()) continue;
    // Both backends train the same network: one table for the two.
    if (!shown.insert(run.names.model + layers->dump()).second) continue;
    if (!has_heading) add_heading(out, 1, "What was trained");
    has_heading = true;
    Table table;
    table.caption =
        run.names.model + ": input " + text(run.run.summary, "/network/input") +
        ", " + count(run.run.summary, "/network/parameters") + " parameters.";
    table.columns = {"Layer", "Output", "Parameters"};
    for (const json& layer : *layers) {
      table.rows.push_back({text(layer, "/description"),
                            text(layer, "/output"),
                            count(layer, "/parameters")});
    }
    out.blocks.emplace_back(std::move(table));
  }
}

void add_how(Document& out, const std::vector<LoadedRun>& runs) {
  add_heading(out, 1, "How it was run");
  add_text(out,
           "The same seed gives the same initial weights and the same order of "
           "batches. With the programs built, these commands give these runs:");
  std::string commands;
  for (const LoadedRun& run : runs) {
    const std::string command = command_line(run.run.summary);
    if (!command.empty()) commands += command + "\n";
  }
  commands += "mnist_report --results results";
  add_text(out, commands, Paragraph::Kind::kCode);

  Table table;
  table.caption = "Surroundings of each run.";
  table.columns = {
      "",
  };
  table.first_number = 1000;
  const std::vector<std::pair<std::string, std::string>> facts{
      {"Program", "/program"},
      {"Version", "/version"},
      {"Seed", "/seed"},
      {"Threads", "/threads"},
      {"Instruction set", "/instruction_set"},
      {"Compiler", "/compiler"},
      {"Training images", "/dataset/training_images"},
      {"Test images", "/dataset/test_images"},
      {"Steps", "/steps"},
      {"Seconds of training", "/seconds/training"},
      {"Seconds in all", "/seconds/total"}};
  for (const auto& fact : facts) table.rows.push_back({fact.first});
  table.rows.push_back({"Libraries"});
  for (const LoadedRun& run : runs) {
    if (!run.run.summary.is_object()) continue;
    table.columns.push_back(run.title());
    for (std::size_t i = 0; i < facts.size(); ++i) {
      const auto value = number(run.run.summary, facts[i].second);
      const bool is_time = facts[i].second.rfind("/seconds", 0) == 0;
      table.rows[i].push_back(value && is_time
                                  ? fixed(*value, 1)
                                  : text(run.run.summary, facts[i].second));
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
    table.rows.back().push_back(libraries.empty() ? kNone : libraries);
  }
  if (table.columns.size() > 1) out.blocks.emplace_back(std::move(table));

  Table files;
  files.caption = "The data files that were read.";
  files.columns = {"File", "Bytes", "SHA-256"};
  std::set<std::string> seen;
  for (const LoadedRun& run : runs) {
    const json* list = find(run.run.summary, "/dataset/files");
    if (list == nullptr || !list->is_array()) continue;
    for (const json& file : *list) {
      if (!seen.insert(file.dump()).second) continue;
      files.rows.push_back({text(file, "/name"),
                            count(file, "/size_bytes"),
                            text(file, "/sha256")});
    }
  }
  files.first_number = 1000;
  if (!files.rows.empty()) out.blocks.emplace_back(std::move(files));
}

std::string shell_word(const std::string& word) {
  const bool plain =
      !word.empty() && word.find_first_not_of(
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
                           "wxyz0123456789_-./,:=+@%") == std::string::npos;
  if (plain) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

std::string option_value(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::string list;
  for (const json& item : value) {
    list += (list.empty() ? "" : ",") + option_value(item);
  }
  return list;
}

}  // namespace

std::string command_line(const json& summary) {
  const json* options = find(summary, "/options");
  const std::string program = text(summary, "/program");
  if (options == nullptr || !options->is_object() || program == kNone) {
    return "";
  }
  std::string command = program;
  for (const auto& [name, value] : options->items()) {
    // A program of one model takes no --model, and no limit is no option.
    if (name == "model" && value.is_string() &&
        program == "mnist_" + value.get<std::string>()) {
      continue;
    }
    const bool is_limit = name == "train-limit" || name == "test-limit";
    if (is_limit && value == 0) continue;
    if (value.is_boolean()) {
      if (value.get<bool>()) command += " --" + name;
      continue;
    }
    const std::string word = value.is_null() ? "" : option_value(value);
    if (!word.empty()) command += " --" + name + " " + shell_word(word);
  }
  return command;
}

plot::Drawing draw_reliability(const LoadedRun& run) {
  const Calibration calibration = calibrate(run.run.predictions);
  plot::LineChart chart;
  chart.title = run.names.dataset + ": reliability, " + run.names.run();
  chart.subtitle = "Expected calibration error " +
                   format_percent(calibration.expected_error) + ", from " +
                   std::to_string(calibration.bins.size()) +
                   " bins of equal width; empty ones are left out.";
  chart.x_title = "predicted probability of the predicted class";
  chart.integer_x = false;
  chart.x_low = 0;
  chart.x_high = 1;
  plot::Series diagonal;
  diagonal.x = {0, 1};
  diagonal.y = {0, 1};
  diagonal.colour = plot::theme::kMuted;
  diagonal.dashed = true;
  diagonal.width = 1.2;
  diagonal.label = "ideal";
  plot::Series accuracy;
  accuracy.label = "this network";
  plot::Series counts;
  counts.kind = plot::Series::Kind::kBars;
  counts.bar_width = 1.0 / static_cast<double>(calibration.bins.size());
  for (const CalibrationBin& bin : calibration.bins) {
    counts.x.push_back((bin.low + bin.high) / 2);
    counts.y.push_back(static_cast<double>(bin.count));
    if (bin.count == 0) continue;
    accuracy.x.push_back(bin.mean_confidence);
    accuracy.y.push_back(bin.accuracy);
  }
  plot::Panel top;
  top.title = "Share of right predictions";
  top.series = {diagonal, accuracy};
  top.style = plot::NumberStyle::kPercent;
  top.floor = 0;
  top.ceiling = 1;
  top.height = 300;
  plot::Panel bottom;
  bottom.title = "Number of test images (logarithmic scale)";
  bottom.series = {counts};
  bottom.log = true;
  bottom.height = 100;
  chart.panels = {top, bottom};
  return plot::draw(chart);
}

plot::Drawing draw_step_losses(const LoadedRun& first,
                               const LoadedRun& second) {
  constexpr int kBuckets = 360;
  const auto series = [](const LoadedRun& run) {
    plot::Series out = run_series(run);
    for (const apps::StepRow& row : run.run.steps) {
      out.x.push_back(static_cast<double>(row.step));
      out.y.push_back(row.loss);
    }
    plot::thin_out(out.x, out.y, kBuckets);
    out.label = run.names.backend;
    return out;
  };
  plot::LineChart chart;
  chart.title = first.names.dataset + ": step losses of " +
                first.names.backend + " and " + second.names.backend + ", " +
                first.names.model;
  chart.subtitle =
      "Of many steps, each span's least and greatest value is drawn. A "
      "difference of exactly 0 lies on the lower edge.";
  chart.x_title = "step";
  plot::Panel losses;
  losses.title = "Loss of the batch (nats, logarithmic scale)";
  losses.log = true;
  // The thick pale line beneath shows wherever the thin one leaves it.
  plot::Series under = series(second);
  under.colour = plot::theme::series(1);
  under.dashed = false;
  under.width = 2.6;
  plot::Series over = series(first);
  over.colour = plot::theme::series(0);
  over.width = 0.9;
  losses.series = {under, over};
  plot::Panel gap;
  gap.title = "Absolute difference (logarithmic scale)";
  gap.log = true;
  gap.height = 150;
  plot::Series difference;
  difference.colour = plot::theme::series(3);
  difference.width = 0.9;
  difference.y = step_differences(first.run.steps, second.run.steps);
  for (std::size_t i = 0; i < difference.y.size(); ++i) {
    difference.x.push_back(static_cast<double>(i + 1));
  }
  plot::thin_out(difference.x, difference.y, kBuckets);
  difference.label = "difference";
  gap.series = {difference};
  chart.panels = {losses, gap};
  return plot::draw(chart);
}

plot::Drawing draw_curves(const std::vector<const LoadedRun*>& runs,
                          const std::string& title) {
  plot::LineChart chart;
  chart.title = title;
  chart.x_title = "epoch";
  plot::Panel loss;
  loss.title = "Test loss (nats)";
  loss.floor = 0;
  plot::Panel accuracy;
  accuracy.title = "Test accuracy";
  accuracy.style = plot::NumberStyle::kPercent;
  accuracy.floor = 0;
  accuracy.ceiling = 1;
  accuracy.least_span = 0.01;
  double low = 1e300;
  double high = 0;
  for (const LoadedRun* run : runs) {
    plot::Series losses = run_series(*run);
    plot::Series accuracies = losses;
    for (const apps::EpochRow& row : run->run.history) {
      losses.x.push_back(row.epoch);
      losses.y.push_back(row.test_loss);
      accuracies.x.push_back(row.epoch);
      accuracies.y.push_back(row.test_accuracy);
      high = std::max(high, row.test_loss);
      if (row.test_loss > 0) low = std::min(low, row.test_loss);
    }
    const apps::EpochRow& last = run->run.history.back();
    losses.label = run->names.model + " " + format_number(last.test_loss);
    accuracies.label =
        run->names.model + " " + format_percent(last.test_accuracy);
    loss.series.push_back(std::move(losses));
    accuracy.series.push_back(std::move(accuracies));
  }
  loss.log = low < 1e300 && high / low > 4;
  if (loss.log) loss.title = "Test loss (nats, logarithmic scale)";
  chart.panels = {loss, accuracy};
  return plot::draw(chart);
}

Document make_document(const std::vector<LoadedRun>& runs,
                       Arrangement arrangement) {
  Document out;
  const std::string dataset = dataset_title(runs);
  static constexpr const char* kCounts[] = {
      "no", "one", "two", "three", "four"};
  out.title = dataset + ": " +
              (runs.size() < std::size(kCounts) ? kCounts[runs.size()]
                                                : std::to_string(runs.size())) +
              (runs.size() == 1 ? " network" : " networks");
  out.subtitle =
      "Trained with stochastic gradient descent on the cross-entropy loss, "
      "tested on images that training never saw.";
  add_problems(out, runs);
  add_short(out, runs);
  add_networks(out, runs);
  if (arrangement == Arrangement::kByFigure) {
    add_by_figure(out, runs);
  } else {
    add_by_run(out, runs);
  }
  add_models(out, runs);
  add_backends(out, runs);
  add_speed(out, runs);
  add_how(out, runs);
  return out;
}

}  // namespace report
