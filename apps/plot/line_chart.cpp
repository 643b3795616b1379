#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "plot/charts.h"

namespace plot {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// What lies beyond is drawn on the edge: between these, every quotient is a
// double.
constexpr double kMostOfAxis = 1e100;
constexpr double kLeastOfLog = 1e-100;

// Pushes labels apart that would overlap, keeping their order and staying
// between `low` and `high` where they fit.
void spread(std::vector<double>& positions,
            double distance,
            double low,
            double high) {
  std::vector<std::size_t> order(positions.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) {
    return positions[a] < positions[b];
  });
  double edge = low;
  for (const std::size_t i : order) {
    positions[i] = std::max(positions[i], edge);
    edge = positions[i] + distance;
  }
  edge = high;
  for (auto i = order.rbegin(); i != order.rend(); ++i) {
    positions[*i] = std::min(positions[*i], edge);
    edge = positions[*i] - distance;
  }
}

struct Scale {
  double low = 0;
  double high = 1;
  double from = 0;  // pixel of low
  double to = 1;    // pixel of high
  bool log = false;

  double operator()(double value) const {
    double t = 0;
    if (log) {
      t = value > low ? std::log(value / low) / std::log(high / low) : 0;
    } else {
      t = (value - low) / (high - low);
    }
    return from + std::clamp(t, 0.0, 1.0) * (to - from);
  }
};

Ticks panel_ticks(const Panel& panel) {
  double low = kInfinity;
  double high = -kInfinity;
  for (const Series& series : panel.series) {
    for (const double y : series.y) {
      if (!std::isfinite(y) || (panel.log && y < kLeastOfLog)) continue;
      low = std::min(low, std::clamp(y, -kMostOfAxis, kMostOfAxis));
      high = std::max(high, std::clamp(y, -kMostOfAxis, kMostOfAxis));
    }
    if (series.kind == Series::Kind::kBars) {
      // Bars of counts stand on 0, or on 1 where there is no 0.
      low = std::min(low, panel.log ? 1.0 : 0.0);
    }
  }
  if (low > high) {
    low = panel.log ? 0.1 : 0;
    high = 1;
  }
  const int target =
      std::max(2, static_cast<int>(std::lround(panel.height / 42)));
  if (panel.log) return log_ticks(low, high, target);
  if (high - low < panel.least_span) {
    const double middle = (low + high) / 2;
    low = std::max(panel.floor, middle - panel.least_span / 2);
    high = std::min(panel.ceiling, low + panel.least_span);
    low = std::max(panel.floor, std::min(low, high - panel.least_span));
  }
  return linear_ticks(
      low, high, target, panel.style, panel.floor, panel.ceiling);
}

void draw_bars(Drawing& out,
               const Series& series,
               const Scale& x,
               const Scale& y,
               double base) {
  for (std::size_t i = 0; i < series.x.size(); ++i) {
    if (!std::isfinite(series.y[i]) || series.y[i] <= 0) continue;
    const double left = x(series.x[i] - series.bar_width / 2) + 0.75;
    const double right = x(series.x[i] + series.bar_width / 2) - 0.75;
    // A bar of one image on a log axis from 1 would have no height.
    const double top = std::min(y(series.y[i]), base - 1.5);
    out.rectangle(left, top, right - left, base - top, series.colour);
  }
}

void draw_series(Drawing& out,
                 const Series& whole,
                 const Scale& x,
                 const Scale& y,
                 double base) {
  if (whole.kind == Series::Kind::kBars) {
    draw_bars(out, whole, x, y, base);
    return;
  }
  Series series = whole;
  // More spans than any page has dots beside each other.
  constexpr int kMostSpans = 2000;
  thin_out(series.x, series.y, kMostSpans);
  const Colour colour =
      series.pale ? theme::pale(series.colour) : series.colour;
  std::vector<Point> line;
  std::size_t count = 0;
  const auto flush = [&] {
    if (series.kind == Series::Kind::kLine) {
      out.polyline(line, {colour, series.width, series.dashed});
    }
    line.clear();
  };
  for (std::size_t i = 0; i < series.x.size(); ++i) {
    if (!std::isfinite(series.y[i])) {
      flush();
      continue;
    }
    ++count;
    line.push_back({x(series.x[i]), y(series.y[i])});
  }
  flush();
  // Points show where the values are as long as they do not run together.
  constexpr std::size_t kMostPoints = 40;
  if (count <= kMostPoints) {
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      if (!std::isfinite(series.y[i])) continue;
      out.circle(x(series.x[i]),
                 y(series.y[i]),
                 series.kind == Series::Kind::kPoints ? 3.2 : 2.6,
                 colour);
    }
  }
}

