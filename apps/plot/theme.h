#ifndef NN_APPS_PLOT_THEME_H_
#define NN_APPS_PLOT_THEME_H_

#include <cstdint>

namespace plot {

struct Rgb {
  std::uint8_t r = 0;
  std::uint8_t g = 0;
  std::uint8_t b = 0;
};

/// A colour on a light page and its counterpart on a dark one. PNG and PDF use
/// the light one; an SVG carries both and follows its page.
struct Colour {
  Rgb light;
  Rgb dark;
};

/// Every colour, font and size of the charts and of the report.
namespace theme {

constexpr char kFontFamily[] = "DejaVu Sans";
constexpr char kCodeFontFamily[] = "DejaVu Sans Mono";
constexpr char kFontPackage[] = "fonts-dejavu-core";

/// Figures are drawn this wide, and on paper shown at kPaperScale: then the
/// smallest text is 7.6 points high, and all figures have the same sizes.
constexpr double kFigureWidth = 614;
constexpr double kFigureMargin = 16;
constexpr double kPaperScale = 0.8;

constexpr double kTitleSize = 15;
constexpr double kSubtitleSize = 11;
constexpr double kLabelSize = 11;
constexpr double kTickSize = 10.5;
constexpr double kSmallSize = 9.5;

constexpr Colour kPaper{{255, 255, 255}, {22, 24, 28}};
constexpr Colour kInk{{27, 31, 36}, {232, 234, 237}};
constexpr Colour kSoft{{245, 246, 248}, {31, 34, 39}};
constexpr Colour kMuted{{91, 99, 108}, {160, 168, 177}};
constexpr Colour kGrid{{226, 229, 233}, {52, 57, 64}};
constexpr Colour kAxis{{140, 147, 155}, {110, 118, 127}};
constexpr Colour kGood{{0, 114, 88}, {61, 201, 158}};
constexpr Colour kBad{{190, 38, 40}, {255, 128, 116}};

/// Series colours, from Okabe and Ito's colour-blind-safe set, with contrast
/// raised for thin lines. In grey they differ too little to rely on, so a chart
/// also tells its series apart by dashes and by labels at the lines.
constexpr int kSeriesCount = 4;
Colour series(int i);

/// The same hue nearer to the page, for what lies behind something else.
Colour pale(const Colour& colour);

/// A sequential scale for t in 0 .. 1: the page's colour at 0, far from it
/// at 1.
Colour heat(double t);
/// Black or white, whichever reads better on `background`, page by page.
Colour text_on(const Colour& background);
/// A diverging scale for t in -1 .. 1, white at 0, the same on either page.
Rgb diverging(double t);

}  // namespace theme
}  // namespace plot

#endif  // NN_APPS_PLOT_THEME_H_
