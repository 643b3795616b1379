#include "data/pixels.h"

#include <algorithm>
#include <array>

#include "files/defect.h"
#include "files/dims.h"

namespace nn::internal {
namespace {

/// A picture may have this size, however small its file is.
constexpr std::uint64_t kMinContentBytes = std::uint64_t{1} << 24;

/// What one new row or column is made of: `count` old ones from `first` on.
/// Weights are whole numbers, so that nothing is rounded before the end.
struct Taps {
  Index first = 0;
  Index count = 0;
  std::size_t weights = 0;  ///< where they begin in Axis::weights
};

struct Axis {
  std::vector<Taps> taps;  ///< of each new row or column
  std::vector<std::uint64_t> weights;
  std::uint64_t total = 1;  ///< of the weights of each
};

/// In units of 1 / `to` of an old pixel, old pixel j covers j to .. (j + 1) to
/// and the new pixel i covers i from .. (i + 1) from.
Axis area_axis(Index from, Index to) {
  Axis axis;
  axis.total = static_cast<std::uint64_t>(from);
  for (Index i = 0; i < to; ++i) {
    const Index begin = i * from;
    const Index end = begin + from;
    Taps taps{begin / to, 0, axis.weights.size()};
    for (Index j = taps.first; j * to < end; ++j, ++taps.count) {
      const Index overlap =
          std::min((j + 1) * to, end) - std::max(j * to, begin);
      axis.weights.push_back(static_cast<std::uint64_t>(overlap));
    }
    axis.taps.push_back(taps);
  }
  return axis;
}

/// In units of 1 / (2 to), the centre of new pixel i is at (2 i + 1) from - to
/// from that of the first old one. Beyond the outer centres their pixels go on.
Axis linear_axis(Index from, Index to) {
  Axis axis;
  const Index unit = 2 * to;
  axis.total = static_cast<std::uint64_t>(unit);
  for (Index i = 0; i < to; ++i) {
    const Index at =
        std::clamp<Index>((2 * i + 1) * from - to, 0, (from - 1) * unit);
    const Index part = at % unit;
    axis.taps.push_back({at / unit, part == 0 ? 1 : 2, axis.weights.size()});
    axis.weights.push_back(static_cast<std::uint64_t>(unit - part));
    if (part > 0) axis.weights.push_back(static_cast<std::uint64_t>(part));
  }
  return axis;
}

Axis make_axis(Index from, Index to) {
  return to <= from ? area_axis(from, to) : linear_axis(from, to);
}

}  // namespace

void allocate(Pixels& pixels,
              std::size_t file_bytes,
              const PictureLimits& limits) {
  std::uint64_t bytes = 0;
  const bool fits =
      multiply(static_cast<std::uint64_t>(pixels.height),
               static_cast<std::uint64_t>(pixels.width),
               bytes) &&
      multiply(bytes, static_cast<std::uint64_t>(pixels.channels), bytes);
  if (!fits || bytes > limits.max_content_bytes) {
    throw_defect("the header says ",
                 pixels.height,
                 " x ",
                 pixels.width,
                 " pixels of ",
                 pixels.channels,
                 " bytes, which is more than the ",
                 limits.max_content_bytes,
                 " bytes of PictureLimits::max_content_bytes");
  }
  // Which is: bytes > max_expansion * file_bytes, a product that may be too
  // large.
  const bool expands = bytes > kMinContentBytes &&
                       (bytes - 1) / limits.max_expansion >= file_bytes;
  if (expands) {
    throw_defect("the header says ",
                 pixels.height,
                 " x ",
                 pixels.width,
                 " pixels of ",
                 pixels.channels,
                 " bytes, which is more than ",
                 limits.max_expansion,
                 " times the ",
                 file_bytes,
                 " bytes of the file; if that is right, raise "
                 "PictureLimits::max_expansion");
  }
  pixels.bytes.resize(static_cast<std::size_t>(bytes));
}

int exif_orientation(const std::uint8_t* exif, std::size_t size) {
  constexpr std::size_t kEntryBytes = 12;
  constexpr unsigned kOrientationTag = 0x0112;
  constexpr unsigned kShort = 3;
  if (size < 8) return 1;
  const bool big_endian = exif[0] == 'M';
  const unsigned char order = big_endian ? 'M' : 'I';
  if (exif[0] != order || exif[1] != order) return 1;
  const auto number = [&](std::size_t at, std::size_t bytes) {
    std::size_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
      value = value << 8 | exif[at + (big_endian ? i : bytes - 1 - i)];
    }
    return value;
  };
  if (number(2, 2) != 42) return 1;
  // The first directory: how many entries, then each with its tag, type, count
  // and value.
  const std::size_t directory = number(4, 4);
  if (directory > size - 2) return 1;
  const std::size_t entries =
      std::min(number(directory, 2), (size - 2 - directory) / kEntryBytes);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + i * kEntryBytes;
    if (number(entry, 2) != kOrientationTag) continue;
    const std::size_t value = number(entry + 8, 2);
    const bool known = number(entry + 2, 2) == kShort &&
                       number(entry + 4, 4) == 1 && value >= 1 && value <= 8;
    return known ? static_cast<int>(value) : 1;
  }
  return 1;
}

void resample(const std::uint8_t* from,
              Index from_step,
              const Extent& from_size,
              std::uint8_t* to,
              const Extent& to_size) {
  const Axis columns = make_axis(from_size.width, to_size.width);
  const Axis rows = make_axis(from_size.height, to_size.height);
  const auto width = static_cast<std::size_t>(to_size.width);
  // Rows with their new width. Each new row takes old ones that follow each
  // other, and begins with the last or the last but one of those before: of
  // two, the right one is there already.
  std::array<std::vector<std::uint64_t>, 2> cache;
  std::array<Index, 2> cached = {-1, -1};
  const auto narrowed = [&](Index y) -> const std::vector<std::uint64_t>& {
    const auto slot = static_cast<std::size_t>(y % 2);
    if (cached[slot] == y) return cache[slot];
    cached[slot] = y;
    cache[slot].assign(width, 0);
    for (std::size_t x = 0; x < width; ++x) {
      const Taps& taps = columns.taps[x];
      const std::uint8_t* const old = from + y * from_step + taps.first;
      for (Index j = 0; j < taps.count; ++j) {
        cache[slot][x] +=
            columns.weights[taps.weights + static_cast<std::size_t>(j)] *
            old[j];
      }
    }
    return cache[slot];
  };

  const std::uint64_t total = columns.total * rows.total;
  std::vector<std::uint64_t> sums(width);
  for (const Taps& taps : rows.taps) {
    std::fill(sums.begin(), sums.end(), 0);
    for (Index j = 0; j < taps.count; ++j) {
      const std::uint64_t weight =
          rows.weights[taps.weights + static_cast<std::size_t>(j)];
      const std::vector<std::uint64_t>& row = narrowed(taps.first + j);
      for (std::size_t x = 0; x < width; ++x) sums[x] += weight * row[x];
    }
    for (const std::uint64_t sum : sums) {
      *to++ = static_cast<std::uint8_t>((sum + total / 2) / total);
    }
  }
}

}  // namespace nn::internal
