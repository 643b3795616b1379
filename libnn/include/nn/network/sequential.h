#ifndef NN_NETWORK_SEQUENTIAL_H_
#define NN_NETWORK_SEQUENTIAL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "nn/network/layer.h"
#include "nn/network/stage_list.h"
#include "nn/network/workspace.h"
#include "nn/random.h"

namespace nn {

/// A parameter with its name in the network: "0.weight".
template <typename Scalar>
struct NamedParameter {
  std::string name;              ///< as PyTorch names it
  Parameter<Scalar>* parameter;  ///< owned by its layer
};

/// Layers one after the other.
///
///   nn::Sequential<float> net(nn::Shape{1, 28, 28}, /*seed=*/1);
///   net.add<nn::Conv2d>(16, 5, 1, 2).add<nn::ReLU>().add<nn::MaxPool2d>(2);
///   net.add<nn::Linear>(10).add<nn::Softmax>();
///
/// add() infers and checks shapes, so an impossible network fails while it is
/// built, with a message that names the layer.
///
/// Training works on the logits, that is on the output without a final Softmax:
/// the loss SoftmaxCrossEntropy contains it. predict() runs it.
///
/// Neighbouring layers (Linear + ReLU, Conv2d + ReLU + MaxPool2d) run fused
/// where that is faster; the layers, their parameters and the results are the
/// same.
template <typename Scalar>
class Sequential {
 public:
  /// Throws std::invalid_argument if the shape has no features. `seed` is that
  /// of the initial weights.
  explicit Sequential(const Shape& input_shape, std::uint64_t seed = 0);
  ~Sequential();
  ///@{
  /// The layers stay where they are, so pointers to parameters stay valid.
  /// What was moved from is no network any more: it has no layers, it can be
  /// assigned to and destroyed, and all other calls throw
  /// std::invalid_argument.
  Sequential(Sequential&&) noexcept;
  Sequential& operator=(Sequential&&) noexcept;
  ///@}

  /// Gives away what runs the layers, to a container that runs them in memory
  /// of its own. What is left is a network moved from.
  StageList<Scalar> release() &&;

  /// Appends LayerType<Scalar>(output_shape(), args...) and initializes it.
  /// Throws std::invalid_argument, naming the layer's place, if the layer
  /// cannot take output_shape().
  template <template <typename> class LayerType, typename... Args>
  Sequential& add(Args&&... args) {
    try {
      return add(std::make_unique<LayerType<Scalar>>(
          output_shape(), std::forward<Args>(args)...));
    } catch (const std::invalid_argument& error) {
      rethrow_with_place(error);
    }
  }

  /// Appends a layer and initializes it. Throws std::invalid_argument if it is
  /// null or its input shape is not output_shape().
  Sequential& add(std::unique_ptr<Layer<Scalar>> layer);

  /// The number of layers.
  Index size() const { return static_cast<Index>(list_.size()); }
  ///@{
  /// Layer `i`, counted from 0. Not checked.
  Layer<Scalar>& layer(Index i) {
    return list_.layer(static_cast<std::size_t>(i));
  }
  const Layer<Scalar>& layer(Index i) const {
    return list_.layer(static_cast<std::size_t>(i));
  }
  ///@}
  /// The shape of a sample that goes in.
  const Shape& input_shape() const { return list_.input_shape(); }
  /// The shape of what the last layer writes; without layers, of the input.
  const Shape& output_shape() const;

  /// All trainable parameters with PyTorch's names for a torch.nn.Sequential
  /// of the same layers. The pointers stay valid as long as the layers.
  std::vector<NamedParameter<Scalar>> named_parameters();
  /// The same without names, as optimizers take them.
  std::vector<Parameter<Scalar>*> parameters();
  /// The number of all their elements.
  Index parameter_count() const;

