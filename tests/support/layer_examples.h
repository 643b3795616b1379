#ifndef NN_TESTS_SUPPORT_LAYER_EXAMPLES_H_
#define NN_TESTS_SUPPORT_LAYER_EXAMPLES_H_

#include <string>
#include <vector>

#include "nn/network/layer_registry.h"
#include "nn/network/sequential.h"

namespace nn_test {

/// A layer of the library with settings other than its defaults, for tests that
/// go over all kinds of layers.
struct LayerExample {
  nn::Shape input_shape;
  nn::LayerSpec spec;
};

/// At least one for every kind that the library itself registers; a test fails
/// where one is missing.
std::vector<LayerExample> layer_examples();

/// The kinds that the library itself registers, without those that tests add.
const std::vector<std::string>& library_layers();

/// A network of the example alone, its parameters and buffers random.
template <typename Scalar>
nn::Sequential<Scalar> example_network(const LayerExample& example);

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_LAYER_EXAMPLES_H_
