#include "data/pixels.h"
#include "files/defect.h"

#ifdef NN_HAVE_JPEG
#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <new>
#include <optional>
// After <cstdio>, which it does not include itself.
#include <jpeglib.h>
// After jpeglib.h.
#include <jerror.h>
#endif

namespace nn::internal {

bool is_jpeg(std::string_view file) {
  return file.substr(0, 3) == "\xff\xd8\xff";
}

#ifdef NN_HAVE_JPEG
namespace {

static_assert(BITS_IN_JSAMPLE == 8, "libjpeg must have samples of 8 bits");

/// A progressive picture is improved by one scan after another, each of which
/// may be tiny and takes the time of the whole picture.
constexpr int kMaxScans = 200;

/// As libpng, libjpeg leaves by longjmp() what goes wrong: see PngReader.
class JpegReader {
 public:
  explicit JpegReader(std::string_view file) : file_(file) {
    info_.err = jpeg_std_error(&errors_);
    info_.client_data = this;
    errors_.error_exit = &on_error;
    errors_.emit_message = &on_message;
    errors_.output_message = [](j_common_ptr) {};
    progress_.progress_monitor = &on_progress;
  }
  // One that was never created is all zeros, and destroyed by doing nothing.
  ~JpegReader() { jpeg_destroy_decompress(&info_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  Pixels read(PictureColor color, const PictureLimits& limits) {
    Pixels pixels;
    check(read_header(color));
    pixels.height = static_cast<Index>(info_.image_height);
    pixels.width = static_cast<Index>(info_.image_width);
    pixels.channels = info_.num_components;
    // In all its components, which libjpeg may keep.
    allocate(pixels, file_.size(), limits);
    pixels.channels = info_.out_color_space == JCS_GRAYSCALE ? 1 : 3;
    pixels.bytes.resize(static_cast<std::size_t>(pixels.height * pixels.width *
                                                 pixels.channels));
    if (info_.out_color_space == JCS_CMYK) {
      inks_.resize(static_cast<std::size_t>(pixels.width * 4));
    }
    check(read_rows(pixels));
    pixels.orientation = orientation_.value_or(1);
    return pixels;
  }

 private:
  void check(bool good) const {
    if (out_of_memory_) throw std::bad_alloc();
    if (!good) throw_defect("the JPEG cannot be decoded: ", message_.data());
  }

  bool read_header(PictureColor color) {
    if (setjmp(back_) != 0) return false;
    jpeg_create_decompress(&info_);
    info_.progress = &progress_;
    jpeg_mem_src(
        &info_,
        reinterpret_cast<unsigned char*>(const_cast<char*>(file_.data())),
        static_cast<unsigned long>(file_.size()));
    jpeg_set_marker_processor(&info_, JPEG_APP0 + 1, &on_app1);
    jpeg_read_header(&info_, TRUE);
    switch (info_.jpeg_color_space) {
      case JCS_GRAYSCALE:
        info_.out_color_space = JCS_GRAYSCALE;
        break;
      case JCS_YCbCr:
        info_.out_color_space =
            color == PictureColor::kGray ? JCS_GRAYSCALE : JCS_RGB;
        break;
      case JCS_RGB:
        info_.out_color_space = JCS_RGB;
        break;
      case JCS_CMYK:
      case JCS_YCCK:
        info_.out_color_space = JCS_CMYK;
        break;
      default:
        return fail("components of an unknown colour space");
    }
    return true;
  }

  /// Takes the orientation out of the first EXIF data. A marker that libjpeg
  /// keeps may need many times the memory that it has in the file.
  static boolean on_app1(j_decompress_ptr info) {
    constexpr std::string_view kExif("Exif\0\0", 6);
    auto& self = *static_cast<JpegReader*>(info->client_data);
    // The source holds the whole rest of the file.
    jpeg_source_mgr& source = *info->src;
    const JOCTET* const bytes = source.next_input_byte;
    constexpr std::size_t kLengthBytes = 2;
    if (source.bytes_in_buffer < kLengthBytes) ERREXIT(info, JERR_INPUT_EOF);
    const std::size_t length = std::size_t{bytes[0]} << 8 | bytes[1];
    if (length < kLengthBytes) ERREXIT(info, JERR_BAD_LENGTH);
    if (source.bytes_in_buffer < length) ERREXIT(info, JERR_INPUT_EOF);
    const std::string_view content(
        reinterpret_cast<const char*>(bytes) + kLengthBytes,
        length - kLengthBytes);
    if (!self.orientation_ && content.substr(0, kExif.size()) == kExif) {
      const std::size_t before = kLengthBytes + kExif.size();
      self.orientation_ = exif_orientation(bytes + before, length - before);
    }
    source.next_input_byte += length;
    source.bytes_in_buffer -= length;
    return TRUE;
  }

  bool read_rows(Pixels& pixels) {
    if (setjmp(back_) != 0) return false;
    jpeg_start_decompress(&info_);
    while (info_.output_scanline < info_.output_height) {
      std::uint8_t* const to =
          pixels.row(static_cast<Index>(info_.output_scanline));
      JSAMPROW row = inks_.empty() ? to : inks_.data();
      jpeg_read_scanlines(&info_, &row, 1);
      if (!inks_.empty()) inks_to_rgb(to);
    }
    jpeg_finish_decompress(&info_);
    return true;
  }

  /// Inverted inks are shares of light: each colour is weakened by black.
  void inks_to_rgb(std::uint8_t* to) const {
    constexpr unsigned kFull = 255;
    for (std::size_t i = 0; i < inks_.size(); i += 4) {
      for (std::size_t k = 0; k < 3; ++k) {
        *to++ = static_cast<std::uint8_t>(
            (unsigned{inks_[i + k]} * inks_[i + 3] + kFull / 2) / kFull);
      }
    }
  }

  bool fail(const char* message) {
    std::strncpy(message_.data(), message, message_.size() - 1);
    return false;
  }

  [[noreturn]] static void on_error(j_common_ptr info) {
    auto& self = *static_cast<JpegReader*>(info->client_data);
    info->err->format_message(info, self.message_.data());
    self.out_of_memory_ = info->err->msg_code == JERR_OUT_OF_MEMORY;
    std::longjmp(self.back_, 1);
  }

  /// A level below 0 is a warning of damaged data, after which libjpeg would go
  /// on with gray or with noise. Some are of what harms no pixel, such as zeros
  /// where a sequential picture has to say that a scan holds all coefficients.
  static void on_message(j_common_ptr info, int level) {
    const int code = info->err->msg_code;
    if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_ADOBE_XFORM &&
        code != JWRN_JFIF_MAJOR && code != JWRN_NOT_SEQUENTIAL) {
      on_error(info);
    }
  }

  static void on_progress(j_common_ptr info) {
    auto& self = *static_cast<JpegReader*>(info->client_data);
    if (self.info_.input_scan_number > kMaxScans) {
      self.fail("it has more than 200 scans");
      std::longjmp(self.back_, 1);
    }
  }

  std::string_view file_;
  jpeg_decompress_struct info_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf back_{};
  std::optional<int> orientation_;
  bool out_of_memory_ = false;
  std::vector<std::uint8_t> inks_;  ///< a row of them, where there are
  std::array<char, JMSG_LENGTH_MAX> message_{};  ///< ends in a zero
};

}  // namespace

Pixels decode_jpeg(std::string_view file,
                   PictureColor color,
                   const PictureLimits& limits) {
  return JpegReader(file).read(color, limits);
}

#else

Pixels decode_jpeg(std::string_view, PictureColor, const PictureLimits&) {
  throw_defect("a JPEG picture, but libnn was built without libjpeg");
}

#endif

}  // namespace nn::internal
