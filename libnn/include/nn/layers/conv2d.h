#ifndef NN_LAYERS_CONV2D_H_
#define NN_LAYERS_CONV2D_H_

#include <string>
#include <vector>

#include "nn/extent.h"
#include "nn/layer.h"

namespace nn {

/// 2-D convolution (as in all such libraries: cross-correlation) with bias:
///
///   y(o, oh, ow) = b(o) + sum over c, kh, kw of
///       W(c, kh, kw; o) * x(c, oh*stride + kh - pad, ow*stride + kw - pad)
///
/// where x is zero outside its bounds.
///
///   x, dx    C*H*W   x N      weight  C*KH*KW x O   (fan_in x fan_out)
///   y, dy    O*OH*OW x N      bias    O x 1
///   OH = floor((H + 2*pad_h - KH) / stride_h) + 1, OW likewise
///
/// docs/math/conv2d.md derives the gradients and the im2col form.
template <typename Scalar>
class Conv2d final : public Layer<Scalar> {
 public:
  /// Throws std::invalid_argument if a size is not positive, the padding is
  /// negative, or the kernel is larger than the padded input.
  Conv2d(const Shape& input_shape,
         Index out_channels,
         Extent kernel,
         Extent stride = 1,
         Extent padding = 0);

  std::string name() const override { return "Conv2d"; }
  std::string describe() const override;
  Settings settings() const override;
  using Layer<Scalar>::parameters;
  std::vector<Parameter<Scalar>*> parameters() override;
  /// Weights and biases uniform in +-1 / sqrt(fan_in) (initializers.h).
  void initialize(Rng& rng) override;
  MemoryNeeds memory_needs(Index batch, Mode mode) const override;

  /// KH x KW.
  const Extent& kernel() const { return kernel_; }
  /// Pixels from one tap to the next position of the kernel.
  const Extent& stride() const { return stride_; }
  /// Rows and columns of zeros on each side.
  const Extent& padding() const { return padding_; }

  ///@{
  /// C*KH*KW x O.
  Parameter<Scalar>& weight() { return weight_; }
  const Parameter<Scalar>& weight() const { return weight_; }
  ///@}
  ///@{
  /// O x 1.
  Parameter<Scalar>& bias() { return bias_; }
  const Parameter<Scalar>& bias() const { return bias_; }
  ///@}

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

  Extent kernel_;
  Extent stride_;
  Extent padding_;
  Parameter<Scalar> weight_;
  Parameter<Scalar> bias_;
};

}  // namespace nn

#endif  // NN_LAYERS_CONV2D_H_
