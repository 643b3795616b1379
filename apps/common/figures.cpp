#include "common/figures.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <new>
#include <optional>

#include "common/dataset.h"
#include "common/printable.h"
#include "common/texts.h"
#include "nn/check.h"
#include "nn/files/file.h"
#include "plot/charts.h"
#include "plot/render.h"

namespace apps {
namespace {

using plot::Drawing;

std::string text_at(const nlohmann::json& summary, const char* pointer) {
  const nlohmann::json::json_pointer at{std::string(pointer)};
  if (!summary.is_object() || !summary.contains(at)) return "";
  const nlohmann::json& value = summary.at(at);
  return value.is_string() ? printable(value.get<std::string>(), kMostName)
                           : "";
}

std::size_t index_of(int value) {
  return static_cast<std::size_t>(value);
}

// A logarithmic axis where the losses span more than a factor of this: below
// it a linear one reads more easily and shows the same.
constexpr double kLogFrom = 8;

bool wants_log(const std::vector<plot::Series>& series) {
  double low = 0;
  double high = 0;
  for (const plot::Series& one : series) {
    for (const double y : one.y) {
      if (!(y > 0)) continue;
      low = low == 0 ? y : std::min(low, y);
      high = std::max(high, y);
    }
  }
  return low > 0 && high / low > kLogFrom;
}

// The side of a matrix's cell that has room for numbers with decimals.
constexpr double kLeastRoomyCell = 40;

// "98", or nothing below half a percent.
std::string whole_percent(double share) {
  const long percent = std::lround(100 * share);
  return percent > 0 ? std::to_string(percent) : "";
}

}  // namespace

RunNames run_names(const Run& run) {
  const nlohmann::json& summary = run.summary;
  RunNames names;
  names.distinction = run.distinction;
  const std::string dataset = text_at(summary, "/dataset/name");
  names.dataset =
      dataset.empty() ? "unknown data set" : title_of_dataset(dataset);
  const std::string model = text_at(summary, "/model");
  names.model = model == "mlp"   ? "MLP"
                : model == "cnn" ? "CNN"
                : model.empty()  ? "unknown model"
                                 : model;
  const std::string backend = text_at(summary, "/backend");
  names.backend = backend == "torch" ? "LibTorch" : backend;
  const nlohmann::json::json_pointer at("/dataset/class_names");
  const nlohmann::json classes =
      summary.is_object() && summary.contains(at) && summary.at(at).is_array()
          ? summary.at(at)
          : nlohmann::json::array();
  // As long as fits beside a matrix.
  constexpr std::size_t kMostClassName = 24;
  std::vector<std::string> full;
  for (std::size_t i = 0; i < index_of(run.classes); ++i) {
    const bool named =
        classes.size() == index_of(run.classes) && classes[i].is_string();
    full.push_back(named ? classes[i].get<std::string>() : std::to_string(i));
    names.classes.push_back(printable(full[i], kMostClassName));
  }
  // Those that are alike as far as they are shown get their number.
  const std::vector<std::string> shown = names.classes;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    if (std::count(shown.begin(), shown.end(), shown[i]) > 1) {
      names.classes[i] =
          printable(std::to_string(i) + " " + full[i], kMostClassName);
    }
  }
  return names;
}

std::vector<bool> classes_present(const Run& run) {
  std::vector<bool> present(index_of(run.classes));
  for (const ConfusionCell& cell : run.confusion) {
    if (cell.count > 0) present.at(index_of(cell.label)) = true;
  }
  if (!run.confusion.empty()) return present;
  for (const Prediction& p : run.predictions) {
    present.at(index_of(p.label)) = true;
  }
  if (run.predictions.empty()) present.assign(present.size(), true);
  return present;
}

std::size_t best_epoch(const std::vector<EpochRow>& history) {
  const auto best = std::max_element(
      history.begin(), history.end(), [](const auto& a, const auto& b) {
        return a.test_accuracy < b.test_accuracy;
      });
  return static_cast<std::size_t>(best - history.begin());
}

