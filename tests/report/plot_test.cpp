#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <string>

#include "plot/charts.h"
#include "plot/drawing.h"
#include "plot/render.h"
#include "plot/theme.h"
#include "plot/ticks.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/hostile_locale.h"

using Catch::Approx;

namespace {

using Catch::Matchers::ContainsSubstring;

bool is_blank(const plot::Pixels& pixels) {
  for (const std::uint8_t v : pixels.rgb) {
    if (v != pixels.rgb.front()) return false;
  }
  return true;
}

std::string svg(const plot::Drawing& drawing) {
  plot::SvgColours colours;
  return plot::to_svg(drawing, "test", colours);
}

}  // namespace

TEST_CASE("linear ticks stand at round numbers around the data", "[plot]") {
  const plot::Ticks ticks = plot::linear_ticks(0.13, 0.87, 5);
  CHECK(ticks.low == Approx(0.0).margin(1e-12));
  CHECK(ticks.high == Approx(1.0));
  CHECK(ticks.label ==
        std::vector<std::string>{"0.0", "0.2", "0.4", "0.6", "0.8", "1.0"});
}

TEST_CASE("tiny ticks are written in powers of ten and still differ",
          "[plot]") {
  CHECK(plot::linear_ticks(0, 1e-9, 4).label ==
        std::vector<std::string>{"0", "5e-10", "1.0e-9"});
  CHECK(plot::linear_ticks(1e-6, 1.2e-6, 2).label ==
        std::vector<std::string>{"1.0e-6", "1.1e-6", "1.2e-6"});
  CHECK(plot::integer_ticks(1, 94000, 4).label.back() == "50,000");
}

TEST_CASE("charts are the same under every locale", "[plot][locale]") {
  const auto texts = [] {
    plot::BarChart chart;
    chart.title = "1,234.5";
    chart.bars.push_back({"one", 1234.25, "1,234.25"});
    std::string all = svg(plot::draw(chart));
    for (const plot::Ticks& ticks : {plot::linear_ticks(0.13, 0.87, 5),
                                     plot::linear_ticks(1e-6, 1.2e-6, 2),
                                     plot::integer_ticks(1, 94000, 4)}) {
      for (const std::string& label : ticks.label) all += label + "\n";
    }
    return all;
  };
  const std::string expected = texts();
  const nn_test::HostileLocale hostile;
  CHECK(texts() == expected);
}

TEST_CASE("linear ticks never reach past what a share can be", "[plot]") {
  const plot::Ticks ticks =
      plot::linear_ticks(0.987, 1.0, 4, plot::NumberStyle::kPercent, 0, 1);
  CHECK(ticks.high == 1.0);
  CHECK(ticks.label.back() == "100.0 %");
}

TEST_CASE("ticks exist for data without extent", "[plot]") {
  for (const double value : {0.0, 1.0, 2.3026, 1e-9}) {
    const plot::Ticks linear = plot::linear_ticks(value, value, 5);
    CHECK(linear.low <= value);
    CHECK(linear.high >= value);
    CHECK(linear.low < linear.high);
    if (value > 0) {
      const plot::Ticks log = plot::log_ticks(value, value, 5);
      CHECK(log.low <= value);
      CHECK(log.high >= value);
      CHECK(log.low < log.high);
    }
  }
}

TEST_CASE("log ticks enclose the data and rise", "[plot]") {
  for (const double high : {2e-6, 1.3e-5, 0.7, 44.0, 3e8}) {
    const plot::Ticks ticks = plot::log_ticks(1e-6, high, 6);
    CHECK(ticks.low <= 1e-6 * (1 + 1e-9));
    CHECK(ticks.high >= high * (1 - 1e-9));
    CHECK(ticks.major.size() >= 2);
    CHECK(ticks.major.size() <= 12);
    for (std::size_t i = 1; i < ticks.major.size(); ++i) {
      CHECK(ticks.major[i] > ticks.major[i - 1]);
    }
  }
}

