// An IDX file as it lies on the disk, plain.

#include "nn/data/idx.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nn_fuzz::accepts([&] {
    const nn::IdxArray array = nn::read_idx(nn_fuzz::file(data, size));
    std::uint64_t product = 1;
    for (const nn::Index extent : array.dims) {
      product *= static_cast<std::uint64_t>(extent);
    }
    nn_fuzz::require(product == array.bytes.size(),
                     "the sizes multiply to the number of bytes");
    nn_fuzz::require(array.bytes.size() + 4 * (array.dims.size() + 1) == size ||
                         data[0] == 0x1f,
                     "header and content are the whole plain file");
  });
  return 0;
}
