#ifndef SWISH_H_
#define SWISH_H_

#include <string>
#include <vector>

#include "nn/network/layer.h"

/// Swish with a trainable slope b, shared by all features:
///
///   y = x * s      with  s = 1 / (1 + exp(-b x)), element by element
///
///   x, dx, y, dy   features x N      slope   1 x 1
template <typename Scalar>
class Swish final : public nn::Layer<Scalar> {
 public:
  explicit Swish(const nn::Shape& input_shape, double slope = 1.0);

  std::string name() const override { return "Swish"; }
  nn::Settings settings() const override { return {{"slope", initial_slope_}}; }
  using nn::Layer<Scalar>::parameters;
  std::vector<nn::Parameter<Scalar>*> parameters() override;
  void initialize(nn::Rng& rng) override;
  nn::MemoryNeeds memory_needs(nn::Index batch, nn::Mode mode) const override;

 private:
  void do_forward(nn::ConstView<Scalar> x,
                  nn::View<Scalar> y,
                  nn::Mode mode,
                  nn::PassMemory memory) const override;
  void do_backward(nn::ConstView<Scalar> x,
                   nn::ConstView<Scalar> y,
                   nn::ConstView<Scalar> dy,
                   nn::View<Scalar> dx,
                   nn::PassMemory memory) override;

  double initial_slope_;
  nn::Parameter<Scalar> slope_;
};

#endif  // SWISH_H_