  /// All buffers, what is saved but not trained, with PyTorch's names:
  /// "1.running_mean". The pointers stay valid as long as the layers.
  std::vector<NamedParameter<Scalar>> named_buffers();

  /// Draws new initial weights for every layer.
  void initialize(Rng& rng);

  /// A table: layer, settings, output shape, parameters.
  std::string summary() const;

  /// Runs layers one by one where `fuse` is false, also those inside of others.
  /// For tests and measurements. A backward() after it needs a new forward().
  void set_fusion(bool fuse);

  /// Computes the logits of a batch for training: `x` is
  /// input_shape().features() x N. Returns a view into the workspace, which
  /// the next call overwrites. `x` must stay unchanged until backward() has
  /// returned.
  /// Throws std::invalid_argument if x has the wrong number of rows.
  ConstView<Scalar> forward(ConstView<Scalar> x,
                            Workspace<Scalar>& workspace) const;

  /// Overwrites the gradients of all parameters, from the gradient of the loss
  /// by the logits of the last forward() with this workspace. Writes the
  /// gradient by the input into `dx` unless that is no_view().
  /// Throws std::invalid_argument if the sizes do not fit that forward().
  void backward(ConstView<Scalar> dlogits,
                Workspace<Scalar>& workspace,
                View<Scalar> dx = no_view<Scalar>());

  /// The network's output (with a final Softmax: probabilities) for a batch,
  /// written into `y`, output_shape().features() x N. Const and re-entrant:
  /// many threads may share the network, each with a workspace of its own.
  /// Throws std::invalid_argument if a size does not fit.
  void predict(ConstView<Scalar> x,
               View<Scalar> y,
               Workspace<Scalar>& workspace) const;
  /// The same with memory of its own, allocated in this call.
  Matrix<Scalar> predict(ConstView<Scalar> x) const;

  /// The class of every sample: the row of the largest output, the first of
  /// equal ones; -1 where an output is a NaN. Works through the samples in
  /// parts, so that memory is needed for a part alone. Const and re-entrant, as
  /// predict(). Throws std::invalid_argument if x has the wrong number of rows.
  Labels predict_classes(ConstView<Scalar> x) const;

  /// The logits of a batch in inference mode; otherwise as predict().
  void predict_logits(ConstView<Scalar> x,
                      View<Scalar> y,
                      Workspace<Scalar>& workspace) const;

  /// The output of every layer for a batch, in inference mode, one layer after
  /// the other. Allocates; meant for looking into a network.
  std::vector<Matrix<Scalar>> activations(ConstView<Scalar> x) const;

  /// For the library alone: no other network, and not this one after a change
  /// of its layers or of their fusion, has this number.
  std::uint64_t plan_number() const { return list_.plan_number(); }

 private:
  [[noreturn]] void rethrow_with_place(
      const std::invalid_argument& error) const;
  using State = typename Workspace<Scalar>::State;

  /// A parameter or a buffer, and the size that it must keep.
  struct Sized {
    std::size_t layer;
    Parameter<Scalar>* parameter;
    Index rows;
    Index cols;
    bool has_gradient;
  };

  void check_usable() const;
  void check_sizes() const;
  void note_end();
  Index logit_rows() const;
  void prepare(Workspace<Scalar>& workspace, Index batch, Mode mode) const;
  void cut(State& state, Index batch, Mode mode) const;
  void reserve_scratch(State& state) const;
  void check_needs(const State& state, Index batch, Mode mode) const;
  void run_inference(ConstView<Scalar> x,
                     View<Scalar> y,
                     std::size_t stages,
                     Workspace<Scalar>& workspace) const;

  void check_input(const ConstView<Scalar>& x) const;

  Rng rng_;
  StageList<Scalar> list_;
  std::vector<Sized> sizes_;      ///< of what the layers own
  std::size_t logit_stages_ = 0;  ///< stages before a final Softmax
};

}  // namespace nn

#endif  // NN_NETWORK_SEQUENTIAL_H_
