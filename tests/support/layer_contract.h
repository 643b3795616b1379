#ifndef NN_TESTS_SUPPORT_LAYER_CONTRACT_H_
#define NN_TESTS_SUPPORT_LAYER_CONTRACT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nn/network/layer.h"
#include "nn/random.h"

namespace nn_test {

/// What the contract check needs to know of a layer.
struct LayerContract {
  std::function<std::unique_ptr<nn::Layer<double>>()> make_double;
  /// May be empty for a layer that exists in double alone.
  std::function<std::unique_ptr<nn::Layer<float>>()> make_float;

  /// Draws an input away from the layer's kinks, where its gradient jumps.
  std::function<nn::Matrix<double>(nn::Index rows, nn::Index cols, nn::Rng&)>
      draw_input;

  /// Off for layers like dropout, which behave otherwise while training.
  bool same_in_inference = true;

  /// Off for layers where more than the sample itself matters: the others of
  /// the batch to batch normalization, its place in the batch to dropout.
  bool samples_alone_give_the_same = true;

  /// Batches below it are left out: batch normalization of vectors needs two
  /// samples.
  nn::Index smallest_batch = 1;
};

/// Checks everything that nn::Layer promises, with batches of 1, 2 and 7:
///
///  - gradients by the input and all parameters against differences, in double,
///    to a relative error of 1e-7;
///  - backward() overwrites gradients instead of adding to them, and they are
///    the same whether an input gradient is wanted or not;
///  - the result does not depend on what the memory held before, on the number
///    of threads, or, but for rounding, on the other samples of the batch.
///    In all passes PassMemory::pass is the same;
///  - inference gives the same output as training;
///  - forward() leaves the buffers as they are, and initialize() resets what
///    backward() made of them;
///  - memory_needs() grow with the batch, are never larger for inference than
///    for training, and do not depend on the number of threads;
///  - nothing outside of the given memory is written, also with more threads
///    than it was cut for, no input is changed, and nothing is allocated;
///  - views whose sizes do not fit throw std::invalid_argument that names the
///    layer.
///
/// Returns a sentence for each violation. A test writes
///   CHECK(contract_violations(contract) == kNoViolations);
std::vector<std::string> contract_violations(const LayerContract& contract);

const std::vector<std::string> kNoViolations;

/// The contract of LayerType<Scalar>(input_shape, arguments...).
template <template <typename> class LayerType, typename... Arguments>
LayerContract contract_of(
    std::function<nn::Matrix<double>(nn::Index, nn::Index, nn::Rng&)>
        draw_input,
    const nn::Shape& input_shape,
    const Arguments&... arguments) {
  LayerContract contract;
  contract.make_double = [=] {
    return std::make_unique<LayerType<double>>(input_shape, arguments...);
  };
  contract.make_float = [=] {
    return std::make_unique<LayerType<float>>(input_shape, arguments...);
  };
  contract.draw_input = draw_input;
  return contract;
}

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_LAYER_CONTRACT_H_
