#include "nn/data/batches.h"

#include <algorithm>
#include <numeric>

#include "nn/check.h"
#include "nn/random.h"

namespace nn {
namespace {

/// Keeps the order of the samples apart from whatever else is drawn from the
/// same seed, such as initial weights.
constexpr std::uint64_t kOrderStream = 0x6f72646572u;

}  // namespace

Batches::Batches(Index samples, Index batch_size, std::uint64_t seed)
    : batch_size_(batch_size), seed_(seed) {
  check_argument(
      samples >= 1, "[Batches] expected at least 1 sample, got ", samples);
  check_argument(batch_size >= 1,
                 "[Batches] expected a batch size of at least 1, got ",
                 batch_size);
  order_.resize(static_cast<std::size_t>(samples));
  start_epoch(0);
}

void Batches::start_epoch(Index epoch) {
  check_argument(
      epoch >= 0, "[Batches] expected an epoch of at least 0, got ", epoch);
  // From the sorted order every time, so that an epoch can be reached without
  // going through those before it.
  std::iota(order_.begin(), order_.end(), Index{0});
  Rng(seed_)
      .fork(kOrderStream)
      .fork(static_cast<std::uint64_t>(epoch))
      .shuffle(order_);
}

Index Batches::count() const {
  const auto samples = static_cast<Index>(order_.size());
  return (samples - 1) / batch_size_ + 1;
}

Index Batches::size(Index i) const {
  check_argument(0 <= i && i < count(),
                 "[Batches] expected a batch below ",
                 count(),
                 ", got ",
                 i);
  const auto samples = static_cast<Index>(order_.size());
  return std::min(batch_size_, samples - i * batch_size_);
}

const Index* Batches::indices(Index i) const {
  check_argument(0 <= i && i < count(),
                 "[Batches] expected a batch below ",
                 count(),
                 ", got ",
                 i);
  return order_.data() + i * batch_size_;
}

}  // namespace nn
