#ifndef NN_DATA_AUGMENTATION_H_
#define NN_DATA_AUGMENTATION_H_

#include <cstdint>
#include <vector>

#include "nn/data/image_set.h"
#include "nn/types.h"

namespace nn {

/// How far images are distorted. All zero, as it is at first, is not at all.
struct AugmentationOptions {
  /// The largest shift along each axis, in pixels: a whole number of them is
  /// drawn from -shift .. shift for each axis.
  Index shift = 0;
  /// The largest rotation about the image's centre, in degrees: drawn uniformly
  /// from -rotation .. rotation.
  double rotation = 0.0;
  /// The strength of elastic distortion: alpha of Simard, Steinkraus and Platt
  /// (2003, "Best practices for convolutional neural networks", section 2). A
  /// field of displacements, uniform in -1 .. 1 for every pixel and axis, is
  /// smoothed by a Gaussian and then multiplied by it. They use 34 for MNIST.
  double elastic = 0.0;
  /// The Gaussian's standard deviation, in pixels: small ones crumple, large
  /// ones move whole parts of the image.
  double elastic_sigma = 4.0;

  /// Whether anything is distorted at all.
  bool is_on() const { return shift > 0 || rotation > 0 || elastic > 0; }
};

/// Distorts training images at random while they are gathered into batches.
///
/// A pixel of the result takes the gray level of the point of the image that
/// it comes from,
///
///   point = centre + R (pixel - shift - centre) + displacement(pixel)
///
/// R being the rotation, by bilinear interpolation; around the image all is
/// gray level 0. A shift alone moves gray levels and changes none. All channels
/// of an image are distorted alike.
///
/// What happens to an image depends on seed, epoch and the image's index alone,
/// not on its batch or the number of threads. docs/math/augmentation.md.
class Augmentation {
 public:
  /// Throws std::invalid_argument unless shift and elastic are in 0 .. 10^6,
  /// the rotation is in 0 .. 180, and the Gaussian's deviation is above 0 and
  /// at most 1000.
  Augmentation(const AugmentationOptions& options, std::uint64_t seed);

  /// What it was made with.
  const AugmentationOptions& options() const { return options_; }

  /// As nn::gather(), from which it differs in nothing while the options are
  /// off, with every image distorted for epoch `epoch`. On up to num_threads()
  /// threads. Allocates only for images larger than before and more threads.
  /// Throws std::invalid_argument as nn::gather() does, and if the epoch is
  /// negative.
  template <typename Scalar>
  void gather(const ImageSet& set,
              const Index* indices,
              Index count,
              const Normalization& normalization,
              Index epoch,
              View<Scalar> x,
              Eigen::Map<Labels> labels);

 private:
  /// What the distortion of one image writes.
  struct Scratch {
    std::vector<float> x;       ///< column that each pixel comes from
    std::vector<float> y;       ///< row that each pixel comes from
    std::vector<float> rows;    ///< of a field, smoothed along its rows
    std::vector<float> padded;  ///< a row, or a channel, with zeros around it
  };

  void smooth(const Shape& shape,
              std::vector<float>& field,
              Scratch& scratch) const;
  /// Fills scratch.x and scratch.y for image `index`.
  void draw_points(const Shape& shape,
                   Index epoch,
                   Index index,
                   Scratch& scratch) const;

  AugmentationOptions options_;
  std::uint64_t seed_;
  std::vector<float> kernel_;     ///< of the Gaussian, from its middle outwards
  std::vector<Scratch> scratch_;  ///< one for each worker
};

}  // namespace nn

#endif  // NN_DATA_AUGMENTATION_H_
