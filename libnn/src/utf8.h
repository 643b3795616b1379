#ifndef NN_SRC_UTF8_H_
#define NN_SRC_UTF8_H_

#include <cstddef>
#include <string>

namespace nn::internal {

/// The length of the UTF-8 sequence at text[i], or 0 if there is no valid one
/// (cut short, overlong, a surrogate, or above U+10FFFF).
inline std::size_t utf8_length(const std::string& text, std::size_t i) {
  const auto byte = [&text](std::size_t k) -> unsigned {
    return k < text.size() ? static_cast<unsigned char>(text[k]) : 0u;
  };
  const unsigned first = byte(i);
  if (first < 0x80) return 1;
  std::size_t length = 0;
  unsigned lowest = 0x80;
  unsigned highest = 0xbf;
  if (first >= 0xc2 && first <= 0xdf) {
    length = 2;
  } else if (first >= 0xe0 && first <= 0xef) {
    length = 3;
    if (first == 0xe0) lowest = 0xa0;
    if (first == 0xed) highest = 0x9f;
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4;
    if (first == 0xf0) lowest = 0x90;
    if (first == 0xf4) highest = 0x8f;
  } else {
    return 0;
  }
  if (byte(i + 1) < lowest || byte(i + 1) > highest) return 0;
  for (std::size_t k = 2; k < length; ++k) {
    if (byte(i + k) < 0x80 || byte(i + k) > 0xbf) return 0;
  }
  return length;
}

/// Whether the text is valid UTF-8 throughout.
inline bool is_utf8(const std::string& text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

}  // namespace nn::internal

#endif  // NN_SRC_UTF8_H_
