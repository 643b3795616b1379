#ifndef NN_APPS_PLOT_CHARTS_H_
#define NN_APPS_PLOT_CHARTS_H_

#include <optional>
#include <string>
#include <vector>

#include "plot/drawing.h"
#include "plot/ticks.h"

namespace plot {

/// One line of a panel, labelled where it ends.
struct Series {
  enum class Kind { kLine, kBars, kPoints };

  std::string label;  ///< empty: none
  std::vector<double> x;
  std::vector<double> y;             ///< values that are not finite leave a gap
  Colour colour = theme::series(0);  ///< of the label too
  bool pale = false;                 ///< the line, behind another one
  bool dashed = false;
  double width = 1.8;
  Kind kind = Kind::kLine;
  double bar_width = 1;  ///< in units of x
};

struct Mark {
  double x = 0;
  double y = 0;
};

/// One set of axes.
struct Panel {
  std::string title;  ///< what the y axis shows, written above it
  std::vector<Series> series;
  double height = 220;
  bool log = false;  ///< values that are not positive lie on the lower edge
  NumberStyle style = NumberStyle::kPlain;
  double floor = -1e300;  ///< the axis does not reach past these
  double ceiling = 1e300;
  double least_span = 0;  ///< of a linear axis
  std::vector<Mark> marks;
};

/// Panels above each other over one x axis.
struct LineChart {
  std::string title;
  std::string subtitle;
  std::string x_title;
  bool integer_x = true;
  /// Whole range, where the data do not decide it.
  std::optional<double> x_low;
  std::optional<double> x_high;
  /// A vertical line through all panels with a text between the first two.
  std::optional<double> x_mark;
  std::string x_mark_text;
  std::vector<Panel> panels;
  double width = theme::kFigureWidth;
};

Drawing draw(const LineChart& chart);

/// A matrix of coloured cells with a text in each.
struct MatrixChart {
  std::string title;
  std::string subtitle;
  std::string row_title;
  std::string column_title;
  std::vector<std::string> row_names;
  std::vector<std::string> column_names;
  std::vector<double> values;         ///< 0 .. 1, row by row: the colour
  std::vector<std::string> texts;     ///< one a cell
  std::vector<std::string> subtexts;  ///< smaller, beneath; may be empty
  double cell = 48;  ///< its side; one of 48 has room for two lines of text
};

Drawing draw(const MatrixChart& chart);

/// Images in a grid, each with lines of text beneath.
enum class Tone { kStrong, kSoft, kBad };
struct Caption {
  std::string text;
  Tone tone = Tone::kSoft;
};
struct ImageTile {
  Pixels pixels;
  std::vector<Caption> captions;
  bool wrong = false;  ///< gets a frame that says so, in grey print too
};
struct ImageGrid {
  std::string title;
  std::string subtitle;
  /// Headings over every `span` columns of every row; may be empty.
  std::vector<std::string> names;
  int span = 1;
  std::vector<ImageTile> tiles;  ///< row by row
  int columns = 10;
  double image_width = 84;
  double image_height = 84;
  double gap = 16;
  double group_gap = 0;  ///< more, between the columns of two headings
  std::string note;      ///< beneath the grid
};

Drawing draw(const ImageGrid& grid);

/// Rows of small images, each row under a heading of its own.
struct TileRow {
  std::string heading;
  std::string remark;  ///< behind the heading, less prominent
  std::vector<Pixels> tiles;
  std::vector<std::vector<std::string>> captions;  ///< a tile's; may be empty
  double tile_width = 32;
  double tile_height = 32;
  int columns = 16;  ///< the row goes on in another line after so many
};
struct TileRows {
  std::string title;
  std::string subtitle;
  std::vector<TileRow> rows;
  double width = theme::kFigureWidth;
};

Drawing draw(const TileRows& chart);

/// Horizontal bars from 0, each with its name and its number.
struct Bar {
  std::string name;
  double value = 0;
  std::string text;
  Colour colour = theme::series(0);
};
struct BarChart {
  std::string title;
  std::string subtitle;
  std::vector<Bar> bars;
  double width = theme::kFigureWidth;
};

Drawing draw(const BarChart& chart);

/// Rows of two horizontal bars, side by side on one scale.
struct BarPair {
  std::string name;
  double left = 0;
  double right = 0;
  std::string left_text;
  std::string right_text;
};
struct BarPairs {
  std::string title;
  std::string subtitle;
  std::string left_title;
  std::string right_title;
  std::vector<BarPair> rows;
  double width = theme::kFigureWidth;
};

Drawing draw(const BarPairs& chart);

/// Title and subtitle at the top of `drawing`, wrapped to `width`; returns the
/// height they take. With no drawing it only measures.
double draw_titles(Drawing* drawing,
                   const std::string& title,
                   const std::string& subtitle,
                   double width);

/// Keeps what shows of a long line: for each of `buckets` spans of x its least
/// and its greatest y.
void thin_out(std::vector<double>& x, std::vector<double>& y, int buckets);

}  // namespace plot

#endif  // NN_APPS_PLOT_CHARTS_H_
