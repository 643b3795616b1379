#ifndef NN_LAYERS_SOFTMAX_H_
#define NN_LAYERS_SOFTMAX_H_

#include <string>

#include "nn/network/layer.h"

namespace nn {

/// Softmax over the features of each sample: y_i = exp(x_i) / sum_j exp(x_j).
///
/// Networks for classification end in it. Training does not run it: the loss
/// SoftmaxCrossEntropy works on the logits, which is stable where the logarithm
/// of a computed probability is not. docs/math/softmax_cross_entropy.md.
template <typename Scalar>
class Softmax final : public Layer<Scalar> {
 public:
  /// For the library alone: what library_kind() is.
  static constexpr auto kLibraryKind = internal::LayerKind::kSoftmax;

  /// Takes any shape, and keeps it; all of its features are the classes.
  explicit Softmax(const Shape& input_shape);

  std::string name() const override { return "Softmax"; }

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

#endif  // NN_LAYERS_SOFTMAX_H_
