#include "nn/data/picture.h"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "data/pixels.h"
#include "files/byte_source.h"
#include "files/defect.h"
#include "files/file_kind.h"
#include "nn/check.h"

namespace nn {
namespace {

using internal::Pixels;
using internal::throw_defect;

constexpr unsigned kFull = 255;

void check_options(const PictureOptions& options) {
  const auto [height, width] =
      std::pair(options.size.height, options.size.width);
  const bool none = height == 0 && width == 0;
  check_argument(none || (height >= 1 && height <= internal::kMaxResized &&
                          width >= 1 && width <= internal::kMaxResized),
                 "[load_picture] expected a size of 0x0 or in 1 .. 65535, got ",
                 options.size);
  check_argument(options.limits.max_expansion >= 1 &&
                     options.limits.max_content_bytes >= 1,
                 "[load_picture] expected limits of at least 1, got 0");
}

/// The share that red, green and blue have in gray, in units of 2^-16.
std::uint8_t gray_of(const std::uint8_t* rgb) {
  constexpr unsigned kRed = 19595;
  constexpr unsigned kGreen = 38470;
  constexpr unsigned kBlue = 7471;
  constexpr unsigned kHalf = 1U << 15;
  return static_cast<std::uint8_t>(
      (kRed * rgb[0] + kGreen * rgb[1] + kBlue * rgb[2] + kHalf) >> 16);
}

std::uint8_t blend(unsigned front, unsigned behind, unsigned opacity) {
  return static_cast<std::uint8_t>(
      (front * opacity + behind * (kFull - opacity) + kFull / 2) / kFull);
}

/// Brings a row into `channels` channels, 1 or 3, that are opaque.
void convert_row(const Pixels& pixels,
                 Index y,
                 const std::array<std::uint8_t, 3>& background,
                 Index channels,
                 std::uint8_t* to) {
  const bool has_color = pixels.channels >= 3;
  const bool has_opacity = pixels.channels % 2 == 0;
  const std::uint8_t behind = gray_of(background.data());
  const std::uint8_t* from = pixels.row(y);
  for (Index x = 0; x < pixels.width; ++x, from += pixels.channels) {
    std::array<std::uint8_t, 3> color = {from[0], from[0], from[0]};
    if (has_color) color = {from[0], from[1], from[2]};
    if (has_opacity) {
      const std::uint8_t opacity = from[pixels.channels - 1];
      for (std::size_t k = 0; k < 3; ++k) {
        const bool gray = !has_color && channels == 1;
        color[k] = blend(color[k], gray ? behind : background[k], opacity);
      }
    }
    if (channels == 3) {
      to = std::copy(color.begin(), color.end(), to);
    } else {
      *to++ = has_color ? gray_of(color.data()) : color[0];
    }
  }
}

bool is_opaque(const Pixels& pixels) {
  if (pixels.channels % 2 != 0) return true;
  for (std::size_t i = static_cast<std::size_t>(pixels.channels) - 1;
       i < pixels.bytes.size();
       i += static_cast<std::size_t>(pixels.channels)) {
    if (pixels.bytes[i] != kFull) return false;
  }
  return true;
}

/// Upright, channel by channel.
Picture arrange(const Pixels& pixels, const PictureOptions& options) {
  const bool has_color = pixels.channels >= 3;
  const bool wants_color =
      options.color == PictureColor::kRgb ||
      (options.color == PictureColor::kAsItIs && has_color);
  const Index channels = wants_color ? 3 : 1;
  // What turns and mirrors a picture: rows from below, columns from the right,
  // and rows for columns in the end.
  const int turn = options.apply_orientation ? pixels.orientation : 1;
  const bool from_below = turn == 3 || turn == 4 || turn == 6 || turn == 7;
  const bool from_right = turn == 2 || turn == 3 || turn == 7 || turn == 8;
  const bool exchanged = turn >= 5;

  const Index height = exchanged ? pixels.width : pixels.height;
  const Index width = exchanged ? pixels.height : pixels.width;
  const Index area = height * width;
  Picture picture;
  picture.shape = Shape{channels, height, width};
  picture.pixels.resize(static_cast<std::size_t>(channels * area));
  std::vector<std::uint8_t> row(
      static_cast<std::size_t>(pixels.width * channels));
  for (Index y = 0; y < pixels.height; ++y) {
    convert_row(pixels, y, options.background, channels, row.data());
    const std::uint8_t* from = row.data();
    const Index a = from_below ? pixels.height - 1 - y : y;
    for (Index x = 0; x < pixels.width; ++x) {
      const Index b = from_right ? pixels.width - 1 - x : x;
      std::uint8_t* to =
          picture.pixels.data() + (exchanged ? b * width + a : a * width + b);
      for (Index c = 0; c < channels; ++c) to[c * area] = *from++;
    }
  }
  return picture;
}

/// The largest size of the proportions of `wanted` within `size`.
Extent largest_within(const Extent& size, const Extent& wanted) {
  Extent part = size;
  if (size.width * wanted.height > size.height * wanted.width) {
    part.width = std::max<Index>(
        1,
        (2 * size.height * wanted.width + wanted.height) / (2 * wanted.height));
  } else {
    part.height = std::max<Index>(
        1,
        (2 * size.width * wanted.height + wanted.width) / (2 * wanted.width));
  }
  return {std::min(part.height, size.height), std::min(part.width, size.width)};
}

Picture resize(Picture picture, const PictureOptions& options) {
  const Extent size(picture.shape.height, picture.shape.width);
  const Extent& wanted = options.size;
  if (wanted == Extent(0) || wanted == size) return picture;
  if (options.fit == PictureFit::kRefuse) {
    throw_defect("expected a picture of ",
                 wanted,
                 " pixels, found ",
                 size,
                 "; PictureOptions::fit may resize it");
  }
  const Extent part =
      options.fit == PictureFit::kCrop ? largest_within(size, wanted) : size;
  const Index first = (size.height - part.height) / 2 * size.width +
                      (size.width - part.width) / 2;
  Picture result;
  result.shape = Shape{picture.shape.channels, wanted.height, wanted.width};
  result.pixels.resize(static_cast<std::size_t>(result.shape.features()));
  for (Index c = 0; c < picture.shape.channels; ++c) {
    internal::resample(
        picture.pixels.data() + c * size.height * size.width + first,
        size.width,
        part,
        result.pixels.data() + c * wanted.height * wanted.width,
        wanted);
  }
  return result;
}

Picture decode(std::string_view file, const PictureOptions& options) {
  const Pixels pixels =
      internal::is_png(file)
          ? internal::decode_png(file, options.limits)
          : internal::decode_jpeg(file, options.color, options.limits);
  if (options.refuse_transparent && !is_opaque(pixels)) {
    throw_defect(
        "expected an opaque picture, found transparent pixels; "
        "PictureOptions::refuse_transparent says so");
  }
  return resize(arrange(pixels, options), options);
}

Picture load(internal::ByteSource source, const PictureOptions& options) {
  check_options(options);
  const std::uint64_t limit = options.limits.max_content_bytes;
  const auto refuse = [&source](const auto&... parts) {
    throw std::runtime_error(concat(source.name(), ": ", parts...));
  };
  const std::string head = source.read(
      0,
      std::min<std::uint64_t>(source.size_bytes(internal::kFileKindBytes),
                              internal::kFileKindBytes));
  if (!internal::is_png(head) && !internal::is_jpeg(head)) {
    const std::string kind = internal::file_kind(head);
    refuse("expected a PNG or JPEG picture, found ",
           kind.empty() ? "an unknown format" : kind);
  }
  const std::uint64_t size = source.size_bytes(limit + 1);
  if (size > limit) {
    refuse("expected a picture of at most ",
           limit,
           " bytes (PictureLimits::max_content_bytes), found ",
           source.is_stream() ? "more" : concat(size));
  }
  const std::string file = source.read(0, size);
  try {
    return decode(file, options);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(concat(source.name(), ": ", error.what()));
  }
}

}  // namespace

Picture load_picture(const std::string& path, const PictureOptions& options) {
  return load(internal::ByteSource(path), options);
}

Picture load_picture(const MemoryFile& file, const PictureOptions& options) {
  return load(internal::ByteSource(file), options);
}

}  // namespace nn
