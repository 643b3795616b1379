#ifndef NN_LAYERS_BATCH_NORM_H_
#define NN_LAYERS_BATCH_NORM_H_

#include <optional>
#include <string>
#include <vector>

#include "nn/network/layer.h"

namespace nn {

/// The settings of BatchNorm1d and BatchNorm2d, with PyTorch's names, meaning
/// and defaults.
struct BatchNormOptions {
  double eps = 1e-5;  ///< added to the variance; positive
  /// The share of the newest batch in the running statistics, from 0 to 1. None
  /// means the plain average over all batches so far.
  std::optional<double> momentum = 0.1;
  bool affine = true;  ///< with a trainable weight and bias a channel
};

/// What BatchNorm1d and BatchNorm2d share: every channel is brought to mean 0
/// and variance 1 over a batch, then scaled and shifted,
///
///   y = (x - mean) / sqrt(variance + eps) * weight + bias
///
/// (Ioffe and Szegedy, 2015, arXiv:1502.03167.) In training, mean and variance
/// are those of the batch, the variance divided by M, the number of values that
/// a channel has in it. In inference they are the running statistics.
///
///   weight, bias, running_mean, running_var   channels x 1
///
/// backward(), not forward(), which is const, brings the running statistics up
/// to date, once a call:
///
///   running = (1 - momentum) * running + momentum * batch's
///
/// where the batch's variance is divided by M - 1. They and the number of these
/// steps are buffers: saved with the weights, as PyTorch's running_mean,
/// running_var and num_batches_tracked.
///
/// The samples of a batch are not independent of each other in training.
/// forward() in training mode throws std::invalid_argument if a channel has one
/// value alone, of which there is no variance.
///
/// backward() throws std::runtime_error, before it writes anything, if the
/// batch's mean or variance of a channel is not finite: the running statistics
/// would never be so again.
///
/// docs/math/batch_norm.md derives the gradients.
template <typename Scalar>
class BatchNorm : public Layer<Scalar> {
 public:
  std::string describe() const override;
  Settings settings() const override;
  using Layer<Scalar>::parameters;
  std::vector<Parameter<Scalar>*> parameters() override;
  using Layer<Scalar>::buffers;
  std::vector<Parameter<Scalar>*> buffers() override;
  /// Weights 1, biases 0; running mean 0, running variance 1, no batches.
  void initialize(Rng& rng) override;
  MemoryNeeds memory_needs(Index batch, Mode mode) const override;

  /// The settings that it was built with.
  const BatchNormOptions& options() const { return options_; }

  ///@{
  /// The factors; ones, and none of the parameters(), if not affine.
  Parameter<Scalar>& weight() { return weight_; }
  const Parameter<Scalar>& weight() const { return weight_; }
  ///@}
  ///@{
  /// What is added; zero, and none of the parameters(), if not affine.
  Parameter<Scalar>& bias() { return bias_; }
  const Parameter<Scalar>& bias() const { return bias_; }
  ///@}
  /// channels x 1: what inference subtracts; a buffer.
  const Parameter<Scalar>& running_mean() const { return running_mean_; }
  /// channels x 1: the variance that inference divides by; a buffer.
  const Parameter<Scalar>& running_var() const { return running_var_; }
  /// The number of batches in the running statistics; a buffer.
  const Parameter<Scalar>& num_batches_tracked() const {
    return num_batches_tracked_;
  }

 protected:
  /// Throws std::invalid_argument if eps is not positive or rounds to 0 in
  /// Scalar, or momentum is not between 0 and 1; `who` complains.
  BatchNorm(const char* who,
            const Shape& input_shape,
            Index channels,
            const BatchNormOptions& options);

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
  void check_moments(const Scalar* mean,
                     const Scalar* variance,
                     Scalar unbias) const;
  Index channels() const { return running_mean_.value.size(); }
  Index pixels() const { return this->input_shape().features() / channels(); }

  BatchNormOptions options_;
  Parameter<Scalar> weight_;
  Parameter<Scalar> bias_;
  Parameter<Scalar> running_mean_;
  Parameter<Scalar> running_var_;
  Parameter<Scalar> num_batches_tracked_;
};

/// BatchNorm after a Linear layer: every feature is a channel, with statistics
/// over the samples. An image is taken as the vector of its features.
///
///   x, dx, y, dy   features x N     weight, bias   features x 1     M = N
template <typename Scalar>
class BatchNorm1d final : public BatchNorm<Scalar> {
 public:
  /// Throws std::invalid_argument as the base class says.
  explicit BatchNorm1d(const Shape& input_shape,
                       const BatchNormOptions& options = {});
  std::string name() const override { return "BatchNorm1d"; }
};

/// BatchNorm after a convolution: statistics over the samples and the pixels.
///
///   x, dx, y, dy   C*H*W x N        weight, bias   C x 1        M = N*H*W
template <typename Scalar>
class BatchNorm2d final : public BatchNorm<Scalar> {
 public:
  /// Throws std::invalid_argument as the base class says.
  explicit BatchNorm2d(const Shape& input_shape,
                       const BatchNormOptions& options = {});
  std::string name() const override { return "BatchNorm2d"; }
};

}  // namespace nn

#endif  // NN_LAYERS_BATCH_NORM_H_
