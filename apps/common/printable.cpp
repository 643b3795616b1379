#include "common/printable.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace apps {
namespace {

constexpr char kReplacement[] = "\uFFFD";
constexpr char kEllipsis[] = "\u2026";

struct Range {
  std::uint32_t first;
  std::uint32_t last;
};

template <std::size_t kSize>
bool is_in(const Range (&ranges)[kSize], std::uint32_t c) {
  return std::any_of(std::begin(ranges), std::end(ranges), [c](const Range& r) {
    return c >= r.first && c <= r.last;
  });
}

// Characters without a shape of their own.
constexpr Range kHidden[] = {
    {0x0000, 0x001F},      // controls
    {0x007F, 0x009F},      // delete, and the controls of 8 bits
    {0x00AD, 0x00AD},      // soft hyphen
    {0x034F, 0x034F},      // combining grapheme joiner
    {0x061C, 0x061C},      // Arabic letter mark
    {0x115F, 0x1160},      // Hangul fillers
    {0x17B4, 0x17B5},      // Khmer inherent vowels
    {0x180B, 0x180F},      // Mongolian selectors
    {0x200B, 0x200F},      // of no width, marks of direction
    {0x2028, 0x202E},      // separators of lines, embedded directions
    {0x2060, 0x206F},      // joiners, isolated directions
    {0x3164, 0x3164},      // Hangul filler
    {0xD800, 0xF8FF},      // surrogates, private use
    {0xFDD0, 0xFDEF},      // never characters
    {0xFE00, 0xFE0F},      // variation selectors
    {0xFEFF, 0xFEFF},      // byte order mark
    {0xFFA0, 0xFFA0},      // Hangul filler
    {0xFFF0, 0xFFFC},      // interlinear annotations
    {0xFFFE, 0xFFFF},      // never characters
    {0x1BCA0, 0x1BCA3},    // shorthand controls
    {0x1D173, 0x1D17A},    // musical controls
    {0xE0000, 0x10FFFF}};  // tags, selectors, private use

bool is_hidden(std::uint32_t c) {
  const bool is_ascii = c >= 0x20 && c <= 0x7E;  // most of all text
  // The last two of each plane of 65,536 are never characters.
  return !is_ascii && (is_in(kHidden, c) || (c & 0xFFFEU) == 0xFFFEU);
}

// Accents that stand on the letter before them.
constexpr Range kCombining[] = {{0x0300, 0x036F},
                                {0x0483, 0x0489},
                                {0x1AB0, 0x1AFF},
                                {0x1DC0, 0x1DFF},
                                {0x20D0, 0x20FF},
                                {0xFE20, 0xFE2F}};

// The length of the character at the front, 0 where there is none; `c` is its
// number. The shortest form alone is valid.
std::size_t decode(std::string_view bytes, std::uint32_t& c) {
  const auto byte = [&bytes](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i]));
  };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) {
    c = lead;
    return 1;
  }
  const std::size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                             : lead >= 0xE0 && lead <= 0xEF ? 3
                             : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                            : 0;
  if (length == 0 || length > bytes.size()) return 0;
  c = lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
    c = c << 6U | (byte(i) & 0x3FU);
  }
  const bool is_shortest = c >= (length == 2   ? 0x80U
                                 : length == 3 ? 0x800U
                                               : 0x10000U);
  const bool is_character = c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
  return is_shortest && is_character ? length : 0;
}

}  // namespace

std::string printable(std::string_view bytes, std::size_t most) {
  constexpr int kMostAccents = 4;
  std::string out;
  std::size_t count = 0;
  int accents = 0;
  std::size_t last = 0;  // where the last character begins in `out`
  while (!bytes.empty()) {
    std::uint32_t c = 0;
    const std::size_t length = decode(bytes, c);
    const std::string_view character =
        bytes.substr(0, std::max<std::size_t>(1, length));
    bytes.remove_prefix(character.size());
    const bool shows = length > 0 && !is_hidden(c);
    accents = shows && is_in(kCombining, c) ? accents + 1 : 0;
    if (accents > kMostAccents) continue;
    if (count == most) {
      out.resize(last);
      return out + kEllipsis;
    }
    last = out.size();
    if (shows) {
      out += character;
    } else {
      out += kReplacement;
    }
    ++count;
  }
  return out;
}

}  // namespace apps
