// A model: a network from the description of its layers, and its weights.

#include "nn/files/model.h"

#include <algorithm>

#include "fuzz.h"
#include "safetensors_input.h"

namespace {

/// Runs a network that takes no more than the fuzzer has time for.
void try_out(nn::Sequential<float>& network) {
  constexpr nn::Index kMostFeatures = 256;
  nn::Index most = network.input_shape().features();
  for (nn::Index i = 0; i < network.size(); ++i) {
    most = std::max(most, network.layer(i).output_shape().features());
  }
  if (most > kMostFeatures || network.size() > 8) return;
  const nn::Matrix<float> x =
      nn::Matrix<float>::Zero(network.input_shape().features(), 2);
  network.predict(x);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes = nn_fuzz::safetensors_input(data, size);
  nn_fuzz::accepts([&] {
    nn::Sequential<float> network = nn::load_model<float>({bytes, "input"});
    try_out(network);
  });
  return 0;
}
