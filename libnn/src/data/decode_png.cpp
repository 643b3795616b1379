#include "data/pixels.h"
#include "files/defect.h"

#ifdef NN_HAVE_PNG
#include <png.h>

#include <array>
#include <csetjmp>
#include <cstdlib>
#include <cstring>
#include <new>
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
    png_ = png_create_read_struct_2(PNG_LIBPNG_VER_STRING,
                                    this,
                                    &on_error,
                                    &on_warning,
                                    this,
                                    &on_malloc,
                                    &on_free);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      check(false);
    }
  }
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  Pixels read(const PictureLimits& limits) {
    const std::size_t file_bytes = left_.size();
    Pixels pixels;
    check(read_header(pixels));
    // Before libpng cuts memory for a row.
    allocate(pixels, file_bytes, limits);
    check(read_rows(pixels));
    pixels.orientation = orientation();
    return pixels;
  }

 private:
  void check(bool good) const {
    // Without memory for EXIF data libpng goes on without them.
    if (out_of_memory_) throw std::bad_alloc();
    if (!good) throw_defect("the PNG cannot be decoded: ", message_.data());
  }

  bool read_header(Pixels& pixels) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_read_fn(png_, this, &on_read);
    // What libpng could go on after is an error too.
    png_set_benign_errors(png_, 0);
    png_set_crc_action(png_, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    // allocate() limits the sizes, and the file what it holds beside pixels.
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_chunk_malloc_max(png_, left_.size());
    // Some writers claim a smaller window than they have compressed with.
    png_set_option(png_, PNG_MAXIMUM_INFLATE_WINDOW, PNG_OPTION_ON);
    // Texts, profiles and all else that no pixel depends on is neither kept nor
    // unpacked. EXIF data are taken as they are: libpng refuses a file that has
    // them at its begin and end, as it writes them itself.
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    png_set_keep_unknown_chunks(png_,
                                PNG_HANDLE_CHUNK_ALWAYS,
                                reinterpret_cast<png_const_bytep>("eXIf"),
                                1);
    png_read_info(png_, info_);
    const int color = png_get_color_type(png_, info_);
    const int bits = png_get_bit_depth(png_, info_);
    const bool has_key = png_get_valid(png_, info_, PNG_INFO_tRNS) != 0;
    if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png_);
    if (color == PNG_COLOR_TYPE_GRAY && bits < 8) {
      png_set_expand_gray_1_2_4_to_8(png_);
    }
    if (has_key) png_set_tRNS_to_alpha(png_);
    if (bits == 16) png_set_scale_16(png_);
    passes_ = png_set_interlace_handling(png_);
    pixels.height = static_cast<Index>(png_get_image_height(png_, info_));
    pixels.width = static_cast<Index>(png_get_image_width(png_, info_));
    pixels.channels = (color & PNG_COLOR_MASK_COLOR) != 0 ? 3 : 1;
    if ((color & PNG_COLOR_MASK_ALPHA) != 0 || has_key) ++pixels.channels;
    return true;
  }

  bool read_rows(Pixels& pixels) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_read_update_info(png_, info_);
    // Memory is cut by these numbers.
    if (png_get_rowbytes(png_, info_) !=
        static_cast<std::size_t>(pixels.width * pixels.channels)) {
      png_error(png_, "rows of an unexpected size");
    }
    for (int pass = 0; pass < passes_; ++pass) {
      for (Index y = 0; y < pixels.height; ++y) {
        png_read_row(png_, pixels.row(y), nullptr);
      }
    }
    png_read_end(png_, info_);
    return true;
  }

  /// Of the first EXIF data, which alone are kept.
  int orientation() const {
    png_unknown_chunkp chunks = nullptr;
    const int count = png_get_unknown_chunks(png_, info_, &chunks);
    return count > 0 ? exif_orientation(chunks->data, chunks->size) : 1;
  }

  static void on_read(png_structp png, png_bytep bytes, std::size_t count) {
    auto& self = *static_cast<PngReader*>(png_get_io_ptr(png));
    if (count > self.left_.size()) png_error(png, "the file ends too early");
    std::memcpy(bytes, self.left_.data(), count);
    self.left_.remove_prefix(count);
  }

  /// What libpng says of missing memory cannot be told from what it says of
  /// damaged data.
  static png_voidp on_malloc(png_structp png, png_alloc_size_t size) {
    void* const block = std::malloc(size);
    if (block == nullptr) {
      static_cast<PngReader*>(png_get_mem_ptr(png))->out_of_memory_ = true;
    }
    return block;
  }
  static void on_free(png_structp, png_voidp block) { std::free(block); }

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
  bool out_of_memory_ = false;
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
