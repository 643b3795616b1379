#include "plot/drawing.h"

#include <algorithm>
#include <cctype>
#include <sstream>
#include <utility>

namespace plot {

void Drawing::rectangle(
    double x, double y, double width, double height, const Colour& fill) {
  shapes_.emplace_back(Rectangle{x, y, width, height, fill});
}

void Drawing::outline(
    double x, double y, double width, double height, const Stroke& stroke) {
  polyline({{x, y},
            {x + width, y},
            {x + width, y + height},
            {x, y + height},
            {x, y}},
           stroke);
}

void Drawing::line(
    double x0, double y0, double x1, double y1, const Stroke& stroke) {
  polyline({{x0, y0}, {x1, y1}}, stroke);
}

void Drawing::polyline(std::vector<Point> points, const Stroke& stroke) {
  if (points.size() < 2) return;
  shapes_.emplace_back(Polyline{std::move(points), stroke});
}

void Drawing::polygon(std::vector<Point> points,
                      const Colour& fill,
                      double opacity) {
  if (points.size() < 3) return;
  shapes_.emplace_back(Polygon{std::move(points), fill, opacity});
}

void Drawing::circle(double x, double y, double radius, const Colour& fill) {
  shapes_.emplace_back(Circle{x, y, radius, fill});
}

void Drawing::text(double x,
                   double y,
                   std::string text,
                   const TextStyle& style) {
  if (text.empty()) return;
  const double width = text_width(text, style);
  shapes_.emplace_back(Text{x, y, std::move(text), style, width});
}

void Drawing::text_within(
    double x, double y, double room, std::string text, TextStyle style) {
  const double width = text_width(text, style);
  if (width > room) style.size *= room / width;
  this->text(x, y, std::move(text), style);
}

void Drawing::image(double x,
                    double y,
                    double width,
                    double height,
                    Pixels pixels,
                    bool smooth) {
  shapes_.emplace_back(Image{x, y, width, height, std::move(pixels), smooth});
}

namespace {

struct Placer {
  double dx, dy, scale;

  void operator()(Rectangle& s) const {
    move(s.x, s.y);
    s.width *= scale;
    s.height *= scale;
  }
  void operator()(Polyline& s) const {
    for (Point& p : s.points) move(p.x, p.y);
    s.stroke.width *= scale;
  }
  void operator()(Polygon& s) const {
    for (Point& p : s.points) move(p.x, p.y);
  }
  void operator()(Circle& s) const {
    move(s.x, s.y);
    s.radius *= scale;
  }
  void operator()(Text& s) const {
    move(s.x, s.y);
    s.style.size *= scale;
    s.width *= scale;
  }
  void operator()(Image& s) const {
    move(s.x, s.y);
    s.width *= scale;
    s.height *= scale;
  }

  void move(double& x, double& y) const {
    x = x * scale + dx;
    y = y * scale + dy;
  }
};

}  // namespace

void Drawing::place(const Drawing& other, double x, double y, double scale) {
  shapes_.reserve(shapes_.size() + other.shapes_.size());
  for (const Shape& shape : other.shapes_) {
    shapes_.push_back(shape);
    std::visit(Placer{x, y, scale}, shapes_.back());
  }
}

std::vector<std::string> split_words(const std::string& text) {
  const auto is_unit = [](const std::string& word) {
    const std::string bare = word.substr(0, word.find_first_of(".,;:)"));
    return word.front() == '%' || bare == "s" || bare == "ms";
  };
  static const std::string kDash = "\u2013";
  bool starts_range = false;
  std::vector<std::string> words;
  std::istringstream stream(text);
  for (std::string word; stream >> word;) {
    const bool after_number =
        !words.empty() &&
        std::isdigit(static_cast<unsigned char>(words.back().back())) != 0;
    if (starts_range || (after_number && (is_unit(word) || word == kDash))) {
      words.back() += " " + word;
    } else {
      words.push_back(word);
    }
    starts_range = after_number && word == kDash;
  }
  return words;
}

std::vector<std::string> wrap_text(const std::string& text,
                                   const TextStyle& style,
                                   double room) {
  std::vector<std::string> lines;
  std::string line;
  for (const std::string& word : split_words(text)) {
    const std::string longer = line.empty() ? word : line + " " + word;
    if (!line.empty() && text_width(longer, style) > room) {
      lines.push_back(line);
      line = word;
    } else {
      line = longer;
    }
  }
  if (!line.empty()) lines.push_back(line);
  return lines;
}

}  // namespace plot
