#include <algorithm>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "data/pixels.h"
#include "nn/check.h"
#include "nn/random.h"
#include "support/allocations.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/pictures.h"
#include "support/silence.h"

namespace {

using Catch::Matchers::ContainsSubstring;
using nn::concat;
using nn::Index;
using nn::internal::Pixels;
using nn_test::deflated;
using nn_test::message_of;
using nn_test::Png;
using nn_test::png_bytes;
using nn_test::with_png_chunk;

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

using Chunk = std::pair<std::string, std::string>;

std::string zeros(std::size_t count) {
  return std::string(count, '\0');
}

/// Every chunk that a picture of one gray channel may have beside its pixels,
/// with what writers put into it.
std::vector<Chunk> ancillary_chunks() {
  const std::string packed = deflated("a text or a profile");
  return {
      {"gAMA", std::string("\0\0\xb1\x8f", 4)},
      {"cHRM",
       std::string("\0\0\x7a\x26\0\0\x80\x84\0\0\xfa\0\0\0\x80\xe8"
                   "\0\0\x75\x30\0\0\xea\x60\0\0\x3a\x98\0\0\x17\x70",
                   32)},
      {"sRGB", zeros(1)},
      {"iCCP", "profile" + zeros(2) + packed},
      {"sBIT", "\5"},
      {"bKGD", std::string("\0a", 2)},
      {"hIST", zeros(2)},
      {"pHYs", std::string("\0\0\x0b\x13\0\0\x0b\x13\1", 9)},
      {"sPLT", "name" + zeros(1) + "\10" + "rgba" + zeros(1) + "\1"},
      {"tIME", "\7\xd0\1\1\1\1\1"},
      {"tEXt", "Comment" + zeros(1) + "drawn by hand"},
      {"zTXt", "Comment" + zeros(2) + packed},
      {"iTXt",
       "Comment" + zeros(1) + "\1" + zeros(1) + "en" + zeros(2) + packed},
      {"oFFs", zeros(9)},
      {"pCAL", "name" + zeros(9) + "\2m" + zeros(1) + "0" + zeros(1) + "1"},
      {"sCAL",
       "\1"
       "1.5" +
           zeros(1) + "2.5"},
      {"sTER", "\1"},
      {"acTL", std::string("\0\0\0\1\0\0\0", 8)},
      {"fcTL", zeros(26)},
      {"fdAT", zeros(4) + packed},
      {"cICP", std::string("\1\x0d\0\1", 4)},
      {"prVt", "of some program"},
      {"prVt", ""},
  };
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
          } else if (transparent && png.color_type <= 2) {
            const auto level = [&](std::size_t i) {
              const auto byte = [&](std::size_t k) {
                return int{static_cast<unsigned char>(png.samples[k])};
              };
              return png.bit_depth <= 8 ? byte(i) >> (8 - png.bit_depth)
                                        : byte(2 * i) << 8 | byte(2 * i + 1);
            };
            // The first pixel's.
            png.transparent = {level(0)};
            if (png.color_type == 2)
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
          if (!png.transparent.empty()) {
            REQUIRE(pixels.row(0)[pixels.channels - 1] == 0);
          }
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

TEST_CASE("what a PNG holds beside its pixels changes none of them", "[png]") {
  if (!nn_test::can_png()) return;
  const Png png = small_png();
  const std::string bare = png_bytes(png);
  std::string all = bare;
  for (const auto& [name, data] : ancillary_chunks()) {
    for (const char* before : {"IDAT", "IEND"}) {
      INFO(name << " before " << before);
      const std::string file = with_png_chunk(bare, before, name, data);
      CHECK(text(decode(file)) == png.samples);
      CHECK(text(decode(file)) == nn_test::decoded_by_libpng(file, 1));
      // Nor does what makes no sense, such as a gamma of 2^31.
      const std::string other(data.size() + 1, '\x80');
      CHECK(text(decode(with_png_chunk(bare, before, name, other))) ==
            png.samples);
      all = with_png_chunk(all, before, name, data);
      CHECK(text(decode(all)) == png.samples);
    }
  }
  // Levels are not corrected by a gamma.
  CHECK(text(decode(with_png_chunk(
            bare, "IDAT", "gAMA", std::string("\0\1\x86\xa0", 4)))) ==
        png.samples);
  // The profile of a camera, or the layers of an editor.
  for (const char* before : {"IDAT", "IEND"}) {
    CHECK(text(decode(with_png_chunk(
              bare, before, "prVt", std::string(9000000, 'x')))) ==
          png.samples);
  }
  // All chunks are checked by their sums.
  all[all.find("hand")] = 'l';
  CHECK_THAT(complaint(all), ContainsSubstring("CRC error"));
}

TEST_CASE("a PNG with a chunk that it cannot be understood without is refused",
          "[png][errors]") {
  if (!nn_test::can_png()) return;
  const std::string good = png_bytes(small_png());
  // Of some program, and of the pictures in Apple's programs.
  for (const char* name : {"PrVt", "CgBI"}) {
    for (const char* before : {"IHDR", "IDAT", "IEND"}) {
      CHECK(complaint(with_png_chunk(good, before, name, "data")) ==
            concat("the PNG cannot be decoded: ",
                   name,
                   ": unhandled critical chunk"));
    }
  }
}

TEST_CASE("what a PNG holds beside its pixels is not unpacked",
          "[png][errors]") {
  if (!nn_test::can_png()) return;
  const std::string good = png_bytes(small_png());
  const std::string bomb = deflated(zeros(1U << 26));
  for (const auto& [name, data] :
       {Chunk{"zTXt", "Comment" + zeros(2) + bomb},
        Chunk{"iCCP", "profile" + zeros(2) + bomb},
        Chunk{"iTXt",
              "Comment" + zeros(1) + "\1" + zeros(1) + "en" + zeros(2) + bomb},
        Chunk{"prVt", bomb}}) {
    for (const char* before : {"IDAT", "IEND"}) {
      INFO(name << " before " << before);
      const std::string file = with_png_chunk(good, before, name, data);
      const std::size_t bytes = nn_test::allocated_bytes();
      const Pixels pixels = decode(file);
      CHECK(nn_test::allocated_bytes() - bytes < 100000);
      CHECK(text(pixels) == small_png().samples);
    }
  }
  // Of EXIF data there is as much as the file has, however much it claims.
  std::string exif = with_png_chunk(good, "IDAT", "eXIf", "II*");
  exif[exif.find("eXIf") - 4] = 0x7f;
  const std::size_t bytes = nn_test::allocated_bytes();
  CHECK_THAT(complaint(exif), ContainsSubstring("chunk data is too large"));
  CHECK(nn_test::allocated_bytes() - bytes < 100000);
}

TEST_CASE("a PNG that claims a smaller window than it needs is decoded",
          "[png]") {
  if (!nn_test::can_png()) return;
  nn::Rng rng(1);
  Png png = small_png();
  png.width = 1000;
  png.height = 10;
  // The lower half refers to the upper one.
  png.samples = random_bytes(5000, rng);
  png.samples += png.samples;
  std::string file = png_bytes(png);
  REQUIRE(file.size() < 8000);
  const std::size_t packed = file.find("IDAT") + 4;
  std::string data = file.substr(packed, file.find("IEND") - 8 - packed);
  // A window of 256 bytes, and the bits that make the header one of 31.
  data[0] = 0x08;
  data[1] = 0x1d;
  file.erase(packed - 8, data.size() + 12);
  CHECK((text(decode(with_png_chunk(file, "IEND", "IDAT", data))) ==
         png.samples));
}

TEST_CASE("missing memory is no damage of a PNG", "[png][errors]") {
  if (!nn_test::can_png()) return;
  Png png = small_png();
  png.exif = nn_test::exif_bytes(6);
  const std::string file = png_bytes(png);
  bool happened = true;
  for (std::size_t nth = 1; happened; ++nth) {
    INFO(nth);
    const nn_test::AllocationFault fault(nth);
    bool missed = false;
    try {
      decode(file);
    } catch (const std::bad_alloc&) {
      missed = true;
    }
    happened = fault.happened();
    CHECK(missed == happened);
    REQUIRE(nth < 1000);
  }
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
  // Of several the first one, wherever it stands.
  const std::string bare = png_bytes(small_png());
  std::string file =
      with_png_chunk(bare, "IEND", "eXIf", nn_test::exif_bytes(5));
  CHECK(decode(file).orientation == 5);
  file = with_png_chunk(file, "IDAT", "eXIf", nn_test::exif_bytes(8));
  CHECK(decode(file).orientation == 8);
  for (const std::string& other : {std::string(), std::string("II*")}) {
    CHECK(decode(with_png_chunk(bare, "IDAT", "eXIf", other)).orientation == 1);
  }
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
                 ContainsSubstring("the PNG cannot be decoded: "));
    }
    for (std::size_t i = 8; i < good.size(); ++i) {
      INFO(i);
      for (const int bit : {0x01, 0x20, 0x80}) {
        std::string changed = good;
        changed[i] = static_cast<char>(changed[i] ^ bit);
        CHECK_THAT(complaint(changed),
                   ContainsSubstring("the PNG cannot be decoded: "));
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
             ContainsSubstring("the header says 2000000000 x 4 pixels"));
  const std::size_t bytes = nn_test::allocated_bytes();
  CHECK_THAT(complaint(nn_test::with_png_size(good, 1, 0x7fffffff)),
             ContainsSubstring("the header says 1 x 2147483647 pixels"));
  CHECK(nn_test::allocated_bytes() - bytes < 100000);
  for (const std::uint32_t size : {0U, 0x80000000U}) {
    CHECK_THAT(complaint(nn_test::with_png_size(good, size, 4)),
               ContainsSubstring("the PNG cannot be decoded"));
  }
  // Within the limits, but not there.
  CHECK_THAT(complaint(nn_test::with_png_size(good, 300, 300)),
             ContainsSubstring("the PNG cannot be decoded"));
}

TEST_CASE("a PNG may have more than a million pixels in one direction",
          "[png]") {
  if (!nn_test::can_png()) return;
  for (const bool wide : {false, true}) {
    Png png;
    png.height = wide ? 1 : 1000001;
    png.width = wide ? 1000001 : 1;
    png.samples = std::string(1000001, 'x');
    CHECK((text(decode(png_bytes(png))) == png.samples));
  }
}

TEST_CASE("libpng prints nothing", "[png][errors]") {
  if (!nn_test::can_png()) return;
  Png png = small_png();
  png.exif = nn_test::exif_bytes(6);
  const std::string good =
      with_png_chunk(png_bytes(png), "IDAT", "prVt", "of some program");
  CHECK(nn_test::printed_by([&] {
          CHECK(text(decode(good)) == png.samples);
          for (std::size_t i = 8; i < good.size(); ++i) {
            std::string changed = good;
            changed[i] = static_cast<char>(changed[i] ^ 1);
            complaint(changed);
          }
        }).empty());
}
