#ifndef NN_NETWORK_STAGE_LIST_H_
#define NN_NETWORK_STAGE_LIST_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "nn/network/layer.h"

namespace nn {

namespace internal {
template <typename Scalar>
class Stage;
}

/// Layers one after the other and the stages that run them: neighbours that are
/// faster together (Linear + ReLU, Conv2d + ReLU + MaxPool2d) are one stage.
/// Sequential runs a StageList in a Workspace. A container, a layer made of
/// layers such as Residual, owns one or several and runs them in the memory
/// that it is given itself:
///
///   class Block final : public nn::Layer<float> {
///     ...
///     MemoryNeeds memory_needs(Index batch, Mode mode) const override {
///       return body_.memory_needs(batch, mode);
///     }
///     void do_forward(...) const override { body_.forward(x, y, ...); }
///     void set_fusion(bool fuse) override { body_.set_fusion(fuse); }
///     nn::StageList<float> body_;
///   };
///
/// It also overrides inner_layers(), parameters(), buffers() and initialize()
/// by the functions of the same names.
///
/// Passes are under the contract of Layer: const, re-entrant, without
/// allocations, in memory of the caller's.
template <typename Scalar>
class StageList {
 public:
  /// No layers yet. `owner` complains where something is wrong: "Block".
  /// Throws std::invalid_argument if the shape has no features.
  StageList(const Shape& input_shape, std::string owner);
  ~StageList();
  ///@{
  /// The layers stay where they are. What was moved from has no layers, and
  /// takes none.
  StageList(StageList&&) noexcept;
  StageList& operator=(StageList&&) noexcept;
  ///@}

  /// Appends a layer, which is not initialized here. Throws
  /// std::invalid_argument, naming the layer's place, if it is null or its
  /// input shape is not output_shape(); the list is then as it was.
  void add(std::unique_ptr<Layer<Scalar>> layer);

  /// The number of layers.
  std::size_t size() const { return layers_.size(); }
  ///@{
  /// Layer `i`, counted from 0. Not checked.
  Layer<Scalar>& layer(std::size_t i) { return *layers_[i]; }
  const Layer<Scalar>& layer(std::size_t i) const { return *layers_[i]; }
  ///@}
  /// The shape of a sample that goes in.
  const Shape& input_shape() const { return input_shape_; }
  /// The shape of what the last layer writes; without layers, of the input.
  const Shape& output_shape() const;

  /// All layers in their order, as Layer::inner_layers() gives them.
  std::vector<const Layer<Scalar>*> inner_layers() const;
  /// The trainable parameters of all layers in their order.
  std::vector<Parameter<Scalar>*> parameters();
  /// The buffers of all layers in their order.
  std::vector<Parameter<Scalar>*> buffers();
  /// Draws new initial values for every layer.
  void initialize(Rng& rng);

  /// Runs layers one by one where `fuse` is false, also those inside of others
  /// and those added later. Only for who owns the outermost list: an inner one
  /// follows it through Layer::set_fusion().
  void set_fusion(bool fuse);

  /// What a pass over `batch` samples needs, in the sense of
  /// Layer::memory_needs(). A training pass keeps the output of every stage but
  /// the last, which its caller keeps.
  MemoryNeeds memory_needs(Index batch, Mode mode) const;

  /// Runs all stages on `x`, input_shape().features() x N, into `y`,
  /// output_shape().features() x N, which may not alias it. Without layers, `y`
  /// becomes `x`. In training mode, `x`, `y` and `memory.saved` must stay
  /// unchanged until the matching backward() has returned.
  /// Throws std::invalid_argument if the sizes do not fit.
  void forward(ConstView<Scalar> x,
               View<Scalar> y,
               Mode mode,
               PassMemory memory) const;

  /// Takes what the matching forward() read and wrote, and the gradient of the
  /// loss by `y`. Overwrites the gradients of all parameters, and writes the
  /// gradient of the loss by `x` into `dx` unless that is no_view().
  /// Throws std::invalid_argument if a size does not fit.
  void backward(ConstView<Scalar> x,
                ConstView<Scalar> y,
                ConstView<Scalar> dy,
                View<Scalar> dx,
                PassMemory memory);

  ///@{
  /// For the library alone: what runs, and a number that no other plan of any
  /// list has, by which a workspace knows what it was cut for.
  const std::vector<std::unique_ptr<internal::Stage<Scalar>>>& stages() const {
    return stages_;
  }
  std::uint64_t plan_number() const { return plan_number_; }
  ///@}

 private:
  void check_sizes(const char* what,
                   Index rows,
                   Index cols,
                   const Shape& shape,
                   Index batch) const;

  Shape input_shape_;
  std::string owner_;
  bool fuse_ = true;
  std::vector<std::unique_ptr<Layer<Scalar>>> layers_;
  std::vector<std::unique_ptr<internal::Stage<Scalar>>> stages_;
  std::uint64_t plan_number_ = 0;
};

}  // namespace nn

#endif  // NN_NETWORK_STAGE_LIST_H_
