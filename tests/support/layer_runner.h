#ifndef NN_TESTS_SUPPORT_LAYER_RUNNER_H_
#define NN_TESTS_SUPPORT_LAYER_RUNNER_H_

#include <utility>

#include "nn/network/layer.h"

namespace nn_test {

template <typename Scalar>
struct LayerPass {
  nn::Matrix<Scalar> y;
  nn::Matrix<Scalar> dx;
};

/// One forward and backward pass in memory of its own. The gradients of the
/// parameters stay in the layer.
template <typename Scalar>
LayerPass<Scalar> run(nn::Layer<Scalar>& layer,
                      const nn::Matrix<Scalar>& x,
                      const nn::Matrix<Scalar>& dy) {
  const nn::MemoryNeeds needs =
      layer.memory_needs(x.cols(), nn::Mode::kTraining);
  nn::PassBuffers buffers;
  const nn::PassMemory memory = buffers.prepare(needs, /*pass=*/0);
  LayerPass<Scalar> pass;
  pass.y.resize(layer.output_shape().features(), x.cols());
  pass.dx.resize(x.rows(), x.cols());
  layer.forward(nn::view(x), nn::view(pass.y), nn::Mode::kTraining, memory);
  layer.backward(nn::view(x),
                 nn::view(std::as_const(pass.y)),
                 nn::view(dy),
                 nn::view(pass.dx),
                 memory);
  return pass;
}

/// The output in inference mode.
template <typename Scalar>
nn::Matrix<Scalar> output_of(const nn::Layer<Scalar>& layer,
                             const nn::Matrix<Scalar>& x) {
  const nn::MemoryNeeds needs =
      layer.memory_needs(x.cols(), nn::Mode::kInference);
  nn::PassBuffers buffers;
  nn::Matrix<Scalar> y(layer.output_shape().features(), x.cols());
  layer.forward(
      nn::view(x), nn::view(y), nn::Mode::kInference, buffers.prepare(needs));
  return y;
}

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_LAYER_RUNNER_H_
