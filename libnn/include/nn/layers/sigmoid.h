#ifndef NN_LAYERS_SIGMOID_H_
#define NN_LAYERS_SIGMOID_H_

#include <string>

#include "nn/layers/activation.h"

namespace nn {

/// The logistic function, element by element.
///
///   y  = 1 / (1 + exp(-x))        x, dx, y, dy   features x N
///   dx = dy y (1 - y)
///
/// Does not overflow for any x. A NaN stays one.
/// docs/math/activations.md derives the gradient.
template <typename Scalar>
class Sigmoid final : public Activation<Scalar> {
 public:
  /// Takes any shape, and keeps it.
  explicit Sigmoid(const Shape& input_shape);

  std::string name() const override { return "Sigmoid"; }
};

}  // namespace nn

#endif  // NN_LAYERS_SIGMOID_H_
