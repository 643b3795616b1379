#ifndef NN_DATA_AUGMENTATION_H_
#define NN_DATA_AUGMENTATION_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "nn/data/image_set.h"
#include "nn/random.h"
#include "nn/types.h"

namespace nn {

/// What stands around an image, for points of a distorted one that come from
/// there.
enum class AugmentationBorder {
  kColor,  ///< AugmentationOptions::border_color
  kEdge    ///< the nearest pixel of the image's edge
};

/// Changes an image in place, in gray levels from 0 to 255 that need not be
/// whole numbers: `pixels` are those of the shape, channel by channel, row by
/// row. All that is random is drawn from `rng`. Called on any thread, for
/// several images at a time.
using ImageFunction =
    std::function<void(const Shape& shape, View<float> pixels, Rng& rng)>;

/// How far images are distorted. As it is at first, not at all.
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
  ///@{
  /// Whether every other image, drawn at random, is mirrored: left and right
  /// exchanged, or top and bottom.
  bool flip_horizontal = false;
  bool flip_vertical = false;
  ///@}
  /// How much larger or smaller what is on the image may become, about its
  /// centre: by a factor that is drawn from 1 - scale .. 1 + scale. Below 1.
  double scale = 0.0;
  /// The least part of each side that a crop leaves: a part from `crop` .. 1 is
  /// drawn, and a rectangle with so much of both sides, anywhere in the image,
  /// is stretched to the whole image. 1 crops nothing.
  double crop = 1.0;
  /// What is around the image. Black corners are nothing that a coloured image
  /// shows otherwise: kEdge suits most of these.
  AugmentationBorder border = AugmentationBorder::kColor;
  /// A gray level for each channel, or one for all; black without one.
  std::vector<std::uint8_t> border_color = {};
  /// Changes the image after all else: noise, brightness, a patch left blank.
  ImageFunction function = nullptr;

  /// Whether anything is distorted at all.
  bool is_on() const {
    return shift > 0 || rotation > 0 || elastic > 0 || flip_horizontal ||
           flip_vertical || scale > 0 || crop < 1 || function != nullptr;
  }
};

/// Distorts training images at random while they are gathered into batches.
///
/// A pixel of the result takes the gray level of the point of the image that
/// it comes from,
///
///   point = place + zoom R F (pixel - shift - centre) + displacement(pixel)
///
/// R being the rotation, F the mirrors, `place` the centre of the rectangle
/// that is cropped and `zoom` its part of a side over the scale, by bilinear
/// interpolation. Shifts and mirrors alone move gray levels and change none.
/// All channels of an image are distorted alike.
///
/// What happens to an image depends on seed, epoch and the image's index alone,
/// not on its batch or the number of threads. docs/math/augmentation.md.
class Augmentation {
 public:
  /// Throws std::invalid_argument unless shift and elastic are in 0 .. 10^6,
  /// the rotation is in 0 .. 180, the Gaussian's deviation is above 0 and at
  /// most 1000, the scale is in 0 .. 0.99 and the crop in 0.01 .. 1.
  Augmentation(const AugmentationOptions& options, std::uint64_t seed);

  /// What it was made with.
  const AugmentationOptions& options() const { return options_; }

  /// As nn::gather(), from which it differs in nothing while the options are
  /// off, with every image distorted for epoch `epoch`. On up to num_threads()
  /// threads. Allocates only for images larger than before and more threads.
  /// Throws std::invalid_argument as nn::gather() does, if the epoch is
  /// negative, or if there are border colours of another number than 1 and the
  /// image's channels. What AugmentationOptions::function throws comes out.
  template <typename Scalar>
  void gather(const ImageSet& set,
              const Index* indices,
              Index count,
              const Normalization& normalization,
              Index epoch,
              View<Scalar> x,
              LabelsView labels);

 private:
  /// What the distortion of one image writes.
  struct Scratch {
    std::vector<float> x;       ///< column that each pixel comes from
    std::vector<float> y;       ///< row that each pixel comes from
    std::vector<float> rows;    ///< of a field, smoothed along its rows
    std::vector<float> padded;  ///< a row, or a channel, with a border
    std::vector<float> image;   ///< for the function
  };

  void smooth(const Shape& shape,
              std::vector<float>& field,
              Scratch& scratch) const;
  /// Fills scratch.x and scratch.y for image `index`.
  void draw_points(const Shape& shape,
                   const Rng& image,
                   Scratch& scratch) const;

  AugmentationOptions options_;
  std::uint64_t seed_;
  std::vector<float> kernel_;     ///< of the Gaussian, from its middle outwards
  std::vector<Scratch> scratch_;  ///< one for each worker
};

}  // namespace nn

#endif  // NN_DATA_AUGMENTATION_H_
