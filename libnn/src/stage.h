#ifndef NN_SRC_STAGE_H_
#define NN_SRC_STAGE_H_

#include <memory>
#include <vector>

#include "nn/layer.h"

namespace nn::internal {

/// What Sequential runs: one layer, or several neighbours fused into one pass
/// over memory. The contract is that of Layer, over the group as a whole.
template <typename Scalar>
class Stage {
 public:
  virtual ~Stage() = default;

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
};

/// Cuts layers into stages: with `fuse`, Linear + ReLU and Conv2d + ReLU +
/// MaxPool2d (each of the last two optional) become one, and Identity none.
/// There is at least one stage if there is a layer. The stages refer to the
/// layers, which must outlive them.
template <typename Scalar>
std::vector<std::unique_ptr<Stage<Scalar>>> plan_stages(
    const std::vector<std::unique_ptr<Layer<Scalar>>>& layers, bool fuse);

}  // namespace nn::internal

#endif  // NN_SRC_STAGE_H_
