#ifndef NN_APPS_MNIST_TORCH_TWIN_H_
#define NN_APPS_MNIST_TORCH_TWIN_H_

#include <torch/torch.h>

#include "nn/network/sequential.h"
#include "nn/shape.h"
#include "nn/types.h"

namespace torch_twin {

/// Where a twin ends.
enum class TwinOutput {
  kLogits,  ///< before a final Softmax, as training wants it
  kWhole    ///< after the last layer
};

/// A LibTorch network with the layers, weights and buffers of `network`, in
/// training mode.
///
/// Modules are named by the place of their libnn layer, so the parameters have
/// libnn's names ("0.weight"). Where LibTorch wants a batch of vectors and
/// libnn only reads an image as the vector that it is in memory, a Flatten
/// stands in between ("flatten3" before layer 3), and an Unflatten the other
/// way round.
///
/// A Dropout draws from LibTorch's generator and drops other elements than
/// libnn's; in inference (eval()) the two agree.
///
/// The twin takes what as_tensor() makes of a batch and a shape.
/// Throws std::invalid_argument that names the layer if one has no twin.
template <typename Scalar>
torch::nn::Sequential make_twin(const nn::Sequential<Scalar>& network,
                                TwinOutput output);

/// Copies the twin's weights and buffers back into the network that it was made
/// from, or one of the same layers. Throws std::invalid_argument if one is
/// missing or has another shape; nothing is changed then.
template <typename Scalar>
void copy_weights(const torch::nn::Sequential& twin,
                  nn::Sequential<Scalar>& network);

/// The other way round. Throws as the other does.
template <typename Scalar>
void copy_weights(nn::Sequential<Scalar>& network,
                  const torch::nn::Sequential& twin);

/// The batch in `x` (features x N) as an N x C x H x W tensor, or N x features
/// if the shape is flat. Shares the memory of `x`, which must outlive it.
/// Throws std::invalid_argument if x does not have the shape's features.
template <typename Scalar>
torch::Tensor as_tensor(nn::ConstView<Scalar> x, const nn::Shape& shape);

/// A copy of a batch tensor as a features x N matrix.
/// Throws std::invalid_argument if the tensor is of another scalar type.
template <typename Scalar>
nn::Matrix<Scalar> as_matrix(const torch::Tensor& batch);

}  // namespace torch_twin

#endif  // NN_APPS_MNIST_TORCH_TWIN_H_
