#include <stdexcept>
#include <string>
#include <vector>

#include "data/pixels.h"
#include "nn/random.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/pictures.h"
#include "support/silence.h"

namespace {

using Catch::Matchers::ContainsSubstring;
using nn::Index;
using nn::internal::Pixels;
using nn_test::message_of;
using nn_test::Png;
using nn_test::png_bytes;

Pixels decode(const std::string& file) {
  return nn::internal::decode_png(file, {});
}

std::string text(const Pixels& pixels) {
  return std::string(pixels.bytes.begin(), pixels.bytes.end());
}

std::string complaint(const std::string& file) {
  return message_of<std::runtime_error>([&] { decode(file); });
}

std::string random_bytes(int count, nn::Rng& rng) {
  std::string bytes;
  for (int i = 0; i < count; ++i) bytes += static_cast<char>(rng.index(256));
  return bytes;
}

/// Every combination of colours and bits that there is.
std::vector<Png> all_kinds() {
  std::vector<Png> kinds;
  for (const int color_type : {0, 2, 3, 4, 6}) {
    for (const int bits : {1, 2, 4, 8, 16}) {
      const bool exists = color_type == 0   ? true
                          : color_type == 3 ? bits <= 8
                                            : bits >= 8;
      if (!exists) continue;
      Png png;
      png.color_type = color_type;
      png.bit_depth = bits;
      kinds.push_back(png);
    }
  }
  return kinds;
}

Png small_png() {
  Png png;
  png.height = 3;
  png.width = 4;
  png.samples = "abcdefghijkl";
  return png;
}

}  // namespace

TEST_CASE("every kind of PNG is decoded as libpng's own tool does", "[png]") {
  if (!nn_test::can_png()) return;
  nn::Rng rng(1);
  int decoded = 0;
  for (Png png : all_kinds()) {
    for (const bool interlaced : {false, true}) {
      for (const bool transparent : {false, true}) {
        for (const auto& [height, width] :
             {std::pair(1, 1), std::pair(5, 7), std::pair(9, 33)}) {
          png.height = height;
          png.width = width;
          png.interlaced = interlaced;
          png.samples = random_bytes(height * row_bytes(png), rng);
          png.palette.clear();
          png.palette_alpha.clear();
          png.transparent.clear();
          const int levels = 1 << std::min(png.bit_depth, 8);
          if (png.color_type == 3) {
            for (int i = 0; i < levels; ++i) {
              const std::string color = random_bytes(3, rng);
              png.palette.push_back({static_cast<std::uint8_t>(color[0]),
                                     static_cast<std::uint8_t>(color[1]),
                                     static_cast<std::uint8_t>(color[2])});
              if (transparent && i < levels / 2) {
                png.palette_alpha.push_back(
                    static_cast<std::uint8_t>(rng.index(256)));
              }
            }
          } else if (transparent && png.color_type == 0) {
            png.transparent = {1};
          } else if (transparent && png.color_type == 2) {
            const auto level = [&](std::size_t i) {
              const auto byte = [&](std::size_t k) {
                return int{static_cast<unsigned char>(png.samples[k])};
              };
              return png.bit_depth == 8 ? byte(i)
                                        : byte(2 * i) << 8 | byte(2 * i + 1);
            };
            // The first pixel's.
            png.transparent = {level(0), level(1), level(2)};
          } else if (transparent) {
            continue;
          }
          INFO("colour " << png.color_type << ", " << png.bit_depth
                         << " bits, interlaced " << interlaced
                         << ", transparent " << transparent);
          const std::string file = png_bytes(png);
          const Pixels pixels = decode(file);
          const bool color = (png.color_type & 2) != 0;
          const bool alpha = png.color_type >= 4 || transparent;
          REQUIRE(pixels.height == height);
          REQUIRE(pixels.width == width);
          REQUIRE(pixels.channels == (color ? 3 : 1) + (alpha ? 1 : 0));
          // libpng's simplified interface reads interlaced gray of 16 bits
          // wrongly; the same picture that is not interlaced it reads right.
          Png straight = png;
          straight.interlaced = false;
          const int channels = static_cast<int>(pixels.channels);
          REQUIRE((text(pixels) ==
                   nn_test::decoded_by_libpng(png_bytes(straight), channels)));
          if (png.bit_depth < 16) {
            REQUIRE(
                (text(pixels) == nn_test::decoded_by_libpng(file, channels)));
          }
          ++decoded;
        }
      }
    }
  }
  CHECK(decoded == 156);
}

