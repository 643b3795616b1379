#include "plot/ticks.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "plot/decimals.h"

namespace plot {
namespace {

std::string fixed(double value, int places) {
  std::string text = decimals(value, places);
  // "-0.00" is a rounding artifact.
  const bool is_zero = text.find_first_not_of("-0.") == std::string::npos;
  return is_zero && text.front() == '-' ? text.substr(1) : text;
}

// "2e-05" as "2e-5".
std::string scientific(double value, int places) {
  std::string text = decimals(value, places, std::chars_format::scientific);
  const std::size_t e = text.find('e');
  std::size_t digits = e + 2;
  while (digits + 1 < text.size() && text[digits] == '0') {
    text.erase(digits, 1);
  }
  if (text[e + 1] == '+') text.erase(e + 1, 1);
  return text;
}

// The smallest of 1, 2, 5 times a power of ten that is at least `step`.
double round_step(double step) {
  const double power = std::pow(10.0, std::floor(std::log10(step)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= step * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

int decimals_of(double step) {
  return std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
}

// A multiple of `step` with the digits that tell it from the next one.
std::string linear_label(double value, double step) {
  constexpr int kMostDecimals = 5;  // more are counted, not read
  const int decimals = decimals_of(step);
  if (decimals <= kMostDecimals) return fixed(value, decimals);
  if (value == 0) return "0";
  const int digits =
      decimals +
      static_cast<int>(std::floor(std::log10(std::abs(value)) + 1e-9));
  return scientific(value, std::max(0, digits));
}

std::string log_label(double value) {
  if (value >= 1e-3 && value < 1e6) {
    if (value >= 1e3) return format_count(std::llround(value));
    return fixed(value, decimals_of(value));
  }
  return scientific(value, 0);
}

}  // namespace

Ticks linear_ticks(double low,
                   double high,
                   int target,
                   NumberStyle style,
                   double floor,
                   double ceiling) {
  if (!(high > low)) {
    const double margin = low == 0 ? 1 : std::abs(low) * 0.1;
    low = std::max(floor, low - margin);
    high = std::min(ceiling, high + margin);
  }
  const double step = round_step((high - low) / std::max(1, target));
  Ticks ticks;
  if (!std::isnormal(step)) {
    // At the ends of what a double holds there is nothing to divide.
    constexpr double kLargest = std::numeric_limits<double>::max();
    ticks.low = std::max(low, -kLargest);
    ticks.high = std::min(high, kLargest);
    ticks.major = {ticks.low, ticks.high};
    for (const double end : ticks.major) {
      ticks.label.push_back(format_number(end));
    }
    return ticks;
  }
  ticks.low = std::max(floor, std::floor(low / step + 1e-9) * step);
  ticks.high = std::min(ceiling, std::ceil(high / step - 1e-9) * step);
  const int decimals = decimals_of(step * 100);
  const auto first = std::llround(std::ceil(ticks.low / step - 1e-9));
  const auto last = std::llround(std::floor(ticks.high / step + 1e-9));
  for (long long i = first; i <= last; ++i) {
    const double value = static_cast<double>(i) * step;
    ticks.major.push_back(value);
    ticks.label.push_back(style == NumberStyle::kPercent
                              ? fixed(value * 100, decimals) + " %"
                              : linear_label(value, step));
  }
  return ticks;
}

Ticks integer_ticks(int low, int high, int target) {
  Ticks ticks;
  ticks.low = low;
  ticks.high = high;
  const double span = std::max(1, high - low);
  const int step = std::max(
      1, static_cast<int>(std::lround(round_step(span / std::max(1, target)))));
  std::vector<int> values;
  for (int v = (low / step) * step; v <= high; v += step) {
    if (v >= low) values.push_back(v);
  }
  // The first epoch is where reading starts: it gets its number unless another
  // one stands too near.
  if (values.empty() || 2 * (values.front() - low) >= step) {
    values.insert(values.begin(), low);
  }
  for (const int v : values) {
    ticks.major.push_back(v);
    ticks.label.push_back(format_count(v));
  }
  return ticks;
}

Ticks log_ticks(double low, double high, int target) {
  Ticks ticks;
  if (!(high > low)) {
    low /= 1.5;
    high *= 1.5;
  }
  const double decades = std::log10(high / low);
  std::vector<double> factors{1};
  int stride = 1;
  if (decades < 0.8) {
    // Too short for 1-2-5: round numbers at even distances, on a log axis.
    Ticks even = linear_ticks(low, high, target, NumberStyle::kPlain, 0);
    if (even.low > 0) return even;
    factors = {1, 2, 5};
  } else if (decades * 3 <= target + 1) {
    factors = {1, 2, 5};
  } else if (decades * 2 <= target + 1) {
    factors = {1, 3};
  } else {
    stride = std::max(1, static_cast<int>(std::ceil(decades / target)));
  }
  std::vector<double> candidates;
  const int first = static_cast<int>(std::floor(std::log10(low))) - stride;
  const int last = static_cast<int>(std::ceil(std::log10(high))) + stride;
  for (int exponent = first; exponent <= last; ++exponent) {
    if (((exponent % stride) + stride) % stride != 0) continue;
    for (const double factor : factors) {
      candidates.push_back(factor * std::pow(10.0, exponent));
    }
  }
  const auto above =
      std::upper_bound(candidates.begin(), candidates.end(), low * (1 + 1e-9));
  const auto below =
      std::lower_bound(candidates.begin(), candidates.end(), high * (1 - 1e-9));
  auto lowest = above - 1;
  auto highest = below;
  ticks.low = *lowest;
  ticks.high = *highest;
  if (stride > 1) {
    // The range ends at the next decade, not at the next labelled one, which
    // may leave half a panel empty.
    const double low_decade =
        std::pow(10.0, std::floor(std::log10(low) + 1e-9));
    const double high_decade =
        std::pow(10.0, std::ceil(std::log10(high) - 1e-9));
    if (low_decade > *lowest * 2) ++lowest;
    if (high_decade < *highest / 2) --highest;
    if (lowest < highest) {
      ticks.low = low_decade;
      ticks.high = high_decade;
    } else {
      lowest = above - 1;
      highest = below;
    }
  }
  for (auto v = lowest; v <= highest; ++v) {
    ticks.major.push_back(*v);
    ticks.label.push_back(log_label(*v));
  }
  // Finer lines run together on a long range; whole decades do not.
  const double shown = std::log10(ticks.high / ticks.low);
  const bool fine = shown <= std::min(4, target + 1) + 1e-9;
  if (fine || stride > 1) {
    for (int exponent = first; exponent <= last; ++exponent) {
      for (int factor = 1; factor <= (fine ? 9 : 1); ++factor) {
        const double value = factor * std::pow(10.0, exponent);
        if (value > ticks.low && value < ticks.high) {
          ticks.minor.push_back(value);
        }
      }
    }
  }
  return ticks;
}

std::string format_number(double value, int digits) {
  if (!std::isfinite(value)) return std::isnan(value) ? "nan" : "inf";
  const double size = std::abs(value);
  if (size == 0) return "0";
  if (size < 1e-4 || size >= 1e7) return scientific(value, digits - 1);
  const int exponent = static_cast<int>(std::floor(std::log10(size)));
  return fixed(value, std::max(0, digits - 1 - exponent));
}

std::string format_percent(double share, int decimals) {
  return fixed(share * 100, decimals) + " %";
}

std::string format_probability(double p, int most_decimals) {
  if (p >= 1) return "100 %";
  if (p <= 0) return "0 %";
  // Two significant digits of the distance to the nearer end. More than
  // so many decimals nobody counts.
  const double distance = std::min(p, 1 - p) * 100;
  const int decimals =
      1 - static_cast<int>(std::floor(std::log10(distance) + 1e-12));
  if (decimals > most_decimals) {
    const double least = std::pow(10.0, -most_decimals);
    return p < 0.5 ? "< " + fixed(least, most_decimals) + " %"
                   : "> " + fixed(100 - least, most_decimals) + " %";
  }
  return fixed(p * 100, std::max(decimals, 2)) + " %";
}

std::string format_share(double p) {
  if (p <= 0) return "0";
  if (p >= 1) return "1";
  if (p < 0.0005) return scientific(p, 0);
  for (int decimals = 3; decimals <= 6; ++decimals) {
    const std::string text = fixed(p, decimals);
    if (text.front() == '0') return text;
  }
  return "1-" + scientific(1 - p, 0);
}

std::string format_count(long long value) {
  std::string text = std::to_string(value);
  const std::size_t first = value < 0 ? 1 : 0;
  for (std::size_t i = text.size(); i > first + 3;) {
    i -= 3;
    text.insert(i, ",");
  }
  return text;
}

}  // namespace plot
