#ifndef NN_DATA_PICTURE_H_
#define NN_DATA_PICTURE_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "nn/extent.h"
#include "nn/files/file.h"
#include "nn/shape.h"

namespace nn {

/// A picture in its bytes: channel by channel, and each channel row by row, as
/// nn::ImageSet has its images.
struct Picture {
  Shape shape;  ///< 1 channel if it is gray, 3 if it is red, green and blue
  std::vector<std::uint8_t> pixels;  ///< shape.features() levels, 255 is bright
};

/// The channels that are wanted.
enum class PictureColor {
  kAsItIs,  ///< 1 for a gray picture, 3 for a coloured one
  kGray,    ///< 1: 0.299 red + 0.587 green + 0.114 blue, as JPEG has it
  kRgb      ///< 3: of a gray picture thrice the same
};

/// What becomes of a picture of another size than the one that is wanted.
enum class PictureFit {
  kRefuse,   ///< an error
  kStretch,  ///< both directions are resized, each by its own factor
  kCrop      ///< the largest middle part of the wanted proportions is resized
};

/// What reading takes from a file before it takes the picture for damaged: a
/// header may claim any size.
struct PictureLimits {
  /// The largest picture, as width x height x channels, and the largest file.
  std::uint64_t max_content_bytes = std::uint64_t{1} << 29;
  /// How many times the size of its file a picture may have, if that is more
  /// than 16 MiB; at least 1. Photographs reach 30; a page of one colour can
  /// reach 1000.
  std::uint64_t max_expansion = 256;
};

/// How a picture is read.
struct PictureOptions {
  /// The channels.
  PictureColor color = PictureColor::kAsItIs;
  /// Height and width; 0 x 0 are those of the picture.
  Extent size = 0;
  /// What is done where `size` is another than the picture's. Each direction
  /// that becomes smaller is averaged over the area of each new pixel, which
  /// leaves no artefacts; each that becomes larger is interpolated linearly
  /// between the centres of pixels. Results are rounded once, to the nearest.
  PictureFit fit = PictureFit::kRefuse;
  /// Red, green and blue of what shows through a transparent pixel: white. In a
  /// gray picture it is their gray.
  std::array<std::uint8_t, 3> background = {255, 255, 255};
  /// Whether a picture with a pixel that is not opaque is an error instead.
  bool refuse_transparent = false;
  /// Whether a picture is turned and mirrored as its EXIF data says, which
  /// cameras write in place of turning pixels.
  bool apply_orientation = true;
  /// What a file may claim.
  PictureLimits limits;
};

/// Reads a PNG or JPEG picture, which of both is told by its content.
///
/// - PNG of every kind: gray, coloured and with a palette, 1 to 16 bits,
///   interlaced or not. 16 bits are rounded to 8. Of an animation it is the
///   first picture.
/// - JPEG, progressive too: gray, coloured, and with four inks (CMYK, YCCK),
///   which are inverted as Adobe writes them, and become red, green and blue by
///   multiplication with black, as libjpeg-turbo's djpeg does. kGray takes the
///   luminance that the file has.
/// - Levels are those of the file: profiles and gamma are not applied.
///   Transparency is linear in them.
///
/// Throws std::runtime_error with path, what was expected and what was found:
/// another kind of file, damaged or cut off data, what the libraries do not
/// decode (JPEG of 12 bits), more than the limits allow, another size where
/// PictureOptions::fit refuses it, transparency where it is refused, or a PNG
/// in a build without libpng or a JPEG in one without libjpeg. Throws
/// std::invalid_argument unless the wanted size is 0 x 0 or in 1 .. 65535, and
/// the limits are at least 1.
Picture load_picture(const std::string& path,
                     const PictureOptions& options = {});
/// The same from memory.
Picture load_picture(const MemoryFile& file,
                     const PictureOptions& options = {});

}  // namespace nn

#endif  // NN_DATA_PICTURE_H_
