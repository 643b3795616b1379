#include "common/figures.h"

#include <algorithm>
#include <cmath>

#include "nn/check.h"
#include "nn/file.h"
#include "plot/charts.h"
#include "plot/render.h"

namespace apps {
namespace {

using plot::Drawing;

std::string text_at(const nlohmann::json& summary, const char* pointer) {
  const nlohmann::json::json_pointer at{std::string(pointer)};
  if (!summary.is_object() || !summary.contains(at)) return "";
  const nlohmann::json& value = summary.at(at);
  return value.is_string() ? value.get<std::string>() : "";
}

std::string title(const std::string& what, const RunNames& names) {
  return names.dataset + ": " + what + ", " + names.run();
}

std::size_t index_of(int value) {
  return static_cast<std::size_t>(value);
}

// Ink on paper, as the digits were written: bright in the file is dark here.
plot::Pixels test_image(const nn::ImageSet& test, int index) {
  nn::check_argument(index >= 0 && index < test.size(),
                     "[figures] expected a test image below ",
                     test.size(),
                     ", got ",
                     index);
  plot::Pixels out;
  out.width = static_cast<int>(test.shape.width);
  out.height = static_cast<int>(test.shape.height);
  const std::uint8_t* image = test.image(index);
  const auto area =
      static_cast<std::size_t>(test.shape.height * test.shape.width);
  out.rgb.reserve(area * 3);
  for (std::size_t i = 0; i < area; ++i) {
    const auto gray = static_cast<std::uint8_t>(255 - image[i]);
    out.rgb.insert(out.rgb.end(), {gray, gray, gray});
  }
  return out;
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

constexpr int kMostFilters = 64;

}  // namespace

RunNames run_names(const nlohmann::json& summary) {
  RunNames names;
  const std::string dataset = text_at(summary, "/dataset/name");
  names.dataset = dataset == "mnist"           ? "MNIST"
                  : dataset == "fashion-mnist" ? "Fashion-MNIST"
                  : dataset.empty()            ? "unknown data set"
                                               : dataset;
  const std::string model = text_at(summary, "/model");
  names.model = model == "mlp"   ? "MLP"
                : model == "cnn" ? "CNN"
                : model.empty()  ? "unknown model"
                                 : model;
  const std::string backend = text_at(summary, "/backend");
  names.backend = backend == "torch" ? "LibTorch"
                  : backend.empty()  ? "unknown backend"
                                     : backend;
  const nlohmann::json::json_pointer at("/dataset/class_names");
  const nlohmann::json classes = summary.is_object() && summary.contains(at)
                                     ? summary.at(at)
                                     : nlohmann::json::array();
  for (std::size_t i = 0; i < kClasses; ++i) {
    const bool named =
        classes.is_array() && i < classes.size() && classes[i].is_string();
    names.classes.push_back(named ? classes[i].get<std::string>()
                                  : std::to_string(i));
  }
  return names;
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
  chart.title = title("loss and accuracy over epochs", run_names(run.summary));
  chart.subtitle =
      "Test: by the weights at the end of the epoch. Training: mean over the "
      "epoch's batches, each measured before its step.";
  chart.x_title = "epoch";
  chart.x_mark = best.epoch;
  chart.x_mark_text = "best on the test set: epoch " +
                      std::to_string(best.epoch) + ", " +
                      plot::format_percent(best.test_accuracy);
  plot::Panel loss;
  loss.series = {train_loss, test_loss};
  loss.log = wants_log(loss.series);
  loss.floor = 0;
  loss.title = std::string("Cross-entropy loss (nats") +
               (loss.log ? ", logarithmic scale)" : ")");
  loss.height = 250;
  loss.marks = {{static_cast<double>(best.epoch), best.test_loss}};
  plot::Panel accuracy;
  accuracy.title = "Accuracy";
  accuracy.series = {train_accuracy, test_accuracy};
  accuracy.style = plot::NumberStyle::kPercent;
  accuracy.floor = 0;
  accuracy.ceiling = 1;
  accuracy.least_span = 0.01;
  accuracy.height = 170;
  accuracy.marks = {{static_cast<double>(best.epoch), best.test_accuracy}};
  chart.panels = {loss, accuracy};
  return plot::draw(chart);
}

Drawing draw_confusion(const Run& run, MatrixKind kind) {
  nn::check_argument(run.confusion.size() == index_of(kClasses * kClasses),
                     "[draw_confusion] expected ",
                     kClasses * kClasses,
                     " cells, got ",
                     run.confusion.size());
  const RunNames names = run_names(run.summary);
  plot::MatrixChart chart;
  chart.row_title = "true class";
  chart.column_title = "predicted class";
  chart.row_names = chart.column_names = names.classes;
  const bool share = kind == MatrixKind::kShare;
  chart.title =
      title(share ? "confusion matrix" : "mean predicted probability", names);
  chart.subtitle =
      share ? "Share of each true class predicted as each class: every row "
              "adds up to 1. Beneath it: number of test images."
            : "Mean of the predicted probability of each class over all test "
              "images of the true class: every row adds up to 1.";
  for (const ConfusionCell& cell : run.confusion) {
    const double value = share ? cell.share : cell.mean_probability;
    chart.values.push_back(value);
    chart.texts.push_back(plot::format_share(value));
    if (share) chart.subtexts.push_back(plot::format_count(cell.count));
  }
  return plot::draw(chart);
}

Drawing draw_confusion(const Run& run) {
  const Drawing left = draw_confusion(run, MatrixKind::kShare);
  const Drawing right = draw_confusion(run, MatrixKind::kMeanProbability);
  Drawing out(left.width() + right.width(),
              std::max(left.height(), right.height()));
  // Titles may wrap to different heights; the matrices stand level.
  out.place(left, 0, out.height() - left.height());
  out.place(right, left.width(), out.height() - right.height());
  return out;
}

Drawing draw_top3(const Run& run, const nn::ImageSet& test) {
  const RunNames names = run_names(run.summary);
  plot::ImageGrid grid;
  grid.title =
      title("the three highest-scored test images of every class", names);
  grid.subtitle =
      "Ranked by the predicted probability of the class, over all test images. "
      "Thick red frame: the image is of another class.";
  grid.column_names = names.classes;
  int ranks = 0;
  for (const TopImage& top : run.top3) ranks = std::max(ranks, top.rank);
  for (int rank = 1; rank <= ranks; ++rank) {
    grid.row_names.push_back(std::to_string(rank));
  }
  grid.columns = kClasses;
  grid.tiles.resize(index_of(ranks * kClasses));
  for (const TopImage& top : run.top3) {
    nn::check_argument(top.rank >= 1 && top.label_class >= 0 &&
                           top.label_class < kClasses && top.label >= 0 &&
                           top.label < kClasses,
                       "[draw_top3] expected ranks from 1 and classes below ",
                       kClasses,
                       ", got class ",
                       top.label_class,
                       ", rank ",
                       top.rank,
                       ", label ",
                       top.label);
    plot::ImageTile& tile =
        grid.tiles[index_of((top.rank - 1) * kClasses + top.label_class)];
    tile.pixels = test_image(test, top.index);
    const bool wrong = top.label != top.label_class;
    tile.captions = {plot::format_probability(top.probability),
                     (wrong ? "wrong: is " + names.classes[index_of(top.label)]
                            : "image " + std::to_string(top.index))};
    tile.verdict = wrong ? plot::ImageTile::Verdict::kWrong
                         : plot::ImageTile::Verdict::kRight;
  }
  grid.note =
      "Probabilities carry as many digits as it takes to tell them from 100 %; "
      "\"100 %\" without decimals is exactly 1.";
  return plot::draw(grid);
}

Drawing draw_mistakes(const Run& run, const nn::ImageSet& test) {
  constexpr std::size_t kShown = 24;
  const RunNames names = run_names(run.summary);
  std::vector<const Prediction*> wrong;
  for (const Prediction& p : run.predictions) {
    nn::check_argument(p.label >= 0 && p.label < kClasses && p.predicted >= 0 &&
                           p.predicted < kClasses,
                       "[draw_mistakes] expected classes below ",
                       kClasses,
                       ", got label ",
                       p.label,
                       " and prediction ",
                       p.predicted);
    if (p.label != p.predicted) wrong.push_back(&p);
  }
  const std::size_t count = wrong.size();
  // Worst is the greatest loss: the least probability given to the truth.
  std::stable_sort(wrong.begin(), wrong.end(), [](auto* a, auto* b) {
    return a->probability[index_of(a->label)] <
           b->probability[index_of(b->label)];
  });
  wrong.resize(std::min(count, kShown));
  plot::ImageGrid grid;
  grid.title = title("the worst mistakes", names);
  grid.columns = 8;
  grid.gap = 34;
  if (wrong.empty()) {
    grid.subtitle =
        "None: all " +
        plot::format_count(static_cast<long long>(run.predictions.size())) +
        " test images are predicted rightly.";
    return plot::draw(grid);
  }
  grid.subtitle =
      "The " + std::to_string(wrong.size()) + " of " +
      plot::format_count(static_cast<long long>(count)) +
      " wrongly predicted test images with the least probability for their "
      "true class.";
  for (const Prediction* p : wrong) {
    plot::ImageTile tile;
    tile.pixels = test_image(test, p->index);
    tile.captions = {
        "is " + names.classes[index_of(p->label)] + ": " +
            plot::format_probability(p->probability[index_of(p->label)]),
        "said " + names.classes[index_of(p->predicted)] + ": " +
            plot::format_probability(p->probability[index_of(p->predicted)]),
        "image " + std::to_string(p->index)};
    grid.tiles.push_back(std::move(tile));
  }
  return plot::draw(grid);
}

Drawing draw_filters(const Run& run,
                     const nn::Matrix<float>& first_weights,
                     const nn::Shape& filter_shape) {
  nn::check_argument(first_weights.rows() == filter_shape.features() &&
                         first_weights.size() > 0,
                     "[draw_filters] expected ",
                     filter_shape.features(),
                     " weights a column for filters of ",
                     filter_shape.to_string(),
                     ", got ",
                     first_weights.rows());
  const int units =
      static_cast<int>(std::min<nn::Index>(first_weights.cols(), kMostFilters));
  const auto shown = first_weights.leftCols(units);
  const float greatest = shown.cwiseAbs().maxCoeff();
  const float limit = greatest > 0 ? greatest : 1.0F;
  const nn::Index area = filter_shape.height * filter_shape.width;

  plot::ImageGrid grid;
  grid.title = title("weights of the first layer", run_names(run.summary));
  const std::string size = std::to_string(filter_shape.height) + "x" +
                           std::to_string(filter_shape.width);
  grid.subtitle =
      (units < first_weights.cols()
           ? "The first " + std::to_string(units) + " of " +
                 std::to_string(first_weights.cols()) + " units"
           : "All " + std::to_string(units) + " units") +
      ", each " + size +
      (filter_shape.channels > 1
           ? ", a row of " + std::to_string(filter_shape.channels) +
                 " input channels each"
           : "") +
      ". Blue: positive, orange: negative, white: 0; one scale for all, up to "
      "+-" +
      plot::format_number(limit) + ".";
  grid.columns =
      filter_shape.channels > 1
          ? static_cast<int>(std::min<nn::Index>(filter_shape.channels, 16))
      : units > 16 ? 16
                   : 8;
  grid.columns =
      std::min(grid.columns,
               std::max(1, units) * static_cast<int>(filter_shape.channels));
  grid.image_width = grid.columns > 8 ? 52 : 84;
  grid.image_height = grid.image_width *
                      static_cast<double>(filter_shape.height) /
                      static_cast<double>(filter_shape.width);
  grid.gap = 10;
  for (int unit = 0; unit < units; ++unit) {
    for (nn::Index c = 0; c < filter_shape.channels; ++c) {
      plot::ImageTile tile;
      tile.pixels.width = static_cast<int>(filter_shape.width);
      tile.pixels.height = static_cast<int>(filter_shape.height);
      for (nn::Index i = 0; i < area; ++i) {
        const plot::Rgb colour = plot::theme::diverging(
            static_cast<double>(first_weights(c * area + i, unit) / limit));
        tile.pixels.rgb.insert(tile.pixels.rgb.end(),
                               {colour.r, colour.g, colour.b});
      }
      grid.tiles.push_back(std::move(tile));
    }
  }
  return plot::draw(grid);
}

void write_figures(const std::string& directory,
                   const Run& run,
                   const nn::ImageSet& test,
                   const nn::Matrix<float>& first_weights,
                   const nn::Shape& filter_shape) {
  const auto write = [&directory](const char* file, const Drawing& drawing) {
    nn::write_file_atomically(directory + "/" + file, plot::to_png(drawing));
  };
  write("loss.png", draw_loss(run));
  write("confusion.png", draw_confusion(run));
  write("top3.png", draw_top3(run, test));
  write("mistakes.png", draw_mistakes(run, test));
  write("filters.png", draw_filters(run, first_weights, filter_shape));
}

}  // namespace apps
