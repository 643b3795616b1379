#include "mnist_report/comparison_figures.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/texts.h"
#include "mnist_report/comparison.h"
#include "mnist_report/facts.h"
#include "mnist_report/run_figures.h"

namespace report {

namespace texts = apps::texts;
using plot::format_number;
using plot::format_percent;

plot::Drawing draw_step_losses(const LoadedRun& first,
                               const LoadedRun& second) {
  constexpr int kBuckets = 240;
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
  chart.subtitle = texts::kStepLossesSubtitle;
  chart.x_title = texts::kStep;
  plot::Panel losses;
  losses.title = "Loss of the batch (nats, logarithmic scale)";
  losses.log = true;
  losses.height = 115;
  // The thick line beneath shows wherever the thin one leaves it.
  plot::Series under = series(second);
  under.colour = plot::theme::series(1);
  under.pale = true;
  under.dashed = false;
  under.width = 2.4;
  plot::Series over = series(first);
  over.colour = plot::theme::series(0);
  over.width = 0.9;
  losses.series = {under, over};
  plot::Panel gap;
  gap.title = "Absolute difference (logarithmic scale)";
  gap.log = true;
  gap.height = 75;
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
  chart.x_title = texts::kEpoch;
  plot::Panel loss;
  loss.title = "Test loss (nats)";
  loss.floor = 0;
  loss.height = 112;
  plot::Panel accuracy;
  accuracy.title = texts::kTestAccuracy;
  accuracy.style = plot::NumberStyle::kPercent;
  accuracy.floor = 0;
  accuracy.ceiling = 1;
  accuracy.least_span = 0.01;
  accuracy.height = 92;
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

plot::BarChart seconds_chart(const std::vector<LoadedRun>& runs) {
  plot::BarChart chart;
  chart.title = texts::kSecondsTitle;
  chart.subtitle = texts::kSecondsSubtitle;
  for (const LoadedRun& run : runs) {
    if (run.run.history.empty()) continue;
    plot::Bar bar;
    bar.name = run.title();
    bar.value = seconds_per_epoch(run);
    bar.text = format_number(bar.value) + " s";
    const auto speed = images_per_second(run);
    if (speed) {
      bar.text += ", " + format_whole(*speed) + " images/s";
    }
    const std::string threads = count(run.run.summary, "/threads");
    if (threads != kNone) {
      bar.text += ", " + threads + (threads == "1" ? " thread" : " threads");
    }
    bar.colour = run_series(run).colour;
    chart.bars.push_back(std::move(bar));
  }
  return chart;
}

plot::Drawing draw_epoch_seconds(const std::vector<LoadedRun>& runs) {
  // Times of different networks lie far apart.
  constexpr double kLogFrom = 4;
  plot::LineChart chart;
  chart.title = texts::kEverySecondTitle;
  chart.subtitle = texts::kEverySecondSubtitle;
  chart.x_title = texts::kEpoch;
  plot::Panel panel;
  panel.floor = 0;
  panel.height = 190;
  double low = 1e300;
  double high = 0;
  for (const LoadedRun& run : runs) {
    if (run.run.history.empty()) continue;
    plot::Series series = run_series(run);
    for (const apps::EpochRow& row : run.run.history) {
      series.x.push_back(row.epoch);
      series.y.push_back(row.train_seconds);
      high = std::max(high, row.train_seconds);
      if (row.train_seconds > 0) low = std::min(low, row.train_seconds);
    }
    series.label =
        run.title() + " " + format_number(seconds_per_epoch(run)) + " s";
    panel.series.push_back(std::move(series));
  }
  panel.log = low < 1e300 && high / low > kLogFrom;
  panel.title =
      std::string("Seconds") +
      (panel.log ? std::string(" (") + texts::kLogarithmic + ")" : "");
  chart.panels = {panel};
  return plot::draw(chart);
}

}  // namespace report