Drawing draw_loss(const Run& run) {
  nn::check_argument(!run.history.empty(),
                     "[draw_loss] expected at least one epoch, got none");
  plot::Series train_loss;
  plot::Series train_accuracy;
  // The background series: lighter by its dashes, and drawn first.
  train_loss.colour = train_accuracy.colour = plot::theme::series(1);
  train_loss.dashed = train_accuracy.dashed = true;
  plot::Series test_loss;
  plot::Series test_accuracy;
  for (const EpochRow& row : run.history) {
    for (plot::Series* s :
         {&train_loss, &test_loss, &train_accuracy, &test_accuracy}) {
      s->x.push_back(row.epoch);
    }
    train_loss.y.push_back(row.train_loss);
    test_loss.y.push_back(row.test_loss);
    train_accuracy.y.push_back(row.train_accuracy);
    test_accuracy.y.push_back(row.test_accuracy);
  }
  const EpochRow& last = run.history.back();
  train_loss.label = "training " + plot::format_number(last.train_loss, 4);
  test_loss.label = "test " + plot::format_number(last.test_loss, 4);
  train_accuracy.label =
      "training " + plot::format_percent(last.train_accuracy);
  test_accuracy.label = "test " + plot::format_percent(last.test_accuracy);

  const EpochRow& best = run.history[best_epoch(run.history)];
  plot::LineChart chart;
  chart.title = run_names(run).title(texts::kLossTitle);
  chart.subtitle = texts::kLossSubtitle;
  chart.x_title = texts::kEpoch;
  chart.x_mark = best.epoch;
  chart.x_mark_text = "best on the test set: epoch " +
                      std::to_string(best.epoch) + ", " +
                      plot::format_percent(best.test_accuracy);
  plot::Panel loss;
  loss.series = {train_loss, test_loss};
  loss.log = wants_log(loss.series);
  loss.floor = 0;
  loss.least_span = 0.01;
  loss.title = std::string("Cross-entropy loss (nats") +
               (loss.log ? std::string(", ") + texts::kLogarithmic : "") + ")";
  loss.height = 200;
  loss.marks = {{static_cast<double>(best.epoch), best.test_loss}};
  plot::Panel accuracy;
  accuracy.title = texts::kAccuracy;
  accuracy.series = {train_accuracy, test_accuracy};
  accuracy.style = plot::NumberStyle::kPercent;
  accuracy.floor = 0;
  accuracy.ceiling = 1;
  accuracy.least_span = 0.01;
  accuracy.height = 140;
  accuracy.marks = {{static_cast<double>(best.epoch), best.test_accuracy}};
  chart.panels = {loss, accuracy};
  return plot::draw(chart);
}

Drawing draw_confusion(const Run& run, MatrixKind kind) {
  const int cells = run.classes * run.classes;
  nn::check_argument(run.confusion.size() == index_of(cells),
                     "[draw_confusion] expected ",
                     cells,
                     " cells, got ",
                     run.confusion.size());
  const RunNames names = run_names(run);
  plot::MatrixChart chart;
  chart.row_title = texts::kTrueClass;
  chart.column_title = texts::kPredictedClass;
  chart.row_names = chart.column_names = names.classes;
  const bool share = kind == MatrixKind::kShare;
  chart.title = names.title(share ? texts::kShareTitle : texts::kMeanTitle);
  constexpr double kRoom = 520;
  constexpr double kLeastCell = 14;
  chart.cell =
      std::clamp(std::floor(kRoom / run.classes), kLeastCell, chart.cell);
  const bool roomy = chart.cell >= kLeastRoomyCell;
  chart.subtitle = roomy
                       ? (share ? texts::kShareSubtitle : texts::kMeanSubtitle)
                   : share ? texts::kShareTextOfMany
                           : texts::kMeanTextOfMany;
  const auto present = classes_present(run);
  if (std::count(present.begin(), present.end(), false) > 0) {
    chart.subtitle += texts::kAbsentRows;
  }
  for (const ConfusionCell& cell : run.confusion) {
    const bool has_images = present.at(index_of(cell.label));
    const double value = !has_images ? 0
                         : share     ? cell.share
                                     : cell.mean_probability;
    chart.values.push_back(value);
    chart.texts.push_back(!has_images ? texts::kNothing
                          : roomy     ? plot::format_share(value)
                                      : whole_percent(value));
    if (share && roomy) {
      chart.subtexts.push_back(has_images ? plot::format_count(cell.count)
                                          : "");
    }
  }
  return plot::draw(chart);
}

