// A safetensors file, of whatever tensors.

#include "nn/files/safetensors.h"

#include "fuzz.h"
#include "safetensors_input.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes = nn_fuzz::safetensors_input(data, size);
  nn_fuzz::accepts([&] {
    const nn::SafetensorsFile file = nn::read_safetensors({bytes, "input"});
    std::size_t held = 0;
    for (const nn::Tensor& tensor : file.tensors) held += tensor.bytes.size();
    nn_fuzz::require(held < bytes.size(), "a file holds its tensors' bytes");
  });
  return 0;
}
