#ifndef NN_LAYERS_CONV2D_H_
#define NN_LAYERS_CONV2D_H_

#include <string>
#include <vector>

#include "nn/extent.h"
#include "nn/network/layer.h"

namespace nn {

/// The settings of a Conv2d, with PyTorch's meaning and defaults:
///
///   nn::Conv2dOptions depthwise;
///   depthwise.out_channels = depthwise.groups = 32;
///   depthwise.kernel = 3;
///   depthwise.padding = 1;
///   net.add<nn::Conv2d>(depthwise);
struct Conv2dOptions {
  Index out_channels = 0;  ///< must be set
  Extent kernel = 1;       ///< KH x KW
  Extent stride = 1;       ///< pixels from one output to the next
  Extent padding = 0;      ///< rows and columns of zeros on each side
  Extent dilation = 1;     ///< pixels from one tap to the next
  /// Channels fall into that many runs of equal length, and the outputs of one
  /// see its inputs alone. As many as input channels: depthwise.
  Index groups = 1;
  bool bias = true;  ///< with a trainable bias an output channel
};

/// 2-D convolution (as in all such libraries: cross-correlation) with bias:
///
///   y(o, oh, ow) = b(o) + sum over c, kh, kw of
///       W(c, kh, kw; o) * x(c, oh*stride + kh*dilation - pad,
///                              ow*stride + kw*dilation - pad)
///
/// where x is zero outside its bounds, and c goes over the channels of the
/// group of o, C/G of them.
///
///   x, dx    C*H*W   x N      weight  C/G*KH*KW x O   (fan_in x fan_out)
///   y, dy    O*OH*OW x N      bias    O x 1
///   OH = floor((H + 2*pad_h - (KH-1)*dilation_h - 1) / stride_h) + 1,
///   OW likewise
///
/// docs/math/conv2d.md derives the gradients and the im2col form.
template <typename Scalar>
class Conv2d final : public Layer<Scalar> {
 public:
  /// For the library alone: what library_kind() is.
  static constexpr auto kLibraryKind = internal::LayerKind::kConv2d;

  /// Throws std::invalid_argument if a size is not positive, the padding is
  /// negative, the kernel is larger than the padded input, or the groups do not
  /// divide the channels.
  Conv2d(const Shape& input_shape,
         Index out_channels,
         Extent kernel,
         Extent stride = 1,
         Extent padding = 0);
  /// The same with all settings, by name.
  Conv2d(const Shape& input_shape, const Conv2dOptions& options);

  std::string name() const override { return "Conv2d"; }
  std::string describe() const override;
  Settings settings() const override;
  using Layer<Scalar>::parameters;
  std::vector<Parameter<Scalar>*> parameters() override;
  /// Weights and biases uniform in +-1 / sqrt(fan_in) (network/initializers.h).
  void initialize(Rng& rng) override;
  MemoryNeeds memory_needs(Index batch, Mode mode) const override;

  /// KH x KW.
  const Extent& kernel() const { return options_.kernel; }
  /// Pixels from one tap to the next position of the kernel.
  const Extent& stride() const { return options_.stride; }
  /// Rows and columns of zeros on each side.
  const Extent& padding() const { return options_.padding; }
  /// Pixels from one tap of the kernel to the next.
  const Extent& dilation() const { return options_.dilation; }
  /// G, the number of runs that the channels fall into.
  Index groups() const { return options_.groups; }
  /// Whether the bias is one of the parameters().
  bool has_bias() const { return options_.bias; }

  ///@{
  /// C/G*KH*KW x O.
  Parameter<Scalar>& weight() { return weight_; }
  const Parameter<Scalar>& weight() const { return weight_; }
  ///@}
  ///@{
  /// O x 1; without a bias zero, and none of the parameters().
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

  Conv2dOptions options_;
  Parameter<Scalar> weight_;
  Parameter<Scalar> bias_;
};

}  // namespace nn

#endif  // NN_LAYERS_CONV2D_H_
