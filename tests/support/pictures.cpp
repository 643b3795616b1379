#include "support/pictures.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#ifdef NN_HAVE_PNG
#include <png.h>
#include <zlib.h>
#endif
#ifdef NN_HAVE_JPEG
// After <cstdio>, which it does not include itself.
#include <jpeglib.h>
#endif

namespace nn_test {
namespace {

std::string big_endian(std::uint32_t value, int bytes) {
  std::string text;
  for (int i = bytes; i-- > 0;) {
    text += static_cast<char>(value >> (8 * i) & 0xff);
  }
  return text;
}

}  // namespace

std::string exif_bytes(int orientation, bool big_endian_order) {
  const auto number = [&](int value, int bytes) {
    std::string text = big_endian(static_cast<std::uint32_t>(value), bytes);
    return big_endian_order ? text : std::string(text.rbegin(), text.rend());
  };
  // Two entries: the width of the picture, then the orientation.
  return (big_endian_order ? "MM" : "II") + number(42, 2) + number(8, 4) +
         number(2, 2) + number(0x0100, 2) + number(3, 2) + number(1, 4) +
         number(640, 2) + number(0, 2) + number(0x0112, 2) + number(3, 2) +
         number(1, 4) + number(orientation, 2) + number(0, 2) + number(0, 4);
}

std::string with_jpeg_segment(std::string file,
                              int marker,
                              const std::string& data) {
  const auto length = static_cast<std::uint32_t>(data.size() + 2);
  // Behind the mark of the begin.
  return file.insert(2,
                     "\xff" + std::string(1, static_cast<char>(marker)) +
                         big_endian(length, 2) + data);
}

int row_bytes(const Png& png) {
  constexpr int kChannels[] = {1, 0, 3, 1, 2, 0, 4};
  return (png.width * kChannels[png.color_type] * png.bit_depth + 7) / 8;
}

#ifdef NN_HAVE_PNG

namespace {

/// Of a chunk's name and content.
std::string checksum(const std::string& content) {
  return big_endian(static_cast<std::uint32_t>(
                        crc32(0,
                              reinterpret_cast<const Bytef*>(content.data()),
                              static_cast<uInt>(content.size()))),
                    4);
}

}  // namespace

bool can_png() {
  return true;
}

std::string png_bytes(const Png& png) {
  // What is wrong here ends the test, as the library's own handler does.
  png_structp writer =
      png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(writer);
  std::string file;
  png_set_write_fn(
      writer,
      &file,
      [](png_structp p, png_bytep bytes, std::size_t count) {
        static_cast<std::string*>(png_get_io_ptr(p))
            ->append(reinterpret_cast<const char*>(bytes), count);
      },
      nullptr);
  png_set_user_limits(writer, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_IHDR(writer,
               info,
               static_cast<png_uint_32>(png.width),
               static_cast<png_uint_32>(png.height),
               png.bit_depth,
               png.color_type,
               png.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  std::vector<png_color> palette;
  for (const auto& color : png.palette) {
    palette.push_back({color[0], color[1], color[2]});
  }
  if (!palette.empty()) {
    png_set_PLTE(
        writer, info, palette.data(), static_cast<int>(palette.size()));
  }
  if (!png.palette_alpha.empty()) {
    png_set_tRNS(writer,
                 info,
                 png.palette_alpha.data(),
                 static_cast<int>(png.palette_alpha.size()),
                 nullptr);
  }
  if (!png.transparent.empty()) {
    const auto level = [&](std::size_t i) {
      return static_cast<png_uint_16>(png.transparent[i]);
    };
    png_color_16 color{};
    color.gray = level(0);
    if (png.transparent.size() == 3) {
      color = {0, level(0), level(1), level(2), 0};
    }
    png_set_tRNS(writer, info, nullptr, 0, &color);
  }
  std::string exif = png.exif;
  if (!exif.empty()) {
    png_set_eXIf_1(writer,
                   info,
                   static_cast<png_uint_32>(exif.size()),
                   reinterpret_cast<png_bytep>(exif.data()));
  }
  png_write_info(writer, info);
  const int passes = png_set_interlace_handling(writer);
  for (int pass = 0; pass < passes; ++pass) {
    for (int y = 0; y < png.height; ++y) {
      png_write_row(writer,
                    reinterpret_cast<png_const_bytep>(png.samples.data()) +
                        y * row_bytes(png));
    }
  }
  png_write_end(writer, info);
  png_destroy_write_struct(&writer, &info);
  return file;
}

std::string decoded_by_libpng(const std::string& file, int channels) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_memory(&image, file.data(), file.size()) == 0) {
    throw std::runtime_error(image.message);
  }
  // Samples of 16 bits are read as those of 8 bits are.
  image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  constexpr png_uint_32 kFormats[] = {
      PNG_FORMAT_GRAY, PNG_FORMAT_GA, PNG_FORMAT_RGB, PNG_FORMAT_RGBA};
  image.format = kFormats[channels - 1];
  std::string pixels(PNG_IMAGE_SIZE(image), '\0');
  if (png_image_finish_read(&image, nullptr, pixels.data(), 0, nullptr) == 0) {
    throw std::runtime_error(image.message);
  }
  return pixels;
}

std::string with_png_size(std::string file,
                          std::uint32_t height,
                          std::uint32_t width) {
  // The signature has 8 bytes, the chunk's length and name 4 each, its content
  // 13.
  file.replace(16, 8, big_endian(width, 4) + big_endian(height, 4));
  file.replace(29, 4, checksum(file.substr(12, 17)));
  return file;
}

std::string with_png_chunk(std::string file,
                           const std::string& before,
                           const std::string& name,
                           const std::string& data) {
  // A chunk's name stands behind the 4 bytes of its length.
  const std::size_t at = file.find(before) - 4;
  return file.insert(at,
                     big_endian(static_cast<std::uint32_t>(data.size()), 4) +
                         name + data + checksum(name + data));
}

std::string deflated(const std::string& text) {
  uLongf size = compressBound(static_cast<uLong>(text.size()));
  std::string packed(size, '\0');
  compress(reinterpret_cast<Bytef*>(packed.data()),
           &size,
           reinterpret_cast<const Bytef*>(text.data()),
           static_cast<uLong>(text.size()));
  packed.resize(size);
  return packed;
}

#else

bool can_png() {
  return false;
}
std::string png_bytes(const Png&) {
  throw std::runtime_error("this program was built without libpng");
}
std::string decoded_by_libpng(const std::string&, int) {
  throw std::runtime_error("this program was built without libpng");
}
std::string with_png_size(std::string, std::uint32_t, std::uint32_t) {
  throw std::runtime_error("this program was built without libpng");
}
std::string with_png_chunk(std::string,
                           const std::string&,
                           const std::string&,
                           const std::string&) {
  throw std::runtime_error("this program was built without libpng");
}
std::string deflated(const std::string&) {
  throw std::runtime_error("this program was built without libpng");
}

#endif

#ifdef NN_HAVE_JPEG

bool can_jpeg() {
  return true;
}

std::string jpeg_bytes(const Jpeg& jpeg) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* bytes = nullptr;
  unsigned long count = 0;
  jpeg_mem_dest(&info, &bytes, &count);
  info.image_height = static_cast<JDIMENSION>(jpeg.height);
  info.image_width = static_cast<JDIMENSION>(jpeg.width);
  info.input_components = jpeg.components;
  info.in_color_space = jpeg.components == 1   ? JCS_GRAYSCALE
                        : jpeg.components == 2 ? JCS_UNKNOWN
                        : jpeg.components == 3 ? JCS_RGB
                                               : JCS_CMYK;
  jpeg_set_defaults(&info);
  if (jpeg.components == 3) {
    jpeg_set_colorspace(&info, jpeg.mixed ? JCS_YCbCr : JCS_RGB);
  } else if (jpeg.components == 4) {
    jpeg_set_colorspace(&info, jpeg.mixed ? JCS_YCCK : JCS_CMYK);
  }
  jpeg_set_quality(&info, jpeg.quality, TRUE);
  info.comp_info[0].h_samp_factor = jpeg.sampling;
  info.comp_info[0].v_samp_factor = jpeg.sampling;
  info.restart_in_rows = jpeg.restart_rows;
  info.arith_code = jpeg.arithmetic ? TRUE : FALSE;
  if (jpeg.progressive) jpeg_simple_progression(&info);
  std::vector<jpeg_scan_info> scans;
  if (jpeg.many_scans) {
    for (int bit = 3; bit >= 0; --bit) {
      for (int k = 0; k < 64; ++k) {
        scans.push_back({1, {0}, k, k, bit == 3 ? 0 : bit + 1, bit});
      }
    }
    info.scan_info = scans.data();
    info.num_scans = static_cast<int>(scans.size());
  }
  jpeg_start_compress(&info, TRUE);
  if (!jpeg.app1.empty()) {
    jpeg_write_marker(&info,
                      JPEG_APP0 + 1,
                      reinterpret_cast<const JOCTET*>(jpeg.app1.data()),
                      static_cast<unsigned>(jpeg.app1.size()));
  }
  std::string samples = jpeg.samples;
  while (info.next_scanline < info.image_height) {
    auto* row = reinterpret_cast<JSAMPLE*>(samples.data()) +
                info.next_scanline * info.image_width *
                    static_cast<unsigned>(jpeg.components);
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  const std::string file(reinterpret_cast<const char*>(bytes), count);
  std::free(bytes);
  return file;
}

std::string decoded_by_libjpeg(const std::string& file, int components) {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info,
               reinterpret_cast<unsigned char*>(const_cast<char*>(file.data())),
               static_cast<unsigned long>(file.size()));
  jpeg_read_header(&info, TRUE);
  info.out_color_space = components == 1   ? JCS_GRAYSCALE
                         : components == 3 ? JCS_RGB
                                           : JCS_CMYK;
  jpeg_start_decompress(&info);
  const std::size_t row_size =
      std::size_t{info.output_width} * static_cast<std::size_t>(components);
  std::string pixels(row_size * info.output_height, '\0');
  while (info.output_scanline < info.output_height) {
    auto* row = reinterpret_cast<JSAMPLE*>(pixels.data()) +
                info.output_scanline * row_size;
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return pixels;
}

#else

bool can_jpeg() {
  return false;
}
std::string jpeg_bytes(const Jpeg&) {
  throw std::runtime_error("this program was built without libjpeg");
}
std::string decoded_by_libjpeg(const std::string&, int) {
  throw std::runtime_error("this program was built without libjpeg");
}

#endif

}  // namespace nn_test
