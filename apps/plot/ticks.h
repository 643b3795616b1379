#ifndef NN_APPS_PLOT_TICKS_H_
#define NN_APPS_PLOT_TICKS_H_

#include <string>
#include <vector>

namespace plot {

/// The range of an axis and the round numbers it is labelled at.
struct Ticks {
  double low = 0;
  double high = 1;
  std::vector<double> major;       ///< with labels
  std::vector<std::string> label;  ///< one for each of them
  std::vector<double> minor;       ///< grid lines alone
};

/// How the numbers of an axis are written.
enum class NumberStyle { kPlain, kPercent };

/// Multiples of 1, 2 or 5 times a power of ten, about `target` of them. The
/// range is widened to the ticks next to it, but not past `floor` or `ceiling`.
Ticks linear_ticks(double low,
                   double high,
                   int target,
                   NumberStyle style = NumberStyle::kPlain,
                   double floor = -1e300,
                   double ceiling = 1e300);

/// Whole numbers from `low` to `high`, both of them inside; about `target`
/// labels. The range is left as it is.
Ticks integer_ticks(int low, int high, int target);

/// Powers of ten, with 2 and 5 between them where the range is short. low > 0.
Ticks log_ticks(double low, double high, int target);

/// `value` with that many significant digits: "0.0312", "12.3", "2.10e-5".
std::string format_number(double value, int digits = 3);
/// "98.62 %".
std::string format_percent(double share, int decimals = 2);
/// A probability as a percentage with as many digits as it takes to tell it
/// from 0 and from 100: "99.980 %", "99.99999999977 %", "0.012 %". Where that
/// is more than `most_decimals`, it says so: "> 99.9999 %", "< 0.0001 %".
/// Exactly 1 is "100 %", exactly 0 is "0 %".
std::string format_probability(double p, int most_decimals = 12);
/// A probability as it fits into a matrix cell: "0.992", "0.9998", "0.001",
/// "2e-5", "1", "0".
std::string format_share(double p);
/// "1,234,567".
std::string format_count(long long value);

}  // namespace plot

#endif  // NN_APPS_PLOT_TICKS_H_
