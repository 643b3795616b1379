#ifndef NN_LAYERS_AVG_POOL2D_H_
#define NN_LAYERS_AVG_POOL2D_H_

#include <string>

#include "nn/extent.h"
#include "nn/network/layer.h"

namespace nn {

/// The mean of every window, channel by channel, over an input with zeros
/// around it.
///
///   x, dx   C*H*W   x N
///   y, dy   C*OH*OW x N     OH = floor((H + 2 pad_h - window_h) / stride_h) +
///   1
///
/// With `count_include_pad` the zeros are elements as others are: a window's
/// sum is divided by window_h * window_w. Without, it is divided by the number
/// of its elements inside of the input. Windows may overlap.
/// docs/math/avg_pool2d.md derives the gradient.
template <typename Scalar>
class AvgPool2d final : public Layer<Scalar> {
 public:
  /// The stride equals the window, and there is no padding.
  AvgPool2d(const Shape& input_shape, Extent window);
  /// Throws std::invalid_argument if the window or the stride is not positive,
  /// the padding negative or more than half of the window, or the window larger
  /// than the padded input.
  AvgPool2d(const Shape& input_shape,
            Extent window,
            Extent stride,
            Extent padding = 0,
            bool count_include_pad = true);

  std::string name() const override { return "AvgPool2d"; }
  std::string describe() const override;
  Settings settings() const override;
  MemoryNeeds memory_needs(Index batch, Mode mode) const override;

  /// Height and width of what a mean is taken of.
  const Extent& window() const { return window_; }
  /// Pixels from one window to the next.
  const Extent& stride() const { return stride_; }
  /// Rows and columns of zeros on each side.
  const Extent& padding() const { return padding_; }
  /// Whether a mean counts these zeros.
  bool count_include_pad() const { return count_include_pad_; }

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
  Extent padding_;
  bool count_include_pad_;
};

}  // namespace nn

#endif  // NN_LAYERS_AVG_POOL2D_H_
