#ifndef NN_APPS_PLOT_DECIMALS_H_
#define NN_APPS_PLOT_DECIMALS_H_

#include <charconv>
#include <string>
#include <system_error>

namespace plot {

/// The value with so many digits behind its point, "3.14", or as "2.5e-05":
/// what printf makes of it in the C locale, whatever the locale
/// of the program is.
inline std::string decimals(
    double value,
    int digits,
    std::chars_format format = std::chars_format::fixed) {
  char text[512];
  const std::to_chars_result end =
      std::to_chars(text, text + sizeof text, value, format, digits);
  return end.ec == std::errc() ? std::string(text, end.ptr) : "";
}

}  // namespace plot

#endif  // NN_APPS_PLOT_DECIMALS_H_