constexpr double kLabelAt = 34;  // right of the panels

void draw_end_labels(Drawing& out,
                     const Panel& panel,
                     const Scale& x,
                     const Scale& y,
                     double right,
                     double room) {
  std::vector<const Series*> labelled;
  std::vector<Point> ends;
  std::vector<double> positions;
  for (const Series& series : panel.series) {
    if (series.label.empty()) continue;
    for (std::size_t i = series.x.size(); i-- > 0;) {
      if (!std::isfinite(series.y[i])) continue;
      labelled.push_back(&series);
      ends.push_back({x(series.x[i]), y(series.y[i])});
      positions.push_back(ends.back().y);
      break;
    }
  }
  spread(positions, theme::kLabelSize + 3, y.to + 4, y.from - 4);
  for (std::size_t i = 0; i < labelled.size(); ++i) {
    const Series& series = *labelled[i];
    out.polyline({{ends[i].x + 4, ends[i].y},
                  {right + 5, ends[i].y},
                  {right + 14, positions[i]},
                  {right + 30, positions[i]}},
                 {theme::kAxis, 0.7});
    out.text_within(right + kLabelAt,
                    positions[i] + theme::kLabelSize * 0.36,
                    room,
                    series.label,
                    {theme::kLabelSize, series.colour});
  }
}

// The room beside the panels, with that for the lines that lead to the labels.
double label_width(const LineChart& chart) {
  double width = 0;
  for (const Panel& panel : chart.panels) {
    for (const Series& series : panel.series) {
      width = std::max(width, text_width(series.label, theme::kLabelSize));
    }
  }
  return width == 0 ? 8 : std::min(width, chart.width * 0.4) + kLabelAt + 2;
}

struct XRange {
  double low;
  double high;
};

XRange x_range(const LineChart& chart) {
  double low = kInfinity;
  double high = -kInfinity;
  for (const Panel& panel : chart.panels) {
    for (const Series& series : panel.series) {
      for (const double x : series.x) {
        low = std::min(low, x);
        high = std::max(high, x);
      }
    }
  }
  low = chart.x_low.value_or(low);
  high = chart.x_high.value_or(high);
  if (!std::isfinite(low) || !std::isfinite(high)) return {0, 1};
  if (!(high > low)) return {low - 0.5, high + 0.5};
  return {low, high};
}

}  // namespace

