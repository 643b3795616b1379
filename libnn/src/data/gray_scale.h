#ifndef NN_SRC_DATA_GRAY_SCALE_H_
#define NN_SRC_DATA_GRAY_SCALE_H_

#include "nn/data/image_set.h"

namespace nn::internal {

constexpr double kWhite = 255.0;

/// g / 255, less the mean, over the deviation, as one multiplication and one
/// addition: that vectorizes, which a look-up table does not.
template <typename Scalar>
struct GrayScale {
  explicit GrayScale(const Normalization& normalization)
      : scale(static_cast<Scalar>(1.0 / (kWhite * normalization.deviation))),
        offset(static_cast<Scalar>(-normalization.mean /
                                   normalization.deviation)) {}

  Scalar operator()(Scalar gray) const { return gray * scale + offset; }

  Scalar scale;
  Scalar offset;
};

}  // namespace nn::internal

#endif  // NN_SRC_DATA_GRAY_SCALE_H_
