#ifndef NN_TESTS_SUPPORT_PICTURES_H_
#define NN_TESTS_SUPPORT_PICTURES_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace nn_test {

///@{
/// Whether this program can write such pictures (the libraries were found).
bool can_png();
bool can_jpeg();
///@}

/// A PNG file to be written.
struct Png {
  int height = 1;
  int width = 1;
  int color_type = 0;  ///< PNG's: 0 gray, 2 RGB, 3 palette, 4 gray + alpha, 6
  int bit_depth = 8;
  bool interlaced = false;
  /// Rows of packed samples as the file has them, those of 16 bits big-endian.
  std::string samples;
  std::vector<std::array<std::uint8_t, 3>> palette = {};
  /// Of the palette's first colours.
  std::vector<std::uint8_t> palette_alpha = {};
  /// The one colour that is transparent, if any: gray alone, or three.
  std::vector<int> transparent = {};
  std::string exif = {};
};

/// The bytes of a row of samples.
int row_bytes(const Png& png);

/// A JPEG file to be written.
struct Jpeg {
  int height = 1;
  int width = 1;
  /// Of the samples: 1 gray, 3 RGB, 4 CMYK, and 2 of no known colours.
  int components = 1;
  std::string samples;  ///< row by row, the components side by side
  /// Whether the components are mixed (YCbCr, YCCK) or stored as they are.
  bool mixed = true;
  bool progressive = false;
  bool arithmetic = false;
  int sampling = 1;  ///< 2: colours have half the size
  int quality = 80;
  int restart_rows = 0;
  /// Progressive, with a scan for each bit of each coefficient.
  bool many_scans = false;
  std::string app1 = {};
};

///@{
/// The file. Throws std::runtime_error without the library.
std::string png_bytes(const Png& png);
std::string jpeg_bytes(const Jpeg& jpeg);
///@}

/// What libpng's simplified interface decodes a file to, in 8 bits and as many
/// channels: 1 gray, 2 gray and alpha, 3 RGB, 4 RGBA.
std::string decoded_by_libpng(const std::string& file, int channels);

/// What libjpeg decodes a file to, with the settings of its own tools: row by
/// row, with 1 (gray), 3 (RGB) or 4 (inks) components a pixel.
std::string decoded_by_libjpeg(const std::string& file, int components);

/// A PNG file with one chunk more, before the first one that is called
/// `before`.
std::string with_png_chunk(std::string file,
                           const std::string& before,
                           const std::string& name,
                           const std::string& data);

/// What a chunk holds that is compressed.
std::string deflated(const std::string& text);

/// A JPEG file with one segment more, in front of all others.
std::string with_jpeg_segment(std::string file,
                              int marker,
                              const std::string& data);

/// A PNG file with other sizes in its header, whose checksum is right.
std::string with_png_size(std::string file,
                          std::uint32_t height,
                          std::uint32_t width);

/// EXIF data that hold one orientation, in either byte order, as a PNG has
/// them.
std::string exif_bytes(int orientation, bool big_endian = false);

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_PICTURES_H_
