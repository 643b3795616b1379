#ifndef NN_SRC_FILES_DIMS_H_
#define NN_SRC_FILES_DIMS_H_

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "nn/types.h"

// The sizes of an array, slowest first, as files of tensors have them.

namespace nn::internal {

/// Multiplies unless the product leaves std::uint64_t.
inline bool multiply(std::uint64_t a, std::uint64_t b, std::uint64_t& product) {
  if (b != 0 && a > std::numeric_limits<std::uint64_t>::max() / b) return false;
  product = a * b;
  return true;
}

/// The bits of an array of these sizes, or false if their number leaves
/// std::uint64_t. So a size of 0 does not hide others that are too large.
inline bool array_bits(const std::vector<Index>& dims,
                       std::uint64_t bits_per_element,
                       std::uint64_t& result) {
  std::uint64_t bound = bits_per_element;
  result = bits_per_element;
  return std::all_of(dims.begin(), dims.end(), [&](Index size) {
    result *= static_cast<std::uint64_t>(size);
    return multiply(
        bound, static_cast<std::uint64_t>(std::max<Index>(size, 1)), bound);
  });
}

/// "[16, 1, 5, 5]".
inline std::string to_string(const std::vector<Index>& dims) {
  std::string text = "[";
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(dims[i]);
  }
  return text + "]";
}

}  // namespace nn::internal

#endif  // NN_SRC_FILES_DIMS_H_
