#include <stdexcept>
#include <string>

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#include <stb_image_write.h>

#include "plot/render.h"

namespace plot {
namespace {

void append(void* context, void* data, int size) {
  static_cast<std::string*>(context)->append(static_cast<const char*>(data),
                                             static_cast<std::size_t>(size));
}

}  // namespace

std::string encode_png(const Pixels& pixels) {
  const auto size = static_cast<std::size_t>(pixels.width) *
                    static_cast<std::size_t>(pixels.height) * 3;
  if (pixels.width < 1 || pixels.height < 1 || pixels.rgb.size() != size) {
    throw std::invalid_argument(
        "[encode_png] expected width * height * 3 bytes, got " +
        std::to_string(pixels.rgb.size()) + " for " +
        std::to_string(pixels.width) + "x" + std::to_string(pixels.height));
  }
  // Figures are flat: to try five filters a row makes them no smaller.
  stbi_write_force_png_filter = 0;
  std::string out;
  if (stbi_write_png_to_func(append,
                             &out,
                             pixels.width,
                             pixels.height,
                             3,
                             pixels.rgb.data(),
                             pixels.width * 3) == 0) {
    throw std::runtime_error("[encode_png] could not encode the image");
  }
  return out;
}

std::string base64(const std::string& bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group <<= 8;
      if (i + k < bytes.size()) {
        group |= static_cast<unsigned char>(bytes[i + k]);
      }
    }
    for (std::size_t k = 0; k < 4; ++k) {
      const bool used = k <= bytes.size() - i;
      out += used ? kDigits[(group >> (18 - 6 * k)) & 63U] : '=';
    }
  }
  return out;
}

}  // namespace plot
