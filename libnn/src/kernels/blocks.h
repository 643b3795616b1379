#ifndef NN_SRC_KERNELS_BLOCKS_H_
#define NN_SRC_KERNELS_BLOCKS_H_

#include <algorithm>
#include <array>
#include <cstddef>

#include "nn/parallel.h"

namespace nn::kernels {

// Loops over long arrays, on up to num_threads() threads, cut into blocks by
// their length alone, so that no result depends on the number of threads.

// Elements that one task takes: long against the microsecond that handing out a
// task costs, and short against a cache.
constexpr Index kMinBlock = 8192;

/// Calls body(first, count) for blocks of 0 .. count-1.
template <typename Body>
void for_blocks(Index count, const Body& body) {
  parallel_for((count + kMinBlock - 1) / kMinBlock, [&](Index i, int) {
    const Index first = i * kMinBlock;
    body(first, std::min(kMinBlock, count - first));
  });
}

/// combine(... combine(part of block 0, part of block 1) ...), where
/// part(first, count) is a double. 0 for an empty array.
template <typename Part, typename Combine>
double reduce_blocks(Index count, const Part& part, const Combine& combine) {
  // The parts must have a place that is not allocated.
  constexpr Index kMaxBlocks = 64;
  const Index block =
      std::max(kMinBlock, (count + kMaxBlocks - 1) / kMaxBlocks);
  const Index blocks = (count + block - 1) / block;
  std::array<double, kMaxBlocks> parts;
  parallel_for(blocks, [&](Index i, int) {
    const Index first = i * block;
    parts[static_cast<std::size_t>(i)] =
        part(first, std::min(block, count - first));
  });
  double result = blocks > 0 ? parts[0] : 0.0;
  for (Index i = 1; i < blocks; ++i) {
    result = combine(result, parts[static_cast<std::size_t>(i)]);
  }
  return result;
}

template <typename Part>
double sum_blocks(Index count, const Part& part) {
  return reduce_blocks(count, part, [](double a, double b) { return a + b; });
}

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_BLOCKS_H_
