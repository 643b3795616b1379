#ifndef NN_LAYERS_LAYER_NORM_H_
#define NN_LAYERS_LAYER_NORM_H_

#include <string>
#include <vector>

#include "nn/network/layer.h"

namespace nn {

/// The settings of LayerNorm, with PyTorch's meaning and defaults (affine is
/// called elementwise_affine there).
struct LayerNormOptions {
  double eps = 1e-5;   ///< added to the variance; positive
  bool affine = true;  ///< with a trainable weight and bias a feature
};

/// Brings every sample to mean 0 and variance 1 over all its features, then
/// scales and shifts each feature,
///
///   y = (x - mean) / sqrt(variance + eps) * weight + bias
///
/// (Ba, Kiros and Hinton, 2016, arXiv:1607.06450.) The variance is divided by
/// the number of features. Samples are independent, and training and inference
/// do the same. It is torch.nn.LayerNorm over all dimensions of a sample.
///
///   x, dx, y, dy   features x N        weight, bias   features x 1
///
/// docs/math/layer_norm.md derives the gradients.
template <typename Scalar>
class LayerNorm final : public Layer<Scalar> {
 public:
  /// Throws std::invalid_argument if eps is not positive.
  explicit LayerNorm(const Shape& input_shape,
                     const LayerNormOptions& options = {});

  std::string name() const override { return "LayerNorm"; }
  std::string describe() const override;
  Settings settings() const override;
  using Layer<Scalar>::parameters;
  std::vector<Parameter<Scalar>*> parameters() override;
  /// Weights 1, biases 0.
  void initialize(Rng& rng) override;
  MemoryNeeds memory_needs(Index batch, Mode mode) const override;

  /// The settings that it was built with.
  const LayerNormOptions& options() const { return options_; }

  ///@{
  /// The factors; without elements, and none of parameters(), if not affine.
  Parameter<Scalar>& weight() { return weight_; }
  const Parameter<Scalar>& weight() const { return weight_; }
  ///@}
  ///@{
  /// What is added; without elements, and none of parameters(), if not affine.
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
  const Scalar* affine(const Parameter<Scalar>& parameter) const {
    return options_.affine ? parameter.value.data() : nullptr;
  }

  LayerNormOptions options_;
  Parameter<Scalar> weight_;
  Parameter<Scalar> bias_;
};

}  // namespace nn

#endif  // NN_LAYERS_LAYER_NORM_H_
