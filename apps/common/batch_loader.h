#ifndef NN_APPS_COMMON_BATCH_LOADER_H_
#define NN_APPS_COMMON_BATCH_LOADER_H_

#include <cstdint>

#include "nn/data/augmentation.h"
#include "nn/data/batches.h"
#include "nn/data/image_set.h"
#include "nn/types.h"

namespace apps {

/// Prepares the batches of an epoch one after the other: shuffled, distorted
/// where that is wanted, normalized, as matrices. All that the training loop
/// knows of batches goes through here, so how and when they are prepared can
/// change without it.
class BatchLoader {
 public:
  struct Batch {
    nn::ConstView<float> x;  ///< features x N
    nn::ConstLabels labels;  ///< N
  };

  /// `set` must outlive the loader. `seed` is that of the order and of the
  /// distortions.
  /// Throws std::invalid_argument if the set is empty, batch_size < 1 or the
  /// augmentation's options make no sense.
  BatchLoader(const nn::ImageSet& set,
              const nn::Normalization& normalization,
              nn::Index batch_size,
              std::uint64_t seed,
              const nn::AugmentationOptions& augmentation = {});

  /// Batches an epoch.
  nn::Index count() const { return batches_.count(); }

  /// Starts epoch `epoch`, counted from 0, in an order of its own.
  void start_epoch(nn::Index epoch);

  /// The next batch of the epoch, for count() calls. It stays unchanged until
  /// the next call. Allocates nothing.
  Batch next();

 private:
  const nn::ImageSet& set_;
  nn::Normalization normalization_;
  nn::Batches batches_;
  nn::Augmentation augmentation_;
  nn::Index epoch_ = 0;
  nn::Index next_ = 0;
  nn::Matrix<float> x_;
  nn::Labels labels_;
};

}  // namespace apps

#endif  // NN_APPS_COMMON_BATCH_LOADER_H_
