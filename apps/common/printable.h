#ifndef NN_APPS_COMMON_PRINTABLE_H_
#define NN_APPS_COMMON_PRINTABLE_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace apps {

/// How many characters of a text from a file are kept: as much as a path has,
/// and what the figures have room for of a name.
constexpr std::size_t kMostText = 4096;
constexpr std::size_t kMostName = 40;

/// Bytes of a file as text that a terminal, a font and a page can be given:
/// valid UTF-8 of one line. Each byte that is no UTF-8, and each character that
/// shows nothing or changes how others show, is replaced by U+FFFD: control
/// characters and escape sequences, those that turn the direction of writing,
/// invisible ones, and those that Unicode assigns to nobody. Of more than
/// `most` characters the rest is cut and an ellipsis put in its place; of more
/// than a few accents on one letter, the others are left out.
std::string printable(std::string_view bytes, std::size_t most = kMostText);

}  // namespace apps

#endif  // NN_APPS_COMMON_PRINTABLE_H_
