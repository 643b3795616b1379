#include "common/batch_loader.h"

#include <algorithm>

#include "nn/check.h"

namespace apps {

BatchLoader::BatchLoader(const nn::ImageSet& set,
                         const nn::Normalization& normalization,
                         nn::Index batch_size,
                         std::uint64_t seed,
                         const nn::AugmentationOptions& augmentation)
    : set_(set),
      normalization_(normalization),
      batches_(set.size(), batch_size, seed),
      augmentation_(augmentation, seed),
      x_(set.shape.features(), std::min(batch_size, set.size())),
      labels_(x_.cols()) {}

void BatchLoader::start_epoch(nn::Index epoch) {
  batches_.start_epoch(epoch);
  epoch_ = epoch;
  next_ = 0;
}

BatchLoader::Batch BatchLoader::next() {
  nn::check_argument(next_ < count(),
                     "[BatchLoader] expected at most ",
                     count(),
                     " calls of next() in an epoch");
  const nn::Index size = batches_.size(next_);
  const nn::View<float> x(x_.data(), x_.rows(), size);
  augmentation_.gather<float>(set_,
                              batches_.indices(next_),
                              size,
                              normalization_,
                              epoch_,
                              x,
                              Eigen::Map<nn::Labels>(labels_.data(), size));
  ++next_;
  return {nn::as_const(x), nn::ConstLabels(labels_.data(), size)};
}

}  // namespace apps