TEST_CASE("the orientation in a PNG is read", "[png]") {
  if (!nn_test::can_png()) return;
  Png png = small_png();
  CHECK(decode(png_bytes(png)).orientation == 1);
  png.exif = nn_test::exif_bytes(6);
  CHECK(decode(png_bytes(png)).orientation == 6);
  png.exif = nn_test::exif_bytes(3, /*big_endian=*/true);
  CHECK(decode(png_bytes(png)).orientation == 3);
  CHECK(text(decode(png_bytes(png))) == png.samples);
}

TEST_CASE("a damaged PNG is refused", "[png][errors]") {
  if (!nn_test::can_png()) return;
  for (const bool interlaced : {false, true}) {
    Png png = small_png();
    png.interlaced = interlaced;
    const std::string good = png_bytes(png);
    REQUIRE(text(decode(good)) == png.samples);
    for (std::size_t length = 8; length < good.size(); ++length) {
      INFO(length);
      CHECK_THAT(complaint(good.substr(0, length)),
                 ContainsSubstring("the PNG data are damaged: "));
    }
    for (std::size_t i = 8; i < good.size(); ++i) {
      INFO(i);
      for (const int bit : {0x01, 0x20, 0x80}) {
        std::string changed = good;
        changed[i] = static_cast<char>(changed[i] ^ bit);
        CHECK_THAT(complaint(changed),
                   ContainsSubstring("the PNG data are damaged: "));
      }
    }
  }
  CHECK_THAT(complaint(png_bytes(small_png()).substr(0, 40)),
             ContainsSubstring("the file ends too early"));
}

TEST_CASE("a pixel of a colour that the palette has not is black", "[png]") {
  if (!nn_test::can_png()) return;
  Png png = small_png();
  png.height = 1;
  png.width = 2;
  png.color_type = 3;
  png.palette = {{1, 2, 3}, {4, 5, 6}};
  png.bit_depth = 4;
  png.samples = "\x1f";
  CHECK(text(decode(png_bytes(png))) == std::string("\4\5\6\0\0\0", 6));
}

TEST_CASE("a PNG that claims a gigabyte is refused before memory is cut",
          "[png][errors]") {
  if (!nn_test::can_png()) return;
  const std::string good = png_bytes(small_png());
  CHECK_THAT(complaint(nn_test::with_png_size(good, 30000, 40000)),
             ContainsSubstring("the header says 30000 x 40000 pixels of 1 "
                               "bytes, which is more than the 536870912"));
  CHECK_THAT(complaint(nn_test::with_png_size(good, 20000, 20000)),
             ContainsSubstring("more than 256 times"));
  CHECK_THAT(complaint(nn_test::with_png_size(good, 2000000000, 4)),
             ContainsSubstring("the PNG data are damaged"));
  CHECK_THAT(complaint(nn_test::with_png_size(good, 0, 4)),
             ContainsSubstring("the PNG data are damaged"));
  // Within the limits, but not there.
  CHECK_THAT(complaint(nn_test::with_png_size(good, 300, 300)),
             ContainsSubstring("the PNG data are damaged"));
}

TEST_CASE("libpng prints nothing", "[png][errors]") {
  if (!nn_test::can_png()) return;
  Png png = small_png();
  png.exif = nn_test::exif_bytes(6);
  const std::string good = png_bytes(png);
  CHECK(nn_test::printed_by([&] {
          CHECK(text(decode(good)) == png.samples);
          for (std::size_t i = 8; i < good.size(); ++i) {
            std::string changed = good;
            changed[i] = static_cast<char>(changed[i] ^ 1);
            complaint(changed);
          }
        }).empty());
}
