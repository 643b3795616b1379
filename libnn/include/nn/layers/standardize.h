#ifndef NN_LAYERS_STANDARDIZE_H_
#define NN_LAYERS_STANDARDIZE_H_

#include <string>
#include <vector>

#include "nn/moments.h"
#include "nn/network/layer.h"

namespace nn {

/// Which way a Standardize goes.
enum class StandardizeForm {
  kForward,  ///< from the data's units to mean 0 and deviation 1
  kInverse   ///< back from there to the data's units
};

/// Brings features to mean 0 and deviation 1, by statistics of the data that
/// never change; or brings outputs back to the units of their targets:
///
///   y = (x - mean) / deviation       dx = dy / deviation       kForward
///   y = x * deviation + mean         dx = dy * deviation       kInverse
///
///   x, dx, y, dy   features x N        mean, deviation   channels x 1
///
/// In a flat shape every feature is a channel; the pixels of an image's channel
/// share their numbers. What it divides by is 1 / deviation, rounded once.
///
///   net.add<nn::Standardize>(nn::Moments(x));
///   net.add<nn::Linear>(32).add<nn::ReLU>().add<nn::Linear>(1);
///   net.add<nn::Standardize>(nn::Moments(target),
///                            nn::StandardizeForm::kInverse);
///
/// takes samples as they are and predicts in the unit of the targets, whoever
/// loads it. Samples::moments() has the numbers of samples that a training
/// learns from.
///
/// There is nothing to train: the numbers are buffers, which are saved and
/// loaded. A pass throws std::invalid_argument if a deviation is not above 0.
/// backward() leaves them alone, and so does initialize(): they are those of
/// the data, and not a start.
///
/// docs/math/standardize.md.
template <typename Scalar>
class Standardize final : public Layer<Scalar> {
 public:
  /// Mean 0 and deviation 1, for values that a file brings.
  explicit Standardize(const Shape& input_shape,
                       StandardizeForm form = StandardizeForm::kForward);
  /// Mean and deviation of the data: of every feature of the shape, which are
  /// then taken together where they are pixels of a channel, or of every
  /// channel.
  /// Throws std::invalid_argument if there are more or fewer numbers, or Scalar
  /// cannot hold a mean, a deviation or its reciprocal with all digits.
  Standardize(const Shape& input_shape,
              const Moments& moments,
              StandardizeForm form = StandardizeForm::kForward);

  std::string name() const override { return "Standardize"; }
  std::string describe() const override;
  Settings settings() const override;
  using Layer<Scalar>::buffers;
  std::vector<Parameter<Scalar>*> buffers() override;
  MemoryNeeds memory_needs(Index batch, Mode mode) const override;

  /// Takes mean and deviation anew. Throws as the constructor does, and then
  /// changes nothing.
  void fit(const Moments& moments);

  /// Which way it goes.
  StandardizeForm form() const { return form_; }
  /// channels x 1; a buffer.
  const Parameter<Scalar>& mean() const { return mean_; }
  /// channels x 1, above 0; a buffer.
  const Parameter<Scalar>& deviation() const { return deviation_; }

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
  Index channels() const { return this->input_shape().channels; }

  StandardizeForm form_;
  Parameter<Scalar> mean_;
  Parameter<Scalar> deviation_;
};

}  // namespace nn

#endif  // NN_LAYERS_STANDARDIZE_H_
