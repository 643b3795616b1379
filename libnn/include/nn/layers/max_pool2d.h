#ifndef NN_LAYERS_MAX_POOL2D_H_
#define NN_LAYERS_MAX_POOL2D_H_

#include <string>

#include "nn/extent.h"
#include "nn/network/layer.h"

namespace nn {

/// The largest value of every window, channel by channel, without padding.
///
///   x, dx   C*H*W   x N
///   y, dy   C*OH*OW x N     OH = floor((H - window_h) / stride_h) + 1
///
/// Of equal values in a window the first in row order is the winner: it alone
/// gets the gradient. A NaN wins over every number. Windows may overlap.
/// docs/math/max_pool2d.md derives the gradient.
template <typename Scalar>
class MaxPool2d final : public Layer<Scalar> {
 public:
  /// For the library alone: what library_kind() is.
  static constexpr auto kLibraryKind = internal::LayerKind::kMaxPool2d;

  /// The stride equals the window.
  MaxPool2d(const Shape& input_shape, Extent window);
  /// Throws std::invalid_argument if a size is not positive, the window is
  /// larger than the input, or it has more than 255 elements (the place of
  /// the winner is kept in a byte).
  MaxPool2d(const Shape& input_shape, Extent window, Extent stride);

  std::string name() const override { return "MaxPool2d"; }
  std::string describe() const override;
  Settings settings() const override;
  MemoryNeeds memory_needs(Index batch, Mode mode) const override;

  /// Height and width of what a maximum is taken of.
  const Extent& window() const { return window_; }
  /// Pixels from one window to the next.
  const Extent& stride() const { return stride_; }

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

  Extent window_;
  Extent stride_;
};

}  // namespace nn

#endif  // NN_LAYERS_MAX_POOL2D_H_
