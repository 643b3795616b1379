#ifndef NN_SRC_FILES_LITTLE_ENDIAN_H_
#define NN_SRC_FILES_LITTLE_ENDIAN_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

#include "nn/types.h"

namespace nn::internal {

/// An unsigned integer of the size of a Scalar.
template <typename Scalar>
using Bits = std::conditional_t<
    sizeof(Scalar) == 1,
    std::uint8_t,
    std::conditional_t<
        sizeof(Scalar) == 2,
        std::uint16_t,
        std::conditional_t<sizeof(Scalar) == 4, std::uint32_t, std::uint64_t>>>;

/// The values as little-endian bytes, on a machine of either byte order.
template <typename Scalar>
std::string to_bytes(const Scalar* values, Index count) {
  std::string bytes(static_cast<std::size_t>(count) * sizeof(Scalar), '\0');
  char* out = bytes.data();
  for (Index i = 0; i < count; ++i) {
    Bits<Scalar> bits;
    std::memcpy(&bits, values + i, sizeof(bits));
    for (std::size_t k = 0; k < sizeof(bits); ++k) {
      *out++ = static_cast<char>(
          static_cast<unsigned char>((bits >> (8 * k)) & 0xffu));
    }
  }
  return bytes;
}

/// The value at place `i` of little-endian bytes.
template <typename Stored>
Stored value_at(const std::string& bytes, Index i) {
  Bits<Stored> bits = 0;
  const char* in = bytes.data() + i * static_cast<Index>(sizeof(Stored));
  for (std::size_t k = sizeof(bits); k-- > 0;) {
    bits = static_cast<Bits<Stored>>((bits << 8) |
                                     static_cast<unsigned char>(in[k]));
  }
  Stored value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

}  // namespace nn::internal

#endif  // NN_SRC_FILES_LITTLE_ENDIAN_H_
