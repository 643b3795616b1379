#include "mnist_report/run_figures.h"

#include <utility>

#include "common/texts.h"
#include "mnist_report/comparison.h"
#include "nn/check.h"
#include "plot/render.h"

namespace report {
namespace {

namespace texts = apps::texts;
using plot::format_number;
using plot::format_percent;

// The figures of one run, by kind; nothing where the table is missing.
std::vector<Figure> loss_figure(const LoadedRun& run) {
  if (run.run.history.empty()) return {};
  const apps::EpochRow& last = run.run.history.back();
  const apps::EpochRow& best =
      run.run.history[apps::best_epoch(run.run.history)];
  return {drawn(apps::draw_loss(run.run),
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
                           "."))};
}

std::vector<Figure> matrix_figure(const LoadedRun& run, apps::MatrixKind kind) {
  if (run.run.confusion.empty()) return {};
  std::string alt = kind == apps::MatrixKind::kShare
                        ? "Confusion matrix of " + run.title() +
                              ", share of each true class. Recall by class:"
                        : "Mean predicted probability by true class of " +
                              run.title() + ". Given to the true class itself:";
  const auto present = apps::classes_present(run.run);
  for (const apps::ConfusionCell& cell : run.run.confusion) {
    if (cell.label != cell.predicted) continue;
    const auto c = static_cast<std::size_t>(cell.label);
    alt += " " + run.names.classes[c] + " " +
           (present[c] ? plot::format_share(kind == apps::MatrixKind::kShare
                                                ? cell.share
                                                : cell.mean_probability)
                       : texts::kNothing) +
           ",";
  }
  alt.back() = '.';
  return {drawn(apps::draw_confusion(run.run, kind), alt)};
}

// A figure of images: drawn anew, in vectors and for either page, or else the
// file that the run left.
std::vector<Figure> image_figure(const LoadedRun& run,
                                 const std::string& file,
                                 const std::function<plot::Drawing()>& draw,
                                 std::string alt) {
  if (can_draw(run, file)) return {drawn(draw(), std::move(alt))};
  const auto found = run.png.find(file);
  if (found == run.png.end()) return {};
  Figure figure;
  figure.png = found->second;
  figure.alt = std::move(alt);
  return {figure};
}

std::vector<Figure> top3_figure(const LoadedRun& run) {
  std::string alt = "The three highest-scored test images of every class of " +
                    run.title() + ".";
  const auto present = apps::classes_present(run.run);
  const auto counts = [&](int first, int count) {
    long wrong = 0;
    long shown = 0;
    for (const apps::TopImage& top : run.run.top3) {
      const int c = top.label_class;
      if (c < first || c >= first + count ||
          !present[static_cast<std::size_t>(c)]) {
        continue;
      }
      wrong += top.label != c;
      ++shown;
    }
    return shown == 0
               ? std::string()
               : nn::concat(
                     " ", wrong, " of the ", shown, " are of another class.");
  };
  const int classes = run.run.classes;
  constexpr const char* kFile = "top3.png";
  const std::vector<apps::TopPage> pages = apps::top3_pages(classes);
  if (!can_draw(run, kFile) || pages.size() == 1) {
    return image_figure(
        run,
        kFile,
        [&] { return apps::draw_top3(run.run); },
        alt + counts(0, classes));
  }
  std::vector<Figure> parts;
  for (const auto& [first, count] : pages) {
    const auto name = [&run](int c) {
      return run.names.classes[static_cast<std::size_t>(c)];
    };
    const std::string part = name(first) + texts::kTo + name(first + count - 1);
    parts.push_back(drawn(apps::draw_top3(run.run, first, count),
                          alt + " Classes " + part + "." + counts(first, count),
                          ", " + part));
  }
  return parts;
}

std::vector<Figure> mistakes_figure(const LoadedRun& run) {
  return image_figure(
      run,
      "mistakes.png",
      [&] { return apps::draw_mistakes(run.run); },
      run.title() + ": " + texts::kMistakesAlt);
}

std::vector<Figure> filters_figure(const LoadedRun& run) {
  return image_figure(
      run,
      "filters.png",
      [&] {
        return apps::draw_filters(
            run.run, run.insight->first_weights, run.insight->filter_shape);
      },
      run.title() + ": " + texts::kFiltersAlt);
}

std::vector<Figure> feature_maps_figure(const LoadedRun& run) {
  return image_figure(
      run,
      "feature_maps.png",
      [&] { return apps::draw_feature_maps(run.run, run.insight->outputs); },
      run.title() + ": " + texts::kFeatureMapsAlt);
}

std::vector<Figure> reliability_figure(const LoadedRun& run) {
  if (run.run.predictions.empty()) return {};
  const Calibration calibration = calibrate(run.run.predictions);
  return {drawn(draw_reliability(run),
                "Reliability diagram of " + run.title() +
                    ": expected calibration error " +
                    format_percent(calibration.expected_error) + ".")};
}

std::vector<Figure> layer_times_figure(const LoadedRun& run) {
  if (run.run.layers.empty()) return {};
  std::string alt = "Bar chart of the time by layer of " + run.title() +
                    " for a batch, in milliseconds forward and backward:";
  for (const apps::LayerTime& row : run.run.layers) {
    alt += " " + row.name + " " + format_number(row.forward_seconds * 1e3) +
           " and " + format_number(row.backward_seconds * 1e3) + ",";
  }
  alt.back() = '.';
  return {drawn(apps::draw_layer_times(run.run), alt)};
}

}  // namespace

