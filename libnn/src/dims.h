#ifndef NN_SRC_DIMS_H_
#define NN_SRC_DIMS_H_

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

/// The bytes of an array of these sizes, or false if their number leaves
/// std::uint64_t.
inline bool array_bytes(const std::vector<Index>& dims,
                        std::size_t bytes_per_element,
                        std::uint64_t& result) {
  result = bytes_per_element;
  return std::all_of(dims.begin(), dims.end(), [&result](Index size) {
    return multiply(result, static_cast<std::uint64_t>(size), result);
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

#endif  // NN_SRC_DIMS_H_
