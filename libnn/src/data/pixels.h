#ifndef NN_SRC_DATA_PIXELS_H_
#define NN_SRC_DATA_PIXELS_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "nn/data/picture.h"
#include "nn/types.h"

namespace nn::internal {

/// The largest height and width that a picture can get by resizing.
constexpr Index kMaxResized = 65535;

/// A picture as decoders give it: row by row, with the channels of a pixel side
/// by side.
struct Pixels {
  Index height = 0;
  Index width = 0;
  /// 1 gray, 2 gray and opacity, 3 red, green and blue, 4 these and opacity.
  Index channels = 0;
  std::vector<std::uint8_t> bytes;
  /// EXIF's: 1 is upright, and 2 to 8 turned or mirrored.
  int orientation = 1;

  std::uint8_t* row(Index y) { return bytes.data() + y * width * channels; }
  const std::uint8_t* row(Index y) const {
    return bytes.data() + y * width * channels;
  }
};

/// Cuts memory for a picture whose sizes stand there. Throws
/// std::runtime_error, without a path as all functions here, if they are more
/// than a file of `file_bytes` may claim.
void allocate(Pixels& pixels,
              std::size_t file_bytes,
              const PictureLimits& limits);

/// The orientation in EXIF data, which begin with the byte order, or 1.
int exif_orientation(const std::uint8_t* exif, std::size_t size);

/// Resizes one channel, as PictureOptions::fit says.
///
///   from   from_size.height rows, `from_step` bytes apart
///   to     to_size.height rows of to_size.width bytes
void resample(const std::uint8_t* from,
              Index from_step,
              const Extent& from_size,
              std::uint8_t* to,
              const Extent& to_size);

bool is_png(std::string_view file);
bool is_jpeg(std::string_view file);
/// Decode a whole file. `color` is what is wanted; gray may come in its place.
Pixels decode_png(std::string_view file, const PictureLimits& limits);
Pixels decode_jpeg(std::string_view file,
                   PictureColor color,
                   const PictureLimits& limits);

}  // namespace nn::internal

#endif  // NN_SRC_DATA_PIXELS_H_