TEST_CASE("the labels of a log axis stand apart, whatever the range",
          "[plot]") {
  // The charts ask for a label every 42 points, rounded to a whole number.
  const double text_height = 1.2 * plot::theme::kTickSize;
  for (int target = 2; target <= 8; ++target) {
    for (double low = 1e-3; low < 1e-2; low *= 1.05) {
      for (double range = 1.02; range < 1e7; range *= 1.07) {
        CAPTURE(target, low, range);
        const plot::Ticks ticks = plot::log_ticks(low, low * range, target);
        double least = 1;
        for (std::size_t i = 1; i < ticks.major.size(); ++i) {
          least = std::min(least,
                           std::log(ticks.major[i] / ticks.major[i - 1]) /
                               std::log(ticks.high / ticks.low));
        }
        REQUIRE(least * (target - 0.5) * 42 >= text_height);
      }
    }
  }
}

TEST_CASE("a long log axis ends at whole decades, without finer lines",
          "[plot]") {
  const plot::Ticks ticks = plot::log_ticks(3e-4, 2.4, 2);
  CHECK(ticks.low == Catch::Approx(1e-4));
  CHECK(ticks.high == Catch::Approx(10));
  CHECK(ticks.major.size() >= 2);
  CHECK(ticks.minor.size() <= 5);
}

TEST_CASE("a range of numbers stands on one line", "[plot]") {
  CHECK(plot::split_words("in 98.3 \u2013 98.8 % of all \u2013 so") ==
        std::vector<std::string>{
            "in", "98.3 \u2013 98.8 %", "of", "all", "\u2013", "so"});
}

TEST_CASE("code is set in a font of one width", "[plot]") {
  plot::TextStyle code{10};
  code.code = true;
  CHECK(plot::text_width("iiii", code) ==
        Catch::Approx(plot::text_width("MMMM", code)));
  CHECK(plot::text_width("iiii", 10) < plot::text_width("MMMM", 10));
}

TEST_CASE("epoch ticks are whole and within range from 1 to 200", "[plot]") {
  for (int epochs = 1; epochs <= 200; ++epochs) {
    const plot::Ticks ticks = plot::integer_ticks(1, epochs, 8);
    REQUIRE(!ticks.major.empty());
    CHECK(ticks.major.size() <= 12);
    CHECK(ticks.label.front() == "1");
    for (const double v : ticks.major) {
      CHECK(v == std::floor(v));
      CHECK((v >= 1 && v <= epochs));
    }
  }
}

TEST_CASE("probabilities keep the digits that tell them from 0 and 100 %",
          "[plot]") {
  CHECK(plot::format_probability(0.9998) == "99.980 %");
  CHECK(plot::format_probability(0.9999) == "99.990 %");
  CHECK(plot::format_probability(0.9999987) == "99.99987 %");
  CHECK(plot::format_probability(0.999999964) == "99.9999964 %");
  CHECK(plot::format_probability(0.9999987, 4) == "> 99.9999 %");
  CHECK(plot::format_probability(3.1e-7, 4) == "< 0.0001 %");
  CHECK(plot::format_probability(0.5) == "50.00 %");
  CHECK(plot::format_probability(0.00012) == "0.012 %");
  CHECK(plot::format_probability(1.0) == "100 %");
  CHECK(plot::format_probability(0.0) == "0 %");
  CHECK(plot::format_probability(std::nextafter(1.0, 0.0)) ==
        "> 99.999999999999 %");
}

TEST_CASE("a matrix cell tells almost 0 from 0 and almost 1 from 1", "[plot]") {
  CHECK(plot::format_share(0) == "0");
  CHECK(plot::format_share(2e-5) == "2e-5");
  CHECK(plot::format_share(0.00102) == "0.001");
  CHECK(plot::format_share(0.9918) == "0.992");
  CHECK(plot::format_share(0.99976) == "0.9998");
  CHECK(plot::format_share(0.999996) == "0.999996");
  CHECK(plot::format_share(1) == "1");
}

TEST_CASE("numbers carry three significant digits and counts their commas",
          "[plot]") {
  CHECK(plot::format_number(0.031249) == "0.0312");
  CHECK(plot::format_number(12.345) == "12.3");
  CHECK(plot::format_number(2.1e-5) == "2.10e-5");
  CHECK(plot::format_number(0.034891, 4) == "0.03489");
  CHECK(plot::format_count(1234567) == "1,234,567");
  CHECK(plot::format_count(999) == "999");
  CHECK(plot::format_count(-1000) == "-1,000");
  CHECK(plot::format_percent(0.98625) == "98.62 %");
}

