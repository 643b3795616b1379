#ifndef NN_APPS_PLOT_DRAWING_H_
#define NN_APPS_PLOT_DRAWING_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "plot/theme.h"

namespace plot {

/// A raster of width * height RGB pixels, row by row from the top.
struct Pixels {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;
};

struct Point {
  double x = 0;
  double y = 0;
};

struct Stroke {
  Colour colour = theme::kInk;
  double width = 1;
  bool dashed = false;
};

enum class Align { kLeft, kCentre, kRight };

struct TextStyle {
  double size = theme::kLabelSize;
  Colour colour = theme::kInk;
  Align align = Align::kLeft;
  bool bold = false;
  double angle = 0;   ///< degrees, counter-clockwise, about the anchor
  bool code = false;  ///< in the monospaced font
};

struct Rectangle {
  double x, y, width, height;
  Colour fill;
};
struct Polyline {
  std::vector<Point> points;
  Stroke stroke;
};
struct Polygon {
  std::vector<Point> points;
  Colour fill;
  double opacity;
};
struct Circle {
  double x, y, radius;
  Colour fill;
};
struct Text {
  double x, y;  ///< the anchor, on the baseline
  std::string text;
  TextStyle style;
  double width;  ///< as measured, before rotation
};
struct Image {
  double x, y, width, height;
  Pixels pixels;
  bool smooth;  ///< interpolate when scaled, or show the pixels as squares
};

using Shape = std::variant<Rectangle, Polyline, Polygon, Circle, Text, Image>;

/// What a figure consists of, in points (1/72 inch) from the top left corner.
/// It is drawn once and then rendered to PNG, SVG or PDF, so that all three
/// show the same.
class Drawing {
 public:
  Drawing(double width, double height) : width_(width), height_(height) {}

  double width() const { return width_; }
  double height() const { return height_; }
  const std::vector<Shape>& shapes() const& { return shapes_; }
  const std::vector<Shape>& shapes() && = delete;  ///< it would dangle

  void rectangle(
      double x, double y, double width, double height, const Colour& fill);
  void outline(
      double x, double y, double width, double height, const Stroke& stroke);
  void line(double x0, double y0, double x1, double y1, const Stroke& stroke);
  void polyline(std::vector<Point> points, const Stroke& stroke);
  void polygon(std::vector<Point> points, const Colour& fill, double opacity);
  void circle(double x, double y, double radius, const Colour& fill);
  /// Throws std::runtime_error if no usable font is installed.
  void text(double x, double y, std::string text, const TextStyle& style);
  /// The same, made smaller where it would be wider than `room`.
  void text_within(
      double x, double y, double room, std::string text, TextStyle style);
  void image(double x,
             double y,
             double width,
             double height,
             Pixels pixels,
             bool smooth = false);
  /// Adds another drawing, its top left corner at (x, y).
  void place(const Drawing& other, double x, double y, double scale = 1);

 private:
  double width_;
  double height_;
  std::vector<Shape> shapes_;
};

/// The width of a line of text. Throws std::runtime_error if it is no UTF-8, or
/// if no usable font is installed, naming the package that brings one.
double text_width(const std::string& text, const TextStyle& style);
double text_width(const std::string& text, double size, bool bold = false);

/// The parts of a text that a line break may separate: its words, a number with
/// its unit ("98.62 %", "1.3 s") or a range of numbers ("98.3 \u2013 98.8 %")
/// being one.
std::vector<std::string> split_words(const std::string& text);

/// Breaks text between those into lines of at most `room`; a longer word stands
/// on a line of its own.
std::vector<std::string> wrap_text(const std::string& text,
                                   const TextStyle& style,
                                   double room);

/// Throws std::runtime_error unless the font family gives real glyphs. A family
/// that is not installed is replaced by what fontconfig finds; with nothing to
/// find, text would come out as empty boxes.
void require_font(const std::string& family);

}  // namespace plot

#endif  // NN_APPS_PLOT_DRAWING_H_
