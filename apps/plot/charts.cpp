#include "plot/charts.h"

namespace plot {

double draw_titles(Drawing* drawing,
                   const std::string& title,
                   const std::string& subtitle,
                   double width) {
  double y = 0;
  const auto put = [&](const std::string& text, const TextStyle& style) {
    for (const std::string& line :
         wrap_text(text, style, width - 2 * theme::kFigureMargin)) {
      y += style.size * 1.36;
      if (drawing != nullptr) {
        // A single word may be longer than the line.
        drawing->text_within(theme::kFigureMargin,
                             y,
                             width - 2 * theme::kFigureMargin,
                             line,
                             style);
      }
    }
  };
  if (title.empty() && subtitle.empty()) return 4;
  y = 6;
  put(title, {theme::kTitleSize, theme::kInk, Align::kLeft, true});
  put(subtitle, {theme::kSubtitleSize, theme::kMuted});
  return y + 10;
}

}  // namespace plot
