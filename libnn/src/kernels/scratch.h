#ifndef NN_SRC_KERNELS_SCRATCH_H_
#define NN_SRC_KERNELS_SCRATCH_H_

#include <algorithm>
#include <cstddef>

#include "nn/buffer.h"
#include "nn/types.h"

namespace nn::kernels {

constexpr Index round_up(Index value, Index multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// Cuts scratch memory into aligned blocks; with a null start, it measures.
class Cutter {
 public:
  explicit Cutter(std::byte* start) : start_(start) {}
  template <typename T>
  T* cut(Index count) {
    T* block = reinterpret_cast<T*>(start_ + used_);
    used_ += aligned_size(static_cast<std::size_t>(count) * sizeof(T));
    return start_ ? block : nullptr;
  }
  std::size_t used() const { return used_; }

 private:
  std::byte* start_;
  std::size_t used_ = 0;
};

/// Where part i of `count` things begins that are cut into `parts` as equal as
/// they can be; part `parts` begins at `count`.
constexpr Index part_begin(Index count, Index parts, Index i) {
  return i * count / parts;
}

/// How the weight gradient of a batch is summed. The images go to a number of
/// chunks that depends on the batch alone. Each chunk adds up its own gradient,
/// and the chunks' are then added in order: so the sum is the same for any
/// number of threads.
struct ImageChunks {
  Index batch;
  Index count;

  explicit ImageChunks(Index batch_in)
      : batch(batch_in),
        count(std::clamp<Index>(batch_in / kMinImages, 1, kMaxChunks)) {}
  Index begin(Index chunk) const { return part_begin(batch, count, chunk); }
  Index end(Index chunk) const { return begin(chunk + 1); }

  static constexpr Index kMaxChunks = 16;
  static constexpr Index kMinImages = 4;
};

/// The first of `chunks` blocks of `stride` elements becomes their sum, in the
/// elements from `begin` to `end`.
template <typename T>
void add_chunks(T* sums, Index stride, Index chunks, Index begin, Index end) {
  for (Index chunk = 1; chunk < chunks; ++chunk) {
    const T* part = sums + chunk * stride;
    for (Index i = begin; i < end; ++i) sums[i] += part[i];
  }
}

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_SCRATCH_H_
