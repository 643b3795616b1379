#include "nn/data/image_set.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "data/gray_scale.h"
#include "kernels/gray_levels.h"
#include "nn/check.h"
#include "nn/parallel.h"

namespace nn {
namespace {

using internal::kWhite;

constexpr int kGrayLevels = 256;

void check_consistent(const char* who, const ImageSet& set) {
  const auto images = static_cast<Index>(set.images.size());
  check_argument(images == set.size() * set.shape.features(),
                 "[",
                 who,
                 "] expected ",
                 set.size(),
                 " images of ",
                 set.shape,
                 " for ",
                 set.size(),
                 " labels, got ",
                 images,
                 " gray levels");
}

// Elements that one task gathers: some microseconds, what handing it out is
// worth.
constexpr Index kTaskElements = 8192;

/// Images lie scattered over a set larger than the caches. Asked for while the
/// one before is at work, an image has come when its turn does.
void prefetch(const std::uint8_t* image, Index bytes) {
  constexpr Index kCacheLine = 64;
  for (Index i = 0; i < bytes; i += kCacheLine) __builtin_prefetch(image + i);
}

}  // namespace

ImageSet ImageSet::head(Index count) const {
  check_argument(
      count >= 0, "[ImageSet] expected a count of at least 0, got ", count);
  check_consistent("ImageSet", *this);
  count = std::min(count, size());
  ImageSet result;
  result.shape = shape;
  result.images.assign(images.begin(),
                       images.begin() + count * shape.features());
  result.labels.assign(labels.begin(), labels.begin() + count);
  result.class_names = class_names;
  return result;
}

Normalization measure_normalization(const ImageSet& set) {
  check_argument(!set.images.empty(),
                 "[measure_normalization] expected at least 1 image, got an "
                 "empty set");
  // Counting first leaves 256 terms to add, so no sum loses digits however
  // large the set.
  std::array<Index, kGrayLevels> histogram{};
  for (const std::uint8_t gray : set.images) ++histogram[gray];

  const auto pixels = static_cast<double>(set.images.size());
  double sum = 0.0;
  for (std::size_t g = 0; g < histogram.size(); ++g) {
    sum += static_cast<double>(histogram[g]) * static_cast<double>(g);
  }
  const double mean = sum / pixels;
  double squares = 0.0;
  for (std::size_t g = 0; g < histogram.size(); ++g) {
    const double distance = static_cast<double>(g) - mean;
    squares += static_cast<double>(histogram[g]) * distance * distance;
  }
  Normalization result;
  result.mean = mean / kWhite;
  const auto present = [](Index n) { return n > 0; };
  if (std::count_if(histogram.begin(), histogram.end(), present) > 1) {
    result.deviation = std::sqrt(squares / pixels) / kWhite;
  }
  return result;
}

template <typename Scalar>
void gather(const ImageSet& set,
            const Index* indices,
            Index count,
            const Normalization& normalization,
            View<Scalar> x,
            LabelsView labels) {
  const Index features = set.shape.features();
  check_consistent("gather", set);
  check_argument(
      count >= 0, "[gather] expected a count of at least 0, got ", count);
  check_argument(x.rows() == features && x.cols() == count,
                 "[gather] expected x of ",
                 features,
                 " x ",
                 count,
                 " for ",
                 count,
                 " images of ",
                 set.shape,
                 ", got ",
                 x.rows(),
                 " x ",
                 x.cols());
  check_argument(labels.size() == count,
                 "[gather] expected room for ",
                 count,
                 " labels, got ",
                 labels.size());

  for (Index n = 0; n < count; ++n) {
    check_argument(0 <= indices[n] && indices[n] < set.size(),
                   "[gather] expected an index below ",
                   set.size(),
                   ", got ",
                   indices[n],
                   " at place ",
                   n);
    labels[n] = set.labels[static_cast<std::size_t>(indices[n])];
  }

  const internal::GrayScale<Scalar> gray_scale(normalization);
  const Index step =
      std::max<Index>(1, kTaskElements / std::max<Index>(1, features));
  parallel_for((count + step - 1) / step, [&](Index task, int) {
    const Index end = std::min(count, (task + 1) * step);
    for (Index n = task * step; n < end; ++n) {
      if (n + 1 < count) prefetch(set.image(indices[n + 1]), features);
      kernels::scale_gray_levels(set.image(indices[n]),
                                 gray_scale.scale,
                                 gray_scale.offset,
                                 x.data() + n * features,
                                 features);
    }
  });
}

template void gather<float>(const ImageSet&,
                            const Index*,
                            Index,
                            const Normalization&,
                            View<float>,
                            LabelsView);
template void gather<double>(const ImageSet&,
                             const Index*,
                             Index,
                             const Normalization&,
                             View<double>,
                             LabelsView);

}  // namespace nn
