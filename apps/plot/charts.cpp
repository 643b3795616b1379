#include "plot/charts.h"

namespace plot {

double draw_titles(Drawing* drawing,
                   const std::string& title,
                   const std::string& subtitle,
                   double width) {
  double y = 0;
  const auto put = [&](const std::string& text,
                       double size,
                       const Colour& colour,
                       bool bold) {
    for (const std::string& line :
         wrap_text(text, size, width - 2 * theme::kFigureMargin, bold)) {
      y += size * 1.36;
      if (drawing != nullptr) {
        drawing->text(
            theme::kFigureMargin, y, line, {size, colour, Align::kLeft, bold});
      }
    }
  };
  if (title.empty() && subtitle.empty()) return 4;
  y = 6;
  put(title, theme::kTitleSize, theme::kInk, true);
  put(subtitle, theme::kSubtitleSize, theme::kMuted, false);
  return y + 10;
}

}  // namespace plot