TEST_CASE("a PNG decodes to twice the drawing's size with what was drawn",
          "[plot]") {
  plot::Drawing drawing(30, 20);
  drawing.rectangle(0, 0, 15, 20, plot::theme::series(0));
  const plot::Pixels pixels = plot::decode_png(plot::to_png(drawing));
  REQUIRE(pixels.width == 60);
  REQUIRE(pixels.height == 40);
  const plot::Rgb blue = plot::theme::series(0).light;
  CHECK(pixels.rgb[0] == blue.r);
  CHECK(pixels.rgb[2] == blue.b);
  CHECK(pixels.rgb[59 * 3] == 255);
}

TEST_CASE("an image keeps its pixels as sharp squares", "[plot]") {
  plot::Pixels board;
  board.width = 2;
  board.height = 1;
  board.rgb = {10, 20, 30, 200, 210, 220};
  plot::Drawing drawing(8, 4);
  drawing.image(0, 0, 8, 4, board);
  const plot::Pixels out = plot::decode_png(plot::to_png(drawing));
  for (const int x : {0, 3, 7}) CHECK(out.rgb[std::size_t(x) * 3] == 10);
  for (const int x : {8, 12, 15}) CHECK(out.rgb[std::size_t(x) * 3] == 200);
}

TEST_CASE("truncated and foreign bytes are refused as PNG", "[plot][errors]") {
  const std::string png = plot::to_png(plot::Drawing(10, 10));
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{8}, png.size() / 2}) {
    CHECK_THAT(nn_test::message_of<std::runtime_error>(
                   [&] { plot::decode_png(png.substr(0, size)); }),
               ContainsSubstring("PNG"));
  }
  CHECK_THROWS_AS(plot::decode_png("not an image"), std::runtime_error);
}

TEST_CASE("SVG text is escaped and readable as text", "[plot]") {
  plot::Drawing drawing(100, 20);
  drawing.text(0, 10, "a < b & \"c\"", {});
  CHECK_THAT(svg(drawing),
             ContainsSubstring(">a &lt; b &amp; &quot;c&quot;</text>"));
}

TEST_CASE("SVG colours have a rule for light and one for dark pages",
          "[plot]") {
  plot::SvgColours colours;
  const std::string name = colours.fill(plot::theme::kInk);
  CHECK(colours.fill(plot::theme::kInk) == name);
  const std::string css = colours.css();
  CHECK_THAT(css, ContainsSubstring("." + name + "{fill:#1b1f24}"));
  CHECK_THAT(css, ContainsSubstring("." + name + "{fill:#e8eaed}"));
}

TEST_CASE("base64 pads as RFC 4648 does", "[plot]") {
  CHECK(plot::base64("") == "");
  CHECK(plot::base64("f") == "Zg==");
  CHECK(plot::base64("fo") == "Zm8=");
  CHECK(plot::base64("foo") == "Zm9v");
  CHECK(plot::base64("foobar") == "Zm9vYmFy");
}

TEST_CASE("text on every colour of the heat scale has contrast on both pages",
          "[plot]") {
  const auto luminance = [](const plot::Rgb& c) {
    const auto linear = [](std::uint8_t v) {
      const double s = v / 255.0;
      return s <= 0.03928 ? s / 12.92 : std::pow((s + 0.055) / 1.055, 2.4);
    };
    return 0.2126 * linear(c.r) + 0.7152 * linear(c.g) + 0.0722 * linear(c.b);
  };
  const auto contrast = [&](const plot::Rgb& a, const plot::Rgb& b) {
    const double x = luminance(a) + 0.05;
    const double y = luminance(b) + 0.05;
    return x > y ? x / y : y / x;
  };
  for (int i = 0; i <= 100; ++i) {
    const plot::Colour cell = plot::theme::heat(i / 100.0);
    const plot::Colour ink = plot::theme::text_on(cell);
    // What WCAG 2 asks of text at level AA.
    CHECK(contrast(cell.light, ink.light) > 4.5);
    CHECK(contrast(cell.dark, ink.dark) > 4.5);
  }
}

