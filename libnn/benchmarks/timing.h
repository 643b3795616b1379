#ifndef NN_BENCHMARKS_TIMING_H_
#define NN_BENCHMARKS_TIMING_H_

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <vector>

namespace nn::bench {

/// Seconds that one call of `work` takes.
template <typename Work>
double seconds_of(Work&& work) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The value below which `share` (0 .. 1) of the values lie. Needs at least one
/// value.
inline double quantile(std::vector<double> values, double share) {
  const std::size_t last = values.size() - 1;
  const auto place =
      static_cast<std::size_t>(share * static_cast<double>(last) + 0.5);
  const auto nth = values.begin() + static_cast<std::ptrdiff_t>(place);
  std::nth_element(values.begin(), nth, values.end());
  return *nth;
}

inline double median(const std::vector<double>& values) {
  return quantile(values, 0.5);
}

/// How long to measure.
struct Effort {
  int rounds = 11;
  double block_seconds = 0.01;
};

/// The median seconds of one call, for each of several ways to do the same.
///
/// They take turns: every round runs a block of calls of each, so that what
/// else happens on the machine, and its clock frequency, meet all of them
/// alike. A block lasts about effort.block_seconds. One call of each comes
/// first, untimed: it touches the memory.
inline std::vector<double> median_seconds(
    const std::vector<std::function<void()>>& ways, const Effort& effort) {
  constexpr double kMostCalls = 1e6;
  std::vector<int> calls;
  for (const auto& way : ways) {
    way();
    const double once = std::min(seconds_of(way), seconds_of(way));
    calls.push_back(static_cast<int>(std::clamp(
        effort.block_seconds / std::max(once, 1e-9), 1.0, kMostCalls)));
  }
  std::vector<std::vector<double>> seconds(ways.size());
  for (int round = 0; round < effort.rounds; ++round) {
    for (std::size_t i = 0; i < ways.size(); ++i) {
      const double block = seconds_of([&] {
        for (int call = 0; call < calls[i]; ++call) ways[i]();
      });
      seconds[i].push_back(block / calls[i]);
    }
  }
  std::vector<double> medians;
  for (const auto& values : seconds) medians.push_back(median(values));
  return medians;
}

}  // namespace nn::bench

#endif  // NN_BENCHMARKS_TIMING_H_
