#ifndef NN_APPS_BENCH_TRAIN_BATCH_LOADER_H_
#define NN_APPS_BENCH_TRAIN_BATCH_LOADER_H_

#include <algorithm>
#include <cstdint>
#include <utility>

#include "nn/data/batches.h"
#include "nn/training/samples.h"
#include "nn/types.h"

namespace apps {

/// The batches that nn::Trainer takes its steps on, one by one and one epoch
/// after the other, for those who let two learners take turns.
class BatchLoader {
 public:
  struct Batch {
    nn::ConstView<float> x;  ///< features x N
    nn::ConstLabels labels;  ///< N
  };

  /// Throws std::invalid_argument if batch_size < 1.
  BatchLoader(nn::Samples<float> samples,
              nn::Index batch_size,
              std::uint64_t seed)
      : samples_(std::move(samples)),
        batches_(samples_.size(), batch_size, seed),
        x_(samples_.features(), std::min(batch_size, samples_.size())),
        labels_(x_.cols()) {
    batches_.start_epoch(0);
  }

  /// Batches an epoch.
  nn::Index count() const { return batches_.count(); }

  /// The next batch, which stays unchanged until the next call. Allocates
  /// nothing.
  Batch next() {
    if (next_ == count()) {
      batches_.start_epoch(++epoch_);
      next_ = 0;
    }
    const nn::Index size = batches_.size(next_);
    const nn::View<float> x(x_.data(), x_.rows(), size);
    samples_.gather(batches_.indices(next_), size, x, labels_.head(size));
    ++next_;
    return {nn::as_const(x), nn::ConstLabels(labels_.data(), size)};
  }

 private:
  nn::Samples<float> samples_;
  nn::Batches batches_;
  nn::Index epoch_ = 0;
  nn::Index next_ = 0;
  nn::Matrix<float> x_;
  nn::Labels labels_;
};

}  // namespace apps

#endif  // NN_APPS_BENCH_TRAIN_BATCH_LOADER_H_
