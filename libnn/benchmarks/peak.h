#ifndef NN_BENCHMARKS_PEAK_H_
#define NN_BENCHMARKS_PEAK_H_

#include "nn/buffer.h"
#include "nn/types.h"

namespace nn::bench {

/// The bare register tile at work: the inner loop of all products and
/// convolutions, over packed panels that stay in the first-level cache, with
/// nothing to pack and nothing to store. What it does in a second is what this
/// machine can do, and the measure for everything else.
class Peak {
 public:
  Peak();

  /// Some 100 microseconds of it on each of num_threads() threads at once.
  /// Returns the floating-point operations done.
  double run();

  /// Median floating-point operations a second on num_threads() threads.
  double measure(int rounds = 31);

 private:
  Buffer panels_;
};

}  // namespace nn::bench

#endif  // NN_BENCHMARKS_PEAK_H_
