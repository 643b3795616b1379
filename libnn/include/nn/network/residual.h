#ifndef NN_NETWORK_RESIDUAL_H_
#define NN_NETWORK_RESIDUAL_H_

#include <functional>
#include <string>
#include <vector>

#include "nn/network/layer.h"
#include "nn/network/sequential.h"
#include "nn/network/stage_list.h"

namespace nn {

/// A body of layers and a way around it: y = x + body(x).
///
///   x, dx, y, dy   features x N
///
///   net.add<nn::Residual>([](nn::Sequential<float>& body) {
///     body.add<nn::Conv2d>(16, 3, 1, 1).add<nn::ReLU>();
///     body.add<nn::Conv2d>(16, 3, 1, 1);
///   });
///
/// The body's layers run one after the other, fused as those of Sequential are,
/// and its output has the shape of its input. Its parameters and buffers are
/// the body's, under PyTorch's names for a module whose member `body` is a
/// torch.nn.Sequential: "body.0.weight". A body may hold a Residual again.
///
/// dx = dy + the gradient that the body's backward pass gives: what comes in
/// reaches the layers before it also where the body's gradients vanish.
/// Source: He et al., Deep Residual Learning for Image Recognition, 2016.
/// docs/math/residual.md derives the gradient.
template <typename Scalar>
class Residual final : public Layer<Scalar> {
 public:
  /// `fill` adds the body's layers. Throws std::invalid_argument if it adds
  /// none, if they cannot follow each other, or if the last one's output has
  /// another shape than the first one's input.
  Residual(const Shape& input_shape,
           const std::function<void(Sequential<Scalar>&)>& fill);

  std::string name() const override { return "Residual"; }
  std::string describe() const override;
  std::vector<const Layer<Scalar>*> inner_layers() const override;
  using Layer<Scalar>::parameters;
  std::vector<Parameter<Scalar>*> parameters() override;
  using Layer<Scalar>::buffers;
  std::vector<Parameter<Scalar>*> buffers() override;
  /// That of all layers of the body, in their order.
  void initialize(Rng& rng) override;
  MemoryNeeds memory_needs(Index batch, Mode mode) const override;

 private:
  explicit Residual(StageList<Scalar> body);
  std::size_t body_output_bytes(Index batch) const;
  void set_fusion(bool fuse) override;

  void do_forward(ConstView<Scalar> x,
                  View<Scalar> y,
                  Mode mode,
                  PassMemory memory) const override;
  void do_backward(ConstView<Scalar> x,
                   ConstView<Scalar> y,
                   ConstView<Scalar> dy,
                   View<Scalar> dx,
                   PassMemory memory) override;

  StageList<Scalar> body_;
};

}  // namespace nn

#endif  // NN_NETWORK_RESIDUAL_H_
