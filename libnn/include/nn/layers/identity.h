#ifndef NN_LAYERS_IDENTITY_H_
#define NN_LAYERS_IDENTITY_H_

#include <string>

#include "nn/network/layer.h"

namespace nn {

/// y = x and dx = dy: a place for a layer that is not there. Inside a
/// Sequential it costs nothing: nothing runs for it.
///
///   x, dx, y, dy   features x N
///
/// What is left of a Residual without a body: docs/math/residual.md.
template <typename Scalar>
class Identity final : public Layer<Scalar> {
 public:
  /// For the library alone: what library_kind() is.
  static constexpr auto kLibraryKind = internal::LayerKind::kIdentity;

  /// Takes any shape, and keeps it.
  explicit Identity(const Shape& input_shape);

  std::string name() const override { return "Identity"; }

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

#endif  // NN_LAYERS_IDENTITY_H_