std::vector<FigureKind> figure_kinds() {
  const auto matrix = [](apps::MatrixKind kind) {
    return [kind](const LoadedRun& run) { return matrix_figure(run, kind); };
  };
  return {{texts::kLoss, texts::kLossText, loss_figure},
          {texts::kMatrices,
           texts::kMatricesText,
           matrix(apps::MatrixKind::kShare)},
          {texts::kMeans,
           texts::kMeansText,
           matrix(apps::MatrixKind::kMeanProbability)},
          {texts::kTop, "", top3_figure},
          {texts::kMistakes, "", mistakes_figure},
          {texts::kCalibration, texts::kCalibrationText, reliability_figure},
          {texts::kFilters, "", filters_figure},
          {texts::kFeatureMaps, texts::kFeatureMapsText, feature_maps_figure}};
}

FigureKind layer_times_kind() {
  return {texts::kLayerTimes, texts::kLayerTimesText, layer_times_figure};
}

plot::Series run_series(const LoadedRun& run) {
  plot::Series series;
  series.colour = plot::theme::series(run.names.model == "MLP"   ? 1
                                      : run.names.model == "CNN" ? 0
                                                                 : 3);
  series.dashed = run.names.backend != "libnn";
  return series;
}

Figure drawn(plot::Drawing drawing, std::string alt, std::string name) {
  plot::check_drawable(drawing);
  Figure figure;
  figure.drawing = std::move(drawing);
  figure.alt = std::move(alt);
  figure.name = std::move(name);
  return figure;
}

plot::Drawing draw_reliability(const LoadedRun& run) {
  const Calibration calibration = calibrate(run.run.predictions);
  plot::LineChart chart;
  chart.title = run.names.title(texts::kReliabilityTitle);
  chart.subtitle = "Expected calibration error " +
                   format_percent(calibration.expected_error) + ", from " +
                   std::to_string(calibration.bins.size()) +
                   " bins of equal width; empty ones are left out.";
  chart.x_title = texts::kConfidence;
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
  top.height = 230;
  plot::Panel bottom;
  bottom.title = "Number of test images (logarithmic scale)";
  bottom.series = {counts};
  bottom.log = true;
  bottom.height = 80;
  chart.panels = {top, bottom};
  return plot::draw(chart);
}

}  // namespace report
