// An .npy file. The header's length would stop a fuzzer from changing the
// header, so that of most inputs is put in here.

#include "nn/data/npy.h"

#include <algorithm>
#include <vector>

#include "fuzz.h"

namespace {

template <typename Scalar>
void read(const std::string& bytes) {
  nn_fuzz::accepts([&] {
    const auto array = nn::load_npy<Scalar>(nn::MemoryFile{bytes, "input"});
    std::size_t count = 1;
    for (const nn::Index size : array.dims) {
      count *= static_cast<std::size_t>(size);
    }
    nn_fuzz::require(count == array.values.size(),
                     "the sizes multiply to the number of values");
    nn_fuzz::require(count < bytes.size(), "a value takes a byte at least");
    nn_fuzz::require(array.matrix().size() == static_cast<nn::Index>(count),
                     "the matrix has all values");
  });
}

/// Version 2.0, of a dictionary up to the line's end and numbers behind.
std::string with_length(const std::string& input) {
  std::string file("\x93NUMPY\2\0", 8);
  const std::size_t length = std::min(input.find('\n'), input.size());
  for (std::size_t i = 0; i < 4; ++i) {
    file += static_cast<char>(length >> (8 * i) & 0xff);
  }
  return file + input.substr(0, length) +
         (length < input.size() ? input.substr(length + 1) : "");
}

}  // namespace

// The first byte is the type that is wanted, as Python's struct names it.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string input(reinterpret_cast<const char*>(data), size);
  const std::string rest = input.substr(1);
  switch (input[0]) {
    case 'f':
      read<float>(with_length(rest));
      break;
    case 'd':
      read<double>(with_length(rest));
      break;
    case 'b':
      read<std::int8_t>(with_length(rest));
      break;
    case 'i':
      read<std::int32_t>(with_length(rest));
      break;
    case 'H':
      read<std::uint16_t>(with_length(rest));
      break;
    case 'Q':
      read<std::uint64_t>(with_length(rest));
      break;
    default:
      read<float>(input);
      read<std::int64_t>(input);
  }
  return 0;
}
