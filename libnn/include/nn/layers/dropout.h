#ifndef NN_LAYERS_DROPOUT_H_
#define NN_LAYERS_DROPOUT_H_

#include <cstdint>
#include <string>

#include "nn/network/layer.h"

namespace nn {

/// Sets elements to zero at random while training, and is the identity in
/// inference (Srivastava et al., 2014).
///
///   y = m x,  dx = m dy           x, dx, y, dy   features x N
///   m = 0 with probability p, else 1 / (1 - p), for each element anew
///
/// So the mean of y is x, and nothing is scaled in inference.
///
/// m is a function of the layer's seed, the number of the pass
/// (PassMemory::pass) and the place of the element in the batch. So forward()
/// changes nothing in the layer, backward() knows what was dropped without
/// saving it, and the same seed and pass drop the same on every machine and for
/// any number of threads. p is rounded to a multiple of 2^-32.
///
/// The seed is drawn by initialize(), so that it follows from that of the
/// network, and no two layers of a network have the same.
///
/// docs/math/dropout.md says why it scales, and how it draws.
template <typename Scalar>
class Dropout final : public Layer<Scalar> {
 public:
  /// Throws std::invalid_argument unless 0 <= p <= 1.
  explicit Dropout(const Shape& input_shape, double p = 0.5);

  std::string name() const override { return "Dropout"; }
  std::string describe() const override;
  Settings settings() const override;
  void initialize(Rng& rng) override;

  /// The probability with which an element is dropped.
  double p() const { return p_; }
  /// What the draws follow from, besides the pass and the element.
  std::uint64_t seed() const { return seed_; }
  /// A training that is taken up again drops what it would have dropped if it
  /// gives the layers their seeds back, and Workspace::set_passes() its number.
  void set_seed(std::uint64_t seed) { seed_ = seed; }

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

  void apply(const Scalar* x, Scalar* y, Index count, std::uint64_t pass) const;

  double p_;
  std::uint64_t seed_ = 0;
};

}  // namespace nn

#endif  // NN_LAYERS_DROPOUT_H_