TEST_CASE("a line does not break between a number and its unit", "[plot]") {
  CHECK(plot::split_words("is 98.62 %, or \"100 %\" in 2.3 s.") ==
        std::vector<std::string>{
            "is", "98.62 %,", "or", "\"100 %\"", "in", "2.3 s."});
  for (const double room : {20.0, 60.0, 100.0, 200.0}) {
    for (const std::string& line :
         plot::wrap_text("of 10 images 98.62 % are right", {11}, room)) {
      CHECK(line.front() != '%');
    }
  }
}

TEST_CASE("thinning a line keeps its extremes", "[plot]") {
  std::vector<double> x;
  std::vector<double> y;
  for (int i = 0; i < 10000; ++i) {
    x.push_back(i);
    y.push_back(std::sin(i * 0.01));
  }
  y[1234] = 50;
  y[7777] = -40;
  plot::thin_out(x, y, 100);
  CHECK(x.size() == 200);
  CHECK(x.size() == y.size());
  CHECK(*std::max_element(y.begin(), y.end()) == 50);
  CHECK(*std::min_element(y.begin(), y.end()) == -40);
  CHECK(std::is_sorted(x.begin(), x.end()));
}

TEST_CASE("no two texts of a line chart overlap from 1 to 200 epochs",
          "[plot]") {
  struct Box {
    double left, top, right, bottom;
  };
  for (const int epochs : {1, 2, 3, 5, 9, 10, 20, 37, 100, 199, 200}) {
    for (const double gap : {0.0, 1e-6, 0.5}) {
      plot::LineChart chart;
      chart.title = "title";
      chart.subtitle = "subtitle";
      chart.x_title = "epoch";
      chart.x_mark = epochs;
      chart.x_mark_text = "best on the test set: epoch 200, 99.99 %";
      plot::Panel panel;
      panel.title = "Loss (logarithmic scale)";
      panel.log = true;
      plot::Series a;
      plot::Series b;
      a.label = "training 1.234e-5";
      b.label = "test 1.234e-5";
      for (int e = 1; e <= epochs; ++e) {
        a.x.push_back(e);
        b.x.push_back(e);
        a.y.push_back(1.0 / e);
        b.y.push_back((1 + gap) / e);
      }
      panel.series = {a, b};
      chart.panels = {panel, panel};
      const plot::Drawing drawing = plot::draw(chart);
      std::vector<Box> boxes;
      for (const plot::Shape& shape : drawing.shapes()) {
        const auto* text = std::get_if<plot::Text>(&shape);
        if (text == nullptr) continue;
        const double left = text->style.align == plot::Align::kLeft ? text->x
                            : text->style.align == plot::Align::kRight
                                ? text->x - text->width
                                : text->x - text->width / 2;
        const Box box{left,
                      text->y - text->style.size * 0.73,
                      left + text->width,
                      text->y};
        CAPTURE(epochs, gap, text->text);
        CHECK(box.left >= 0);
        CHECK(box.right <= drawing.width());
        CHECK(box.top >= 0);
        CHECK(box.bottom <= drawing.height());
        for (const Box& other : boxes) {
          const bool apart = box.left >= other.right ||
                             other.left >= box.right ||
                             box.top >= other.bottom || other.top >= box.bottom;
          CHECK(apart);
        }
        boxes.push_back(box);
      }
    }
  }
}

TEST_CASE("values that are not finite or not positive do not upset a chart",
          "[plot]") {
  plot::Series series;
  series.x = {1, 2, 3, 4};
  series.y = {std::numeric_limits<double>::quiet_NaN(),
              0.0,
              std::numeric_limits<double>::infinity(),
              0.5};
  series.label = "odd";
  plot::Panel panel;
  panel.log = true;
  panel.series = {series};
  plot::LineChart chart;
  chart.panels = {panel};
  const std::string text = svg(plot::draw(chart));
  CHECK(text.find("nan") == std::string::npos);
  CHECK(text.find("inf") == std::string::npos);
  CHECK(!is_blank(plot::decode_png(plot::to_png(plot::draw(chart)))));
}