Drawing draw_confusion(const Run& run) {
  const Drawing left = draw_confusion(run, MatrixKind::kShare);
  const Drawing right = draw_confusion(run, MatrixKind::kMeanProbability);
  if (left.width() > plot::theme::kFigureWidth) {
    Drawing out(left.width(), left.height() + right.height());
    out.place(left, 0, 0);
    out.place(right, 0, left.height());
    return out;
  }
  Drawing out(left.width() + right.width(),
              std::max(left.height(), right.height()));
  // Titles may wrap to different heights; the matrices stand level.
  out.place(left, 0, out.height() - left.height());
  out.place(right, left.width(), out.height() - right.height());
  return out;
}

Drawing draw_layer_times(const Run& run) {
  plot::BarPairs chart;
  chart.title = run_names(run).title(texts::kLayerTimesTitle);
  chart.subtitle =
      run.layers.empty() ? texts::kNoLayers : texts::kLayerTimesSubtitle;
  if (!run.layers.empty() && text_at(run.summary, "/backend") == "libnn") {
    chart.subtitle += texts::kFusedLayers;
  }
  double forward = 0;
  double backward = 0;
  for (const LayerTime& row : run.layers) {
    forward += row.forward_seconds;
    backward += row.backward_seconds;
  }
  const auto text = [](double seconds, double sum) {
    return plot::format_number(seconds * 1e3) + " ms, " +
           plot::format_percent(sum > 0 ? seconds / sum : 0, 1);
  };
  chart.left_title =
      "Forward, in all " + plot::format_number(forward * 1e3) + " ms";
  chart.right_title =
      "Backward, in all " + plot::format_number(backward * 1e3) + " ms";
  for (const LayerTime& row : run.layers) {
    chart.rows.push_back({std::to_string(row.layer) + "  " + row.name,
                          row.forward_seconds,
                          row.backward_seconds,
                          text(row.forward_seconds, forward),
                          text(row.backward_seconds, backward)});
  }
  return plot::draw(chart);
}

std::vector<MissingFigure> write_figures(const std::string& directory,
                                         const Run& run,
                                         nn::Sequential<float>& network) {
  std::vector<MissingFigure> missing;
  const auto write = [&](const char* file, const auto& draw) {
    std::string png;
    try {
      png = plot::to_png(draw());
    } catch (const std::bad_alloc&) {
      missing.push_back({file, "out of memory"});
      return;
    } catch (const std::exception& error) {
      missing.push_back({file, error.what()});
      return;
    }
    nn::write_file_atomically(directory + "/" + file, png);
  };
  write("loss.png", [&] { return draw_loss(run); });
  write("confusion.png", [&] { return draw_confusion(run); });
  write("top3.png", [&] { return draw_top3(run); });
  write("mistakes.png", [&] { return draw_mistakes(run); });
  write("layers.png", [&] { return draw_layer_times(run); });
  std::optional<Insight> insight;
  const auto look = [&]() -> const Insight& {
    if (!insight) insight = look_inside(network, run);
    return *insight;
  };
  write("filters.png", [&] {
    return draw_filters(run, look().first_weights, look().filter_shape);
  });
  write("feature_maps.png",
        [&] { return draw_feature_maps(run, look().outputs); });
  return missing;
}

}  // namespace apps
