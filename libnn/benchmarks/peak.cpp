#include "benchmarks/peak.h"

#include <algorithm>
#include <vector>

#include "benchmarks/timing.h"
#include "kernels/dispatch.h"
#include "nn/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "benchmarks/peak.cpp"
#include <hwy/foreach_target.h>
// Must come after foreach_target.h.
#include "kernels/tile-inl.h"

#ifndef NN_BENCHMARKS_PEAK_TYPES
#define NN_BENCHMARKS_PEAK_TYPES
namespace nn::kernels {

// Steps of k: with AVX-512, panels of 24 and 4 KiB.
constexpr Index kPeakDepth = 128;

struct PeakTable {
  Index rows;     // of the tile
  Index columns;  // of the tile
  /// Multiplies the panels `repetitions` times and writes the sum of all of it,
  /// rows x columns, to c.
  void (*multiply)(const float* a, const float* b, Index repetitions, float* c);
};

}  // namespace nn::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace nn::kernels {
namespace HWY_NAMESPACE {
namespace {

HWY_NOINLINE void peak_multiply(const float* a,
                                const float* b,
                                Index repetitions,
                                float* c) {
  constexpr Index rows = kTileVectors * kLanes<float>;
  Tile<float, kTileVectors, kTileColumns> tile;
  tile.clear();
  for (Index i = 0; i < repetitions; ++i) {
    tile.multiply(kPeakDepth,
                  StridedRows<float>{a, rows},
                  AdjacentColumns<float, kTileColumns>{b, kTileColumns});
  }
  tile.store(c, rows);
}

const PeakTable& peak_table() {
  static constexpr PeakTable kTable{
      kTileVectors * kLanes<float>, kTileColumns, peak_multiply};
  return kTable;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nn::kernels {
namespace {

const PeakTable& best_peak_table() {
  NN_RETURN_FOR_ISA(peak_table)
}

}  // namespace
}  // namespace nn::kernels

namespace nn::bench {
namespace {

// More tasks than threads, so that one that is held up does not hold up all.
constexpr Index kTasksPerThread = 8;
// 4 MFLOP, some 20 microseconds, a task.
constexpr double kFlopsPerTask = 4e6;

}  // namespace

Peak::Peak() {
  const kernels::PeakTable& table = kernels::best_peak_table();
  const Index values = (table.rows + table.columns) * kernels::kPeakDepth;
  panels_.reserve(static_cast<std::size_t>(values) * sizeof(float));
  // The values keep clear of zero and of overflow; the time does not depend on
  // them otherwise.
  std::fill_n(panels_.as<float>(), values, 0.001F);
}

double Peak::run() {
  const kernels::PeakTable& table = kernels::best_peak_table();
  const float* a = panels_.as<float>();
  const float* b = a + table.rows * kernels::kPeakDepth;
  const double flops_once = 2.0 * static_cast<double>(table.rows) *
                            static_cast<double>(table.columns) *
                            static_cast<double>(kernels::kPeakDepth);
  const Index repetitions = static_cast<Index>(kFlopsPerTask / flops_once) + 1;
  const Index tasks = kTasksPerThread * num_threads();
  parallel_for(tasks, [&](Index, int) {
    constexpr Index kMostResults = 1024;
    alignas(Buffer::kAlignment) float c[kMostResults];
    table.multiply(a, b, repetitions, c);
    // Keeps the result, and so the work, from being optimized away.
    volatile float kept = c[0];
    static_cast<void>(kept);
  });
  return flops_once * static_cast<double>(repetitions * tasks);
}

double Peak::measure(int rounds) {
  double flops = run();
  std::vector<double> seconds;
  for (int i = 0; i < rounds; ++i) {
    seconds.push_back(seconds_of([&] { flops = run(); }));
  }
  return flops / median(seconds);
}

}  // namespace nn::bench
#endif  // HWY_ONCE
