#ifndef NN_SRC_FILES_HALF_H_
#define NN_SRC_FILES_HALF_H_

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

// Numbers of 16 bits, which files hold and nothing here computes with. Every
// one of them is a float.

namespace nn::internal {

/// The upper half of a float: sign, 8 bits of exponent, 7 of fraction.
struct BFloat16 {
  std::uint16_t bits;
  explicit operator float() const {
    const std::uint32_t wide = std::uint32_t{bits} << 16;
    float value = 0;
    std::memcpy(&value, &wide, sizeof(value));
    return value;
  }
};

/// IEEE's binary16: sign, 5 bits of exponent, 10 of fraction.
struct Float16 {
  std::uint16_t bits;
  explicit operator float() const {
    const int exponent = (bits >> 10) & 0x1f;
    const int fraction = bits & 0x3ff;
    float value = 0;
    if (exponent == 0x1f) {
      value = fraction == 0 ? std::numeric_limits<float>::infinity()
                            : std::numeric_limits<float>::quiet_NaN();
    } else if (exponent == 0) {
      value = std::ldexp(static_cast<float>(fraction), -24);
    } else {
      value = std::ldexp(static_cast<float>(fraction + 0x400), exponent - 25);
    }
    return (bits & 0x8000) != 0 ? -value : value;
  }
};

}  // namespace nn::internal

#endif  // NN_SRC_FILES_HALF_H_
