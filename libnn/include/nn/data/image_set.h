#ifndef NN_DATA_IMAGE_SET_H_
#define NN_DATA_IMAGE_SET_H_

#include <cstdint>
#include <string>
#include <vector>

#include "nn/shape.h"
#include "nn/types.h"

namespace nn {

/// Images in their bytes, with labels. An image is channel by channel (planar),
/// each channel row by row: of a coloured one all red levels come first, then
/// all green and all blue ones.
struct ImageSet {
  Shape shape;                       ///< of one image
  std::vector<std::uint8_t> images;  ///< size() * shape.features() gray levels
  std::vector<int> labels;           ///< one per image, counted from 0
  /// The name of each class, in the order of the labels; none where nobody has
  /// named them.
  std::vector<std::string> class_names;

  /// The number of images.
  Index size() const { return static_cast<Index>(labels.size()); }
  /// The gray levels of image `i`, shape.features() of them. Not checked.
  const std::uint8_t* image(Index i) const {
    return images.data() + i * shape.features();
  }
  /// The first `count` images, or all if there are fewer.
  ImageSet head(Index count) const;
};

/// Mean and standard deviation of the gray levels scaled to 0 .. 1, the same
/// for all channels. A Standardize in front of the network scales each by its
/// own, and is saved with it:
///
///   const nn::Samples<float> samples(set, nn::Normalization{});  // in 0 .. 1
///   net.add<nn::Standardize>(samples.moments());
struct Normalization {
  double mean = 0.0;       ///< of gray levels in 0 .. 1
  double deviation = 1.0;  ///< larger than 0
};

/// Measured over all pixels of a set. A constant set has deviation 1.
/// Throws std::invalid_argument if the set is empty.
Normalization measure_normalization(const ImageSet& set);

/// Writes the images of the `count` numbers in `indices` as columns of `x`,
/// each gray level g as (g / 255 - mean) / deviation, and their labels into
/// `labels`.
///
///   x   features x count        labels   count
///
/// Throws std::invalid_argument if sizes disagree or an index is out of range.
/// Allocates nothing.
template <typename Scalar>
void gather(const ImageSet& set,
            const Index* indices,
            Index count,
            const Normalization& normalization,
            View<Scalar> x,
            LabelsView labels);

}  // namespace nn

#endif  // NN_DATA_IMAGE_SET_H_
