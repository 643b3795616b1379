#include <algorithm>

#include "plot/charts.h"

namespace plot {
namespace {

// The shares of a chart that names and numbers may have, so that bars have the
// rest; what is longer is set smaller.
constexpr double kMostOfNames = 0.4;
constexpr double kMostOfNumbers = 0.35;

}  // namespace

Drawing draw(const BarChart& chart) {
  constexpr double kRow = 26;
  double name_width = 0;
  double number_width = 0;
  double most = 0;
  for (const Bar& bar : chart.bars) {
    name_width = std::max(name_width, text_width(bar.name, theme::kLabelSize));
    number_width =
        std::max(number_width, text_width(bar.text, theme::kLabelSize));
    most = std::max(most, bar.value);
  }
  name_width = std::min(name_width, chart.width * kMostOfNames);
  number_width = std::min(number_width, chart.width * kMostOfNumbers);
  const double titles =
      draw_titles(nullptr, chart.title, chart.subtitle, chart.width);
  Drawing out(chart.width,
              titles + kRow * static_cast<double>(chart.bars.size()) + 10);
  draw_titles(&out, chart.title, chart.subtitle, chart.width);
  const double left = theme::kFigureMargin + name_width + 10;
  const double room =
      chart.width - theme::kFigureMargin - number_width - 8 - left;
  for (std::size_t i = 0; i < chart.bars.size(); ++i) {
    const Bar& bar = chart.bars[i];
    const double y = titles + kRow * static_cast<double>(i);
    const double length =
        most > 0 ? std::max(1.0, room * std::max(0.0, bar.value) / most) : 1;
    const double baseline = y + kRow / 2 + theme::kLabelSize * 0.36;
    out.text_within(left - 8,
                    baseline,
                    name_width,
                    bar.name,
                    {theme::kLabelSize, theme::kInk, Align::kRight});
    out.rectangle(left, y + 4, length, kRow - 8, bar.colour);
    out.text_within(left + length + 8,
                    baseline,
                    number_width,
                    bar.text,
                    {theme::kLabelSize});
  }
  return out;
}

Drawing draw(const BarPairs& chart) {
  constexpr double kMargin = theme::kFigureMargin;
  constexpr double kRow = 23;
  constexpr double kHeader = 24;
  constexpr double kGap = 18;  // between the two columns
  double name_width = 0;
  double number_width = 0;
  double most = 0;
  for (const BarPair& row : chart.rows) {
    name_width = std::max(name_width, text_width(row.name, theme::kLabelSize));
    for (const std::string& text : {row.left_text, row.right_text}) {
      number_width = std::max(number_width, text_width(text, theme::kTickSize));
    }
    most = std::max({most, row.left, row.right});
  }
  name_width = std::min(name_width, chart.width * kMostOfNames);
  const double titles =
      draw_titles(nullptr, chart.title, chart.subtitle, chart.width);
  Drawing out(
      chart.width,
      titles + kHeader + kRow * static_cast<double>(chart.rows.size()) + 8);
  draw_titles(&out, chart.title, chart.subtitle, chart.width);
  const double first = kMargin + name_width + 10;
  const double half = (chart.width - kMargin - first - kGap) / 2;
  const double room = half - number_width - 6;
  const double second = first + half + kGap;
  const auto header = [&](double x, const std::string& text) {
    out.text_within(x,
                    titles + 12,
                    half,
                    text,
                    {theme::kLabelSize, theme::kInk, Align::kLeft, true});
  };
  header(first, chart.left_title);
  header(second, chart.right_title);
  for (std::size_t i = 0; i < chart.rows.size(); ++i) {
    const BarPair& row = chart.rows[i];
    const double y = titles + kHeader + kRow * static_cast<double>(i);
    const double baseline = y + kRow / 2 + theme::kLabelSize * 0.36;
    out.text_within(
        kMargin, baseline, name_width, row.name, {theme::kLabelSize});
    const auto bar = [&](double x,
                         double value,
                         const std::string& text,
                         const Colour& colour) {
      const double length =
          most > 0 ? std::max(1.0, room * std::max(0.0, value) / most) : 1;
      out.rectangle(x, y + 4, length, kRow - 8, colour);
      out.text(x + length + 6, baseline, text, {theme::kTickSize});
    };
    bar(first, row.left, row.left_text, theme::series(0));
    bar(second, row.right, row.right_text, theme::series(1));
  }
  return out;
}

}  // namespace plot
