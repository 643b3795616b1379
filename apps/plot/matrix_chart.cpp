#include <algorithm>
#include <cmath>

#include "plot/charts.h"

namespace plot {

Drawing draw(const MatrixChart& chart) {
  const std::size_t rows = chart.row_names.size();
  const std::size_t columns = chart.column_names.size();
  // Small cells have small text.
  const double name_size = std::min(11.0, 0.72 * chart.cell);
  const double text_size = std::min(11.5, 0.56 * chart.cell);
  constexpr double kSlant = 40;
  double row_width = 0;
  for (const std::string& name : chart.row_names) {
    row_width = std::max(row_width, text_width(name, name_size));
  }
  double column_width = 0;
  for (const std::string& name : chart.column_names) {
    column_width = std::max(column_width, text_width(name, name_size));
  }
  const bool slanted = column_width > chart.cell - 4;
  const double slant = kSlant * 3.14159265358979323846 / 180;
  const double column_height =
      slanted ? column_width * std::sin(slant) + 14 : 18;

  const double left = theme::kFigureMargin + 20 + row_width + 8;
  const double grid_width = chart.cell * static_cast<double>(columns);
  const double grid_height = chart.cell * static_cast<double>(rows);
  // A few classes leave room for the titles, too.
  constexpr double kLeastWidth = 420;
  const double width =
      std::max(kLeastWidth, left + grid_width + theme::kFigureMargin);
  double top = draw_titles(nullptr, chart.title, chart.subtitle, width);
  Drawing out(width, top + grid_height + column_height + 24);
  draw_titles(&out, chart.title, chart.subtitle, width);

  for (std::size_t r = 0; r < rows; ++r) {
    const double y = top + chart.cell * static_cast<double>(r);
    out.text(left - 7,
             y + chart.cell / 2 + name_size * 0.36,
             chart.row_names[r],
             {name_size, theme::kInk, Align::kRight});
    for (std::size_t c = 0; c < columns; ++c) {
      const std::size_t i = r * columns + c;
      const double x = left + chart.cell * static_cast<double>(c);
      // The exponent gives one error in a hundred a tint of its own; with a
      // linear scale all but the diagonal would be white.
      const Colour fill =
          theme::heat(std::pow(std::clamp(chart.values[i], 0.0, 1.0), 0.45));
      out.rectangle(x + 0.5, y + 0.5, chart.cell - 1, chart.cell - 1, fill);
      // Nothing there: what is there stands out.
      const Colour ink =
          chart.values[i] > 0 ? theme::text_on(fill) : theme::kMuted;
      const bool has_subtext = i < chart.subtexts.size();
      const double middle = x + chart.cell / 2;
      const double baseline =
          y + chart.cell / 2 + (has_subtext ? -1.5 : text_size * 0.36);
      TextStyle style{text_size, ink, Align::kCentre, r == c};
      out.text_within(
          middle, baseline, chart.cell * 0.9, chart.texts[i], style);
      if (has_subtext) {
        out.text_within(middle,
                        y + chart.cell / 2 + 12,
                        chart.cell - 5,
                        chart.subtexts[i],
                        {theme::kSmallSize, ink, Align::kCentre});
      }
    }
  }
  for (std::size_t r = 0; r <= rows; ++r) {
    const double y = top + chart.cell * static_cast<double>(r);
    out.line(left, y, left + grid_width, y, {theme::kGrid, 0.8});
  }
  for (std::size_t c = 0; c <= columns; ++c) {
    const double x = left + chart.cell * static_cast<double>(c);
    out.line(x, top, x, top + grid_height, {theme::kGrid, 0.8});
  }
  const double bottom = top + grid_height;
  for (std::size_t c = 0; c < columns; ++c) {
    const double x = left + chart.cell * (static_cast<double>(c) + 0.5);
    if (slanted) {
      out.text(x + 4,
               bottom + 12,
               chart.column_names[c],
               {name_size, theme::kInk, Align::kRight, false, kSlant});
    } else {
      out.text(x,
               bottom + 15,
               chart.column_names[c],
               {name_size, theme::kInk, Align::kCentre});
    }
  }
  out.text(left + grid_width / 2,
           bottom + column_height + 15,
           chart.column_title,
           {theme::kLabelSize, theme::kInk, Align::kCentre, true});
  out.text(theme::kFigureMargin + 9,
           top + grid_height / 2,
           chart.row_title,
           {theme::kLabelSize, theme::kInk, Align::kCentre, true, 90});
  return out;
}

}  // namespace plot
