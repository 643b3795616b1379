#ifndef NN_SRC_NETWORK_STAGE_H_
#define NN_SRC_NETWORK_STAGE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "nn/network/layer.h"

namespace nn::internal {

/// What Sequential runs: one layer, or several neighbours fused into one pass
/// over memory. The contract is that of Layer, over the group as a whole.
template <typename Scalar>
class Stage {
 public:
  virtual ~Stage() = default;

  /// Of the first layer: "Conv2d".
  virtual std::string name() const = 0;
  virtual const Shape& input_shape() const = 0;
  virtual const Shape& output_shape() const = 0;
  virtual MemoryNeeds memory_needs(Index batch, Mode mode) const = 0;
  virtual void forward(ConstView<Scalar> x,
                       View<Scalar> y,
                       Mode mode,
                       PassMemory memory) const = 0;
  virtual void backward(ConstView<Scalar> x,
                        ConstView<Scalar> y,
                        ConstView<Scalar> dy,
                        View<Scalar> dx,
                        PassMemory memory) = 0;

  ///@{
  /// The layers that it stands for, as places in the network.
  std::size_t first_layer() const { return first_layer_; }
  std::size_t end_layer() const { return end_layer_; }
  void set_layers(std::size_t first, std::size_t end) {
    first_layer_ = first;
    end_layer_ = end;
  }
  ///@}

 private:
  std::size_t first_layer_ = 0;
  std::size_t end_layer_ = 0;
};

template <typename Scalar>
using Stages = std::vector<std::unique_ptr<Stage<Scalar>>>;

/// Cuts layers, from number `first` on, into stages: with `fuse`, Linear + ReLU
/// and Conv2d + ReLU + MaxPool2d (each of the last two optional) become one,
/// and Identity none. There is at least one stage if there is a layer and
/// `first` is 0. The stages refer to the layers, which must outlive them.
template <typename Scalar>
Stages<Scalar> plan_stages(
    const std::vector<std::unique_ptr<Layer<Scalar>>>& layers,
    bool fuse,
    std::size_t first = 0);

/// Takes into the plan of the other layers the last one, which is new. Only a
/// stage that ends right before it can change, so this takes a time that does
/// not depend on their number. If it throws, `stages` are as they were.
template <typename Scalar>
void extend_stages(const std::vector<std::unique_ptr<Layer<Scalar>>>& layers,
                   bool fuse,
                   Stages<Scalar>& stages);

/// How the memory of passes is cut. The stages' arrays stand one behind the
/// other: in PassMemory::saved, of a training pass, what each saves and its
/// output, but for the last one's output; of inference, what one stage writes
/// and none reads. PassMemory::scratch begins with two blocks for activations
/// in inference and their gradients in training, which stages write in turn.
struct StageCut {
  Index batch = 0;              ///< as many samples, or more than a pass has
  std::size_t block_bytes = 0;  ///< of each of the two blocks
  /// What each stage saves of `batch` samples. Null: the stages are asked in
  /// every pass.
  const std::size_t* saved_bytes = nullptr;
};

/// The bytes of a stage's output.
template <typename Scalar>
std::size_t output_bytes(const Stage<Scalar>& stage, Index batch);

/// The cut for passes over up to `batch` samples.
template <typename Scalar>
StageCut cut_of(const Stages<Scalar>& stages,
                Index batch,
                const std::size_t* saved_bytes = nullptr);

/// Runs the first `count` stages on x into y.
template <typename Scalar>
void forward_stages(const Stages<Scalar>& stages,
                    std::size_t count,
                    const StageCut& cut,
                    ConstView<Scalar> x,
                    View<Scalar> y,
                    Mode mode,
                    const PassMemory& memory);

/// The way back through the first `count` stages, by the same cut. The batch is
/// not empty.
template <typename Scalar>
void backward_stages(const Stages<Scalar>& stages,
                     std::size_t count,
                     const StageCut& cut,
                     ConstView<Scalar> x,
                     ConstView<Scalar> y,
                     ConstView<Scalar> dy,
                     View<Scalar> dx,
                     const PassMemory& memory);

}  // namespace nn::internal

#endif  // NN_SRC_NETWORK_STAGE_H_
