#ifndef NN_LAYERS_LINEAR_H_
#define NN_LAYERS_LINEAR_H_

#include <string>
#include <vector>

#include "nn/network/layer.h"

namespace nn {

/// Fully connected layer: y = W^T x + b for every column of the batch.
///
///   x, dx    in  x N        weight  in  x out   (fan_in x fan_out)
///   y, dy    out x N        bias    out x 1
///
/// The input may have any shape; it is taken as the flat vector that it is in
/// memory. The gradients are derived in docs/math/linear.md.
template <typename Scalar>
class Linear final : public Layer<Scalar> {
 public:
  /// For the library alone: what library_kind() is.
  static constexpr auto kLibraryKind = internal::LayerKind::kLinear;

  /// Throws std::invalid_argument if units < 1.
  Linear(const Shape& input_shape, Index units);

  std::string name() const override { return "Linear"; }
  std::string describe() const override;
  Settings settings() const override;
  using Layer<Scalar>::parameters;
  std::vector<Parameter<Scalar>*> parameters() override;
  /// Weights and biases uniform in +-1 / sqrt(fan_in) (network/initializers.h).
  void initialize(Rng& rng) override;
  MemoryNeeds memory_needs(Index batch, Mode mode) const override;

  ///@{
  /// in x out.
  Parameter<Scalar>& weight() { return weight_; }
  const Parameter<Scalar>& weight() const { return weight_; }
  ///@}
  ///@{
  /// out x 1.
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

  Parameter<Scalar> weight_;
  Parameter<Scalar> bias_;
};

}  // namespace nn

#endif  // NN_LAYERS_LINEAR_H_
