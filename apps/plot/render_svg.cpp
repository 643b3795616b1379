#include <algorithm>
#include <cmath>
#include <cstdio>

#include "plot/decimals.h"
#include "plot/render.h"

namespace plot {
namespace {

std::string hex(const Rgb& c) {
  char text[8];
  std::snprintf(text, sizeof text, "%02x%02x%02x", c.r, c.g, c.b);
  return text;
}

// A hundredth of a point is finer than any screen; more digits only cost bytes.
std::string number(double value) {
  std::string out = decimals(value, 2);
  out.erase(out.find_last_not_of('0') + 1);
  if (out.back() == '.') out.pop_back();
  return out == "-0" ? "0" : out;
}

std::string points(const std::vector<Point>& list) {
  std::string out;
  for (const Point& p : list) {
    if (!out.empty()) out += ' ';
    out += number(p.x) + ',' + number(p.y);
  }
  return out;
}

struct Writer {
  std::string& out;
  SvgColours& colours;

  void operator()(const Rectangle& s) const {
    out += "<rect class=\"" + colours.fill(s.fill) + "\" x=\"" + number(s.x) +
           "\" y=\"" + number(s.y) + "\" width=\"" + number(s.width) +
           "\" height=\"" + number(s.height) + "\"/>";
  }
  void operator()(const Polyline& s) const {
    out += "<polyline class=\"" + colours.stroke(s.stroke.colour) +
           "\" fill=\"none\" stroke-linejoin=\"round\" stroke-width=\"" +
           number(s.stroke.width) + "\"";
    if (s.stroke.dashed) {
      const double unit = std::max(1.0, s.stroke.width);
      out += " stroke-dasharray=\"" + number(4 * unit) + ' ' +
             number(2.2 * unit) + "\"";
    }
    out += " points=\"" + points(s.points) + "\"/>";
  }
  void operator()(const Polygon& s) const {
    out += "<polygon class=\"" + colours.fill(s.fill) + "\" fill-opacity=\"" +
           number(s.opacity) + "\" points=\"" + points(s.points) + "\"/>";
  }
  void operator()(const Circle& s) const {
    out += "<circle class=\"" + colours.fill(s.fill) + "\" cx=\"" +
           number(s.x) + "\" cy=\"" + number(s.y) + "\" r=\"" +
           number(s.radius) + "\"/>";
  }
  void operator()(const Text& s) const {
    static constexpr const char* kAnchors[] = {"start", "middle", "end"};
    out += "<text class=\"" + colours.fill(s.style.colour) + "\" x=\"" +
           number(s.x) + "\" y=\"" + number(s.y) + "\" font-size=\"" +
           number(s.style.size) + "\"";
    if (s.style.align != Align::kLeft) {
      out += std::string(" text-anchor=\"") +
             kAnchors[static_cast<int>(s.style.align)] + "\"";
    }
    if (s.style.bold) out += " font-weight=\"bold\"";
    if (s.style.code) {
      out += std::string(" font-family=\"'") + theme::kCodeFontFamily +
             "',monospace\"";
    }
    if (s.style.angle != 0) {
      out += " transform=\"rotate(" + number(-s.style.angle) + ' ' +
             number(s.x) + ' ' + number(s.y) + ")\"";
    }
    // Where the reader's device has another font, the layout must still hold.
    out += " textLength=\"" + number(s.width) +
           "\" lengthAdjust=\"spacingAndGlyphs\">" + escape_markup(s.text) +
           "</text>";
  }
  void operator()(const Image& s) const {
    out += "<image x=\"" + number(s.x) + "\" y=\"" + number(s.y) +
           "\" width=\"" + number(s.width) + "\" height=\"" + number(s.height) +
           "\" preserveAspectRatio=\"none\"";
    if (!s.smooth) out += " style=\"image-rendering:pixelated\"";
    out += " href=\"data:image/png;base64," + base64(encode_png(s.pixels)) +
           "\"/>";
  }
};

}  // namespace

std::string SvgColours::add(char kind, const Colour& colour) {
  const std::string name = kind + hex(colour.light) + "-" + hex(colour.dark);
  const auto known = [&](const auto& c) { return c.first == name; };
  if (std::none_of(classes_.begin(), classes_.end(), known)) {
    classes_.emplace_back(name, colour);
  }
  return name;
}

std::string SvgColours::fill(const Colour& colour) {
  return add('f', colour);
}
std::string SvgColours::stroke(const Colour& colour) {
  return add('s', colour);
}

std::string SvgColours::css() const {
  std::string light;
  std::string dark;
  for (const auto& [name, colour] : classes_) {
    const std::string property = name.front() == 'f' ? "fill" : "stroke";
    light += "." + name + "{" + property + ":#" + hex(colour.light) + "}\n";
    dark += "." + name + "{" + property + ":#" + hex(colour.dark) + "}\n";
  }
  return light + "@media screen and (prefers-color-scheme:dark){\n" + dark +
         "}\n";
}

std::string escape_markup(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string to_svg(const Drawing& drawing,
                   const std::string& description,
                   SvgColours& colours) {
  std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " +
                    number(drawing.width()) + ' ' + number(drawing.height()) +
                    "\" role=\"img\" aria-label=\"" +
                    escape_markup(description) + "\">";
  for (const Shape& shape : drawing.shapes()) {
    std::visit(Writer{out, colours}, shape);
    out += '\n';
  }
  return out + "</svg>\n";
}

}  // namespace plot
