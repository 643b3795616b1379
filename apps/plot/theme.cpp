#include "plot/theme.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace plot {
namespace theme {
namespace {

// `a` at f = 0, `b` at f = 1.
Rgb mix(const Rgb& a, const Rgb& b, double f) {
  const auto level = [f](std::uint8_t from, std::uint8_t to) {
    return static_cast<std::uint8_t>(std::lround(from + f * (to - from)));
  };
  return {level(a.r, b.r), level(a.g, b.g), level(a.b, b.b)};
}

template <std::size_t kStops>
Rgb interpolate(const std::array<Rgb, kStops>& stops, double t) {
  const double position =
      std::clamp(t, 0.0, 1.0) * static_cast<double>(kStops - 1);
  const auto i = std::min(static_cast<std::size_t>(position), kStops - 2);
  return mix(stops[i], stops[i + 1], position - static_cast<double>(i));
}

// Relative luminance as WCAG 2 defines it.
double luminance(const Rgb& c) {
  const auto linear = [](std::uint8_t v) {
    const double s = v / 255.0;
    return s <= 0.03928 ? s / 12.92 : std::pow((s + 0.055) / 1.055, 2.4);
  };
  return 0.2126 * linear(c.r) + 0.7152 * linear(c.g) + 0.0722 * linear(c.b);
}

Rgb readable_on(const Rgb& background) {
  // The luminance at which black and white text have the same contrast.
  constexpr double kBreakEven = 0.179;
  return luminance(background) > kBreakEven ? Rgb{0, 0, 0} : Rgb{255, 255, 255};
}

}  // namespace

Colour series(int i) {
  static constexpr std::array<Colour, kSeriesCount> kColours{{
      {{20, 90, 160}, {110, 180, 245}},
      {{206, 92, 0}, {245, 160, 80}},
      {{0, 122, 92}, {61, 201, 158}},
      {{140, 72, 140}, {214, 156, 216}},
  }};
  return kColours[static_cast<std::size_t>(std::abs(i) % kSeriesCount)];
}

Colour pale(const Colour& colour) {
  constexpr double kTowardsPage = 0.5;
  return {mix(colour.light, kPaper.light, kTowardsPage),
          mix(colour.dark, kPaper.dark, kTowardsPage)};
}

Colour heat(double t) {
  static constexpr std::array<Rgb, 4> kLight{
      {{255, 255, 255}, {173, 209, 240}, {58, 130, 196}, {10, 58, 122}}};
  static constexpr std::array<Rgb, 4> kDark{
      {{28, 31, 36}, {24, 66, 110}, {52, 128, 196}, {170, 214, 250}}};
  return {interpolate(kLight, t), interpolate(kDark, t)};
}

Colour text_on(const Colour& background) {
  return {readable_on(background.light), readable_on(background.dark)};
}

Rgb diverging(double t) {
  static constexpr std::array<Rgb, 5> kStops{{{166, 70, 0},
                                              {240, 164, 92},
                                              {250, 250, 250},
                                              {106, 168, 220},
                                              {14, 74, 140}}};
  return interpolate(kStops, (t + 1) / 2);
}

}  // namespace theme
}  // namespace plot
