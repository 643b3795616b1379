#ifndef NN_LAYERS_GLOBAL_AVG_POOL2D_H_
#define NN_LAYERS_GLOBAL_AVG_POOL2D_H_

#include <string>

#include "nn/network/layer.h"

namespace nn {

/// The mean of every channel: PyTorch's AdaptiveAvgPool2d(1).
///
///   x, dx   C*H*W x N
///   y, dy   C     x N
///
/// One window that is the whole channel: docs/math/avg_pool2d.md.
template <typename Scalar>
class GlobalAvgPool2d final : public Layer<Scalar> {
 public:
  /// Takes any shape, and leaves one value per channel.
  explicit GlobalAvgPool2d(const Shape& input_shape);

  std::string name() const override { return "GlobalAvgPool2d"; }

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

#endif  // NN_LAYERS_GLOBAL_AVG_POOL2D_H_