Drawing draw(const LineChart& chart) {
  constexpr double kPanelTitle = 27;  // above each panel
  constexpr double kPanelGap = 12;
  constexpr double kMarkText = 16;
  constexpr double kXAxis = 42;
  const bool has_mark = chart.x_mark.has_value();

  std::vector<Ticks> ticks;
  double tick_width = 0;
  double height =
      draw_titles(nullptr, chart.title, chart.subtitle, chart.width) + kXAxis;
  for (const Panel& panel : chart.panels) {
    ticks.push_back(panel_ticks(panel));
    for (const std::string& label : ticks.back().label) {
      tick_width = std::max(tick_width, text_width(label, theme::kTickSize));
    }
    height += kPanelTitle + panel.height + kPanelGap;
  }
  if (has_mark) height += kMarkText;

  Drawing out(chart.width, height);
  double top = draw_titles(&out, chart.title, chart.subtitle, chart.width);
  const double left = theme::kFigureMargin + tick_width + 8;
  const double right = chart.width - theme::kFigureMargin - label_width(chart);
  const XRange range = x_range(chart);
  // The first and the last point stand clear of the frame.
  const double inset = chart.integer_x ? 8 : 0;
  const Scale x{range.low, range.high, left + inset, right - inset, false};

  Ticks x_ticks;
  const int x_target = std::max(2, static_cast<int>((right - left) / 60));
  if (chart.integer_x) {
    x_ticks = integer_ticks(static_cast<int>(std::ceil(range.low)),
                            static_cast<int>(std::floor(range.high)),
                            x_target);
  } else {
    x_ticks = linear_ticks(range.low, range.high, x_target);
  }
  const auto in_range = [&](double v) {
    return v >= range.low - 1e-9 && v <= range.high + 1e-9;
  };

  for (std::size_t p = 0; p < chart.panels.size(); ++p) {
    const Panel& panel = chart.panels[p];
    top += kPanelTitle;
    const double bottom = top + panel.height;
    out.text(theme::kFigureMargin,
             top - 13,
             panel.title,
             {theme::kLabelSize, theme::kInk, Align::kLeft, true});
    const Scale y{ticks[p].low, ticks[p].high, bottom, top, panel.log};
    for (const double v : ticks[p].minor) {
      out.line(left, y(v), right, y(v), {theme::kGrid, 0.4});
    }
    for (std::size_t i = 0; i < ticks[p].major.size(); ++i) {
      const double at = y(ticks[p].major[i]);
      out.line(left, at, right, at, {theme::kGrid, 0.9});
      out.text(left - 6,
               at + theme::kTickSize * 0.36,
               ticks[p].label[i],
               {theme::kTickSize, theme::kMuted, Align::kRight});
    }
    out.line(left, bottom, right, bottom, {theme::kAxis, 1});
    for (const double v : x_ticks.major) {
      if (in_range(v)) {
        out.line(x(v), bottom, x(v), bottom + 4, {theme::kAxis, 1});
      }
    }
    if (has_mark) {
      const double at = x(*chart.x_mark);
      out.line(at, top, at, bottom, {theme::kGood, 1.1, true});
    }
    for (const Series& series : panel.series) {
      draw_series(out, series, x, y, bottom);
    }
    for (const Mark& mark : panel.marks) {
      const double at_x = x(mark.x);
      const double at_y = y(mark.y);
      out.circle(at_x, at_y, 5.4, theme::kPaper);
      out.circle(at_x, at_y, 4.4, theme::kGood);
      out.circle(at_x, at_y, 1.8, theme::kPaper);
    }
    draw_end_labels(out,
                    panel,
                    x,
                    y,
                    right,
                    chart.width - theme::kFigureMargin - right - kLabelAt);
    top = bottom;
    if (p == 0 && has_mark) {
      // On a row of its own, so that it meets no line.
      const double width =
          text_width(chart.x_mark_text, theme::kLabelSize, true);
      const double at =
          std::clamp(x(*chart.x_mark),
                     left + width / 2,
                     std::max(left + width / 2,
                              chart.width - theme::kFigureMargin - width / 2));
      out.text(at,
               top + kMarkText,
               chart.x_mark_text,
               {theme::kLabelSize, theme::kGood, Align::kCentre, true});
      top += kMarkText;
    }
    top += kPanelGap;
  }
  top += 6;
  for (std::size_t i = 0; i < x_ticks.major.size(); ++i) {
    if (!in_range(x_ticks.major[i])) continue;
    out.text(x(x_ticks.major[i]),
             top + 2,
             x_ticks.label[i],
             {theme::kTickSize, theme::kMuted, Align::kCentre});
  }
  out.text((left + right) / 2,
           top + 20,
           chart.x_title,
           {theme::kLabelSize, theme::kInk, Align::kCentre});
  return out;
}

void thin_out(std::vector<double>& x, std::vector<double>& y, int buckets) {
  const std::size_t size = std::min(x.size(), y.size());
  const auto limit = static_cast<std::size_t>(std::max(1, buckets)) * 2;
  if (size <= limit) return;
  std::vector<double> kept_x;
  std::vector<double> kept_y;
  const std::size_t count = limit / 2;
  for (std::size_t b = 0; b < count; ++b) {
    const std::size_t first = b * size / count;
    const std::size_t last = (b + 1) * size / count;
    std::size_t low = first;
    std::size_t high = first;
    for (std::size_t i = first; i < last; ++i) {
      if (y[i] < y[low]) low = i;
      if (y[i] > y[high]) high = i;
    }
    for (const std::size_t i : {std::min(low, high), std::max(low, high)}) {
      kept_x.push_back(x[i]);
      kept_y.push_back(y[i]);
    }
  }
  x = std::move(kept_x);
  y = std::move(kept_y);
}

}  // namespace plot
