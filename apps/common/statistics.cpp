#include "common/statistics.h"

#include <algorithm>
#include <cmath>

#include "nn/check.h"

namespace apps {

Interval wilson_interval(long successes, long trials, double z) {
  nn::check_argument(trials > 0 && successes >= 0 && successes <= trials,
                     "[wilson_interval] expected 0 <= successes <= trials and "
                     "trials > 0, got ",
                     successes,
                     " of ",
                     trials);
  const double n = static_cast<double>(trials);
  const double p = static_cast<double>(successes) / n;
  const double scale = 1.0 + z * z / n;
  const double center = p + z * z / (2.0 * n);
  const double half = z * std::sqrt(p * (1.0 - p) / n + z * z / (4.0 * n * n));
  // At the ends the formula gives exactly 0 and 1; rounding may miss them.
  return {successes == 0 ? 0.0 : (center - half) / scale,
          successes == trials ? 1.0 : (center + half) / scale};
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle]
                                : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace apps
