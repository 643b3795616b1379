#ifndef NN_LAYERS_LEAKY_RELU_H_
#define NN_LAYERS_LEAKY_RELU_H_

#include <string>

#include "nn/layers/activation.h"

namespace nn {

/// A line with a kink at zero, element by element (Maas, Hannun and Ng, 2013).
///
///   y  = x  where x > 0, else slope x       x, dx, y, dy   features x N
///   dx = dy where x > 0, else slope dy
///
/// A NaN stays one.
/// docs/math/activations.md derives the gradient.
template <typename Scalar>
class LeakyReLU final : public Activation<Scalar> {
 public:
  /// Throws std::invalid_argument if the slope is not finite.
  explicit LeakyReLU(const Shape& input_shape, double negative_slope = 0.01);

  std::string name() const override { return "LeakyReLU"; }
  std::string describe() const override;
  Settings settings() const override;

  /// The slope below zero.
  double negative_slope() const { return negative_slope_; }

 private:
  double negative_slope_;
};

}  // namespace nn

#endif  // NN_LAYERS_LEAKY_RELU_H_
