#ifndef NN_LAYERS_RELU_H_
#define NN_LAYERS_RELU_H_

#include <string>

#include "nn/network/layer.h"

namespace nn {

/// Rectified linear unit: y = max(x, 0), element by element. A NaN stays one.
///
/// At the kink, x = 0, the derivative is taken as 0, as PyTorch does.
/// docs/math/relu.md derives the gradient.
template <typename Scalar>
class ReLU final : public Layer<Scalar> {
 public:
  /// For the library alone: what library_kind() is.
  static constexpr auto kLibraryKind = internal::LayerKind::kReLU;

  /// Takes any shape, and keeps it.
  explicit ReLU(const Shape& input_shape);

  std::string name() const override { return "ReLU"; }

 private:
  void do_forward(ConstView<Scalar> x,
                  View<Scalar> y,
                  Mode mode,
                  PassMemory memory) const override;
  void do_backward(ConstView<Scalar> x,
                   ConstView<Scalar> y,
                   ConstView<Scalar> dy,
                   View<Scalar> dx,
                   PassMemory memory) override;
};

}  // namespace nn

#endif  // NN_LAYERS_RELU_H_
