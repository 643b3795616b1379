#include "data/pixels.h"
#include "files/defect.h"

#ifdef NN_HAVE_PNG
#include <png.h>

#include <array>
#include <csetjmp>
#include <cstring>
#endif

namespace nn::internal {

bool is_png(std::string_view file) {
  return file.substr(0, 8) == "\x89PNG\r\n\x1a\n";
}

#ifdef NN_HAVE_PNG
namespace {

/// libpng leaves by longjmp() what goes wrong. So what calls it has no variable
/// with a destructor, and returns whether it came to its end: memory is cut and
/// exceptions are thrown between such calls.
class PngReader {
 public:
  explicit PngReader(std::string_view file) : left_(file) {
    png_ = png_create_read_struct(
        PNG_LIBPNG_VER_STRING, this, &on_error, &on_warning);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      throw_defect("libpng cannot start to decode: ", message_.data());
    }
  }
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  Pixels read(const PictureLimits& limits) {
    const std::size_t file_bytes = left_.size();
    Pixels pixels;
    check(read_header(pixels));
    allocate(pixels, file_bytes, limits);
    check(read_rows(pixels));
    return pixels;
  }

 private:
  void check(bool good) const {
    if (!good) throw_defect("the PNG data are damaged: ", message_.data());
  }

  bool read_header(Pixels& pixels) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_read_fn(png_, this, &on_read);
    // What libpng could go on after is an error too. What is not looked at,
    // such as texts and profiles, is not unpacked.
    png_set_benign_errors(png_, 0);
    png_set_crc_action(png_, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
#ifdef PNG_HANDLE_AS_UNKNOWN_SUPPORTED
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
#endif
#ifdef PNG_READ_USER_CHUNKS_SUPPORTED
    png_set_read_user_chunk_fn(png_, this, &on_chunk);
#endif
    png_read_info(png_, info_);
    const int color = png_get_color_type(png_, info_);
    const int bits = png_get_bit_depth(png_, info_);
    if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png_);
    if (color == PNG_COLOR_TYPE_GRAY && bits < 8) {
      png_set_expand_gray_1_2_4_to_8(png_);
    }
    if (png_get_valid(png_, info_, PNG_INFO_tRNS) != 0) {
      png_set_tRNS_to_alpha(png_);
    }
    if (bits == 16) png_set_scale_16(png_);
    passes_ = png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    pixels.height = static_cast<Index>(png_get_image_height(png_, info_));
    pixels.width = static_cast<Index>(png_get_image_width(png_, info_));
    pixels.channels = png_get_channels(png_, info_);
    // Rows are written to memory that is cut by these numbers.
    if (png_get_rowbytes(png_, info_) !=
        static_cast<std::size_t>(pixels.width * pixels.channels)) {
      png_error(png_, "rows of an unexpected size");
    }
    return true;
  }

  bool read_rows(Pixels& pixels) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    for (int pass = 0; pass < passes_; ++pass) {
      for (Index y = 0; y < pixels.height; ++y) {
        png_read_row(png_, pixels.row(y), nullptr);
      }
    }
    png_read_end(png_, info_);
    pixels.orientation = orientation_;
    return true;
  }

  static void on_read(png_structp png, png_bytep bytes, std::size_t count) {
    auto& self = *static_cast<PngReader*>(png_get_io_ptr(png));
    if (count > self.left_.size()) png_error(png, "the file ends too early");
    std::memcpy(bytes, self.left_.data(), count);
    self.left_.remove_prefix(count);
  }

  /// Here and not by libpng, which refuses a file with EXIF data at its begin
  /// and end, as it writes them itself.
  static int on_chunk(png_structp png, png_unknown_chunkp chunk) {
    auto& self = *static_cast<PngReader*>(png_get_user_chunk_ptr(png));
    if (std::memcmp(chunk->name, "eXIf", 4) != 0) return 0;
    self.orientation_ = exif_orientation(chunk->data, chunk->size);
    return 1;
  }

  [[noreturn]] static void on_error(png_structp png, png_const_charp message) {
    auto& self = *static_cast<PngReader*>(png_get_error_ptr(png));
    std::strncpy(self.message_.data(), message, self.message_.size() - 1);
    png_longjmp(png, 1);
  }
  static void on_warning(png_structp, png_const_charp) {}

  std::string_view left_;  ///< what is still to be read
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  int passes_ = 1;
  int orientation_ = 1;
  std::array<char, 200> message_{};  ///< ends in a zero
};

}  // namespace

Pixels decode_png(std::string_view file, const PictureLimits& limits) {
  return PngReader(file).read(limits);
}

#else

Pixels decode_png(std::string_view, const PictureLimits&) {
  throw_defect("a PNG picture, but libnn was built without libpng");
}

#endif

}  // namespace nn::internal
