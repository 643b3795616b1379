#ifndef NN_DATA_BATCHES_H_
#define NN_DATA_BATCHES_H_

#include <cstdint>
#include <vector>

#include "nn/types.h"

namespace nn {

/// The order in which an epoch visits the samples: cut into batches, the last
/// of which may be smaller, and reshuffled every epoch from the seed.
class Batches {
 public:
  /// Throws std::invalid_argument if samples or batch_size is not positive.
  Batches(Index samples, Index batch_size, std::uint64_t seed);

  /// Puts the samples in the order of epoch `epoch`, counted from 0. The order
  /// depends on the seed and the epoch alone, not on earlier calls.
  void start_epoch(Index epoch);

  /// Batches an epoch.
  Index count() const;
  /// Samples in batch `i`.
  Index size(Index i) const;
  /// The samples of batch `i`: size(i) indices.
  const Index* indices(Index i) const;

 private:
  Index batch_size_;
  std::uint64_t seed_;
  std::vector<Index> order_;
};

}  // namespace nn

#endif  // NN_DATA_BATCHES_H_
