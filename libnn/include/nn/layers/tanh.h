#ifndef NN_LAYERS_TANH_H_
#define NN_LAYERS_TANH_H_

#include <string>

#include "nn/layers/activation.h"

namespace nn {

/// The hyperbolic tangent, element by element.
///
///   y  = tanh(x)                  x, dx, y, dy   features x N
///   dx = dy (1 - y^2)
///
/// A NaN stays one.
/// docs/math/activations.md derives the gradient.
template <typename Scalar>
class Tanh final : public Activation<Scalar> {
 public:
  /// Takes any shape, and keeps it.
  explicit Tanh(const Shape& input_shape);

  std::string name() const override { return "Tanh"; }
};

}  // namespace nn

#endif  // NN_LAYERS_TANH_H_
