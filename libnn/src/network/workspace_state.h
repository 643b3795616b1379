#ifndef NN_SRC_NETWORK_WORKSPACE_STATE_H_
#define NN_SRC_NETWORK_WORKSPACE_STATE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

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

  Buffer memory;  // activations and what stages save
  Buffer scratch;
  // Training: the output of every stage and its saved bytes. Inference: two
  // activations that stages write in turn.
  std::vector<Scalar*> activations;
  std::vector<std::byte*> saved;
  std::vector<std::size_t> saved_bytes;
  // Two gradients of activations that stages write in turn.
  Scalar* gradients[2] = {nullptr, nullptr};

  std::uint64_t passes = 0;  // training passes so far

  // The forward pass that backward() belongs to: number `passes`.
  bool forward_done = false;
  const Scalar* x = nullptr;
  Index columns = 0;
};

}  // namespace nn

#endif  // NN_SRC_NETWORK_WORKSPACE_STATE_H_
