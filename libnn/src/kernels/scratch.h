#ifndef NN_SRC_KERNELS_SCRATCH_H_
#define NN_SRC_KERNELS_SCRATCH_H_

#include <algorithm>
#include <cstddef>

#include "nn/buffer.h"
#include "nn/check.h"
#include "nn/parallel.h"
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
    // Nothing may be added to a null pointer.
    T* block = start_ ? reinterpret_cast<T*>(start_ + used_) : nullptr;
    used_ += aligned_size(array_bytes(count, 1, sizeof(T)));
    return block;
  }
  std::size_t used() const { return used_; }
  /// Where the next block starts; null if it measures.
  std::byte* rest() const { return start_ ? start_ + used_ : nullptr; }

 private:
  std::byte* start_;
  std::size_t used_ = 0;
};

/// What scratch memory a pass needs: a part that is shared and, behind it, one
/// for each worker of its loop.
struct ScratchNeeds {
  std::size_t shared_bytes = 0;
  std::size_t worker_bytes = 0;

  /// For either of two passes.
  friend ScratchNeeds larger(const ScratchNeeds& a, const ScratchNeeds& b) {
    return {std::max(a.shared_bytes, b.shared_bytes),
            std::max(a.worker_bytes, b.worker_bytes)};
  }
};

/// Memory for such needs, with room for `workers` workers.
struct Scratch {
  std::byte* start = nullptr;
  int workers = 0;
};

/// The parts of the workers in it, and the loop that uses no more workers than
/// there are parts, whatever set_num_threads() does at the same time.
class WorkerScratch {
 public:
  /// To measure: no parts.
  WorkerScratch() = default;
  /// Parts of what `one` measured, behind what `shared` has cut.
  WorkerScratch(const Cutter& shared, const Cutter& one, const Scratch& scratch)
      : needs_{shared.used(), one.used()},
        first_(shared.rest()),
        workers_(scratch.workers) {
    check_argument(scratch.start == nullptr || workers_ >= 1,
                   "expected scratch memory for at least 1 worker, got it for ",
                   workers_);
  }
  const ScratchNeeds& needs() const { return needs_; }

  /// parallel_for() with a part: calls body(task, cutter), where the Cutter
  /// cuts the part of the worker that has got the task.
  template <typename Body>
  void for_tasks(Index tasks, const Body& body) const {
    parallel_for(tasks, workers_, [&](Index task, int worker) {
      body(task,
           Cutter(first_ +
                  static_cast<std::size_t>(worker) * needs_.worker_bytes));
    });
  }

 private:
  ScratchNeeds needs_;
  std::byte* first_ = nullptr;
  int workers_ = 0;
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
