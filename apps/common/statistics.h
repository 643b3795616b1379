#ifndef NN_APPS_COMMON_STATISTICS_H_
#define NN_APPS_COMMON_STATISTICS_H_

#include <vector>

namespace apps {

struct Interval {
  double low = 0.0;
  double high = 0.0;
};

/// The 95 % point of the standard normal distribution, two-sided.
constexpr double kNormal95 = 1.959963984540054;

/// Wilson's score interval (1927) for a share of which `successes` of `trials`
/// are an estimate:
///
///   (p + z^2/2n -+ z sqrt(p (1-p)/n + z^2/4n^2)) / (1 + z^2/n),   p = s / n
///
/// Unlike p -+ z sqrt(p (1-p)/n) it stays inside 0 .. 1 and is wider than
/// nothing at p = 1, where accuracies like to be.
/// Throws std::invalid_argument unless 0 <= successes <= trials and trials > 0.
Interval wilson_interval(long successes, long trials, double z = kNormal95);

/// The middle value, the mean of the middle two; 0 of nothing.
double median(std::vector<double> values);

}  // namespace apps

#endif  // NN_APPS_COMMON_STATISTICS_H_
