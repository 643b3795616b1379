#ifndef NN_APPS_COMMON_INSIGHT_H_
#define NN_APPS_COMMON_INSIGHT_H_

#include <string>
#include <vector>

#include "common/run.h"
#include "nn/network/sequential.h"
#include "nn/shape.h"
#include "nn/types.h"

namespace apps {

/// The test image whose way through the layers is shown: the same for every
/// network, so that they compare.
constexpr int kFeatureMapImage = 0;

/// What one layer makes of it.
struct LayerOutput {
  std::string name;
  nn::Shape shape;
  std::vector<float> values;  ///< shape.features() of them
};

/// What figures show of a trained network itself.
struct Insight {
  nn::Matrix<float> first_weights;   ///< fan_in x fan_out
  nn::Shape filter_shape;            ///< of one of their columns as an image
  std::vector<LayerOutput> outputs;  ///< layer by layer
};

/// Looks into a network that the run has trained. There are no outputs where
/// the run lacks the image, or its summary how images are normalized. Throws
/// std::runtime_error if the network has no weights, or if it takes images of
/// another size.
Insight look_inside(nn::Sequential<float>& network, const Run& run);

}  // namespace apps

#endif  // NN_APPS_COMMON_INSIGHT_H_
