#ifndef NN_SRC_NETWORK_WORKSPACE_STATE_H_
#define NN_SRC_NETWORK_WORKSPACE_STATE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "network/stage.h"
#include "nn/buffer.h"
#include "nn/network/workspace.h"
#include "nn/types.h"

namespace nn {

template <typename Scalar>
struct Workspace<Scalar>::State {
  // What the buffers below are sized and cut for.
  std::uint64_t plan = 0;
  Index batch = 0;
  Mode mode = Mode::kInference;
  int workers = 0;  // for as many there is scratch memory
  // The last batch and mode that the buffers were found large enough for.
  Index checked_batch = -1;
  Mode checked_mode = Mode::kInference;

  Buffer memory;  // in training the logits, then what StageCut says
  Buffer scratch;
  std::size_t logit_bytes = 0;
  std::size_t block_bytes = 0;
  std::vector<std::size_t> saved_bytes;

  std::uint64_t passes = 0;  // training passes so far

  // The forward pass that backward() belongs to: number `passes`.
  bool forward_done = false;
  const Scalar* x = nullptr;
  Index columns = 0;

  internal::StageCut cut() const {
    return {batch, block_bytes, saved_bytes.data()};
  }
  Scalar* logits() { return memory.as<Scalar>(); }
  PassMemory pass_memory(std::uint64_t pass) {
    return {memory.data() + logit_bytes, scratch.data(), pass, workers};
  }
};

}  // namespace nn

#endif  // NN_SRC_NETWORK_WORKSPACE_STATE_H_
