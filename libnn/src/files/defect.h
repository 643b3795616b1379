#ifndef NN_SRC_FILES_DEFECT_H_
#define NN_SRC_FILES_DEFECT_H_

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

#include "nn/check.h"

namespace nn::internal {

/// What is wrong with the content of a file. Whoever knows the file's path puts
/// it before the message.
template <typename... Parts>
[[noreturn]] void throw_defect(const Parts&... parts) {
  throw std::runtime_error(concat(parts...));
}

/// A text out of a file, in quotes, as a message may hold it: cut short, and
/// control characters, which a terminal would obey, are question marks.
inline std::string quoted(std::string_view text) {
  constexpr std::size_t kMost = 100;
  const bool cut = text.size() > kMost;
  std::string shown(text.substr(0, kMost));
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const auto byte = static_cast<unsigned char>(shown[i]);
    // U+0080 to U+009F are control characters too, c2 80 to c2 9f in UTF-8.
    const bool second_half = byte == 0xc2 && i + 1 < shown.size() &&
                             static_cast<unsigned char>(shown[i + 1]) < 0xa0;
    if (byte < 0x20 || byte == 0x7f) shown[i] = '?';
    if (second_half) shown.replace(i, 2, "?");
  }
  // Not in the middle of a character.
  while (cut && !shown.empty() &&
         (static_cast<unsigned char>(shown.back()) & 0xc0) == 0x80) {
    shown.pop_back();
  }
  if (cut && !shown.empty() &&
      static_cast<unsigned char>(shown.back()) >= 0xc0) {
    shown.pop_back();
  }
  return concat('"', shown, cut ? "...\"" : "\"");
}

}  // namespace nn::internal

#endif  // NN_SRC_FILES_DEFECT_H_
