#ifndef NN_LAYERS_ACTIVATION_H_
#define NN_LAYERS_ACTIVATION_H_

#include "nn/network/layer.h"

namespace nn {

namespace internal {
/// Which function; the library alone has names for them.
enum class ActivationKind : int;
}  // namespace internal

/// What LeakyReLU, Sigmoid, Tanh, GELU and SiLU share: they apply a function of
/// one number to each element, on the same kernel.
///
///   x, dx, y, dy   features x N
///
/// Nothing is saved: the backward pass reads x or y. A NaN stays one.
/// docs/math/activations.md derives the gradients.
template <typename Scalar>
class Activation : public Layer<Scalar> {
 protected:
  /// `slope` is that of the function, if it has one.
  Activation(const Shape& input_shape,
             internal::ActivationKind kind,
             double slope = 0.0);

 private:
  void do_forward(ConstView<Scalar> x,
                  View<Scalar> y,
                  Mode mode,
                  PassMemory memory) const final;
  void do_backward(ConstView<Scalar> x,
                   ConstView<Scalar> y,
                   ConstView<Scalar> dy,
                   View<Scalar> dx,
                   PassMemory memory) final;

  internal::ActivationKind kind_;
  Scalar slope_;
};

}  // namespace nn

#endif  // NN_LAYERS_ACTIVATION_H_
