#include "common/statistics.h"

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

}  // namespace apps
