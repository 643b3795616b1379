#ifndef NN_LAYERS_SILU_H_
#define NN_LAYERS_SILU_H_

#include <string>

#include "nn/layers/activation.h"

namespace nn {

/// x times its logistic function, element by element; also called Swish
/// (Elfwing, Uchibe and Doya, 2018).
///
///   y  = x s                      x, dx, y, dy   features x N
///   dx = dy (s + x s (1 - s))     s = 1 / (1 + exp(-x))
///
/// A NaN stays one; at minus infinity y is one, as 0 times infinity is.
/// docs/math/activations.md derives the gradient.
template <typename Scalar>
class SiLU final : public Activation<Scalar> {
 public:
  /// Takes any shape, and keeps it.
  explicit SiLU(const Shape& input_shape);

  std::string name() const override { return "SiLU"; }
};

}  // namespace nn

#endif  // NN_LAYERS_SILU_H_
