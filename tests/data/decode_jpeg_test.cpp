#include <sys/resource.h>

#include <stdexcept>
#include <string>
#include <utility>

#include "data/pixels.h"
#include "nn/random.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/pictures.h"
#include "support/silence.h"

namespace {

using Catch::Matchers::ContainsSubstring;
using nn::Index;
using nn::PictureColor;
using nn::internal::Pixels;
using nn_test::Jpeg;
using nn_test::jpeg_bytes;
using nn_test::message_of;
using nn_test::with_jpeg_segment;

Pixels decode(const std::string& file,
              PictureColor color = PictureColor::kAsItIs) {
  return nn::internal::decode_jpeg(file, color, {});
}

std::string text(const Pixels& pixels) {
  return std::string(pixels.bytes.begin(), pixels.bytes.end());
}

std::string complaint(const std::string& file) {
  return message_of<std::runtime_error>([&] { decode(file); });
}

/// Smooth, with some noise, as photographs are.
std::string samples(const Jpeg& jpeg) {
  nn::Rng rng(1);
  std::string result;
  for (int y = 0; y < jpeg.height; ++y) {
    for (int x = 0; x < jpeg.width; ++x) {
      for (int c = 0; c < jpeg.components; ++c) {
        const auto noise = static_cast<int>(rng.index(40));
        result += static_cast<char>((6 * x + 4 * y * (c + 1) + noise) % 256);
      }
    }
  }
  return result;
}

/// The most memory that this process has had.
long resident_kib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

Jpeg photograph(int height, int width, int components) {
  Jpeg jpeg;
  jpeg.height = height;
  jpeg.width = width;
  jpeg.components = components;
  jpeg.samples = samples(jpeg);
  return jpeg;
}

/// Of inverted inks, by definition.
std::string rgb_of_inks(const std::string& inks) {
  std::string rgb;
  for (std::size_t i = 0; i < inks.size(); i += 4) {
    const double black = static_cast<unsigned char>(inks[i + 3]);
    for (std::size_t k = 0; k < 3; ++k) {
      const double ink = static_cast<unsigned char>(inks[i + k]);
      rgb += static_cast<char>(static_cast<int>(ink * black / 255.0 + 0.5));
    }
  }
  return rgb;
}

}  // namespace

TEST_CASE("every kind of JPEG is decoded as libjpeg's own tool does",
          "[jpeg]") {
  if (!nn_test::can_jpeg()) return;
  int decoded = 0;
  for (const int components : {1, 3, 4}) {
    for (const bool mixed : {false, true}) {
      for (const bool progressive : {false, true}) {
        for (const int sampling : {1, 2}) {
          for (const auto& [height, width] :
               {std::pair(1, 1), std::pair(16, 16), std::pair(37, 51)}) {
            Jpeg jpeg = photograph(height, width, components);
            jpeg.mixed = mixed;
            jpeg.progressive = progressive;
            jpeg.sampling = components == 1 ? 1 : sampling;
            jpeg.restart_rows = progressive ? 0 : 1;
            INFO(components << " components, mixed " << mixed
                            << ", progressive " << progressive << ", sampling "
                            << sampling);
            const std::string file = jpeg_bytes(jpeg);
            const Pixels pixels = decode(file);
            REQUIRE(pixels.height == height);
            REQUIRE(pixels.width == width);
            REQUIRE(pixels.channels == (components == 1 ? 1 : 3));
            const std::string expected =
                nn_test::decoded_by_libjpeg(file, components);
            REQUIRE((text(pixels) ==
                     (components == 4 ? rgb_of_inks(expected) : expected)));
            // Of a picture in luminance and colour the gray is there already.
            if (components == 3 && mixed) {
              const Pixels gray = decode(file, PictureColor::kGray);
              REQUIRE(gray.channels == 1);
              REQUIRE((text(gray) == nn_test::decoded_by_libjpeg(file, 1)));
            }
            ++decoded;
          }
        }
      }
    }
  }
  CHECK(decoded == 72);
}

TEST_CASE("inks become what was red, green and blue before", "[jpeg]") {
  if (!nn_test::can_jpeg()) return;
  Jpeg jpeg;
  jpeg.height = 8;
  jpeg.width = 8;
  jpeg.components = 4;
  jpeg.quality = 100;
  // Inverted, as Adobe writes them: no cyan, all magenta, half of yellow, a
  // fifth of black.
  for (int i = 0; i < 64; ++i)
    jpeg.samples += std::string("\xff\x00\x80\xcc", 4);
  for (const bool mixed : {false, true}) {
    jpeg.mixed = mixed;
    const Pixels pixels = decode(jpeg_bytes(jpeg));
    CHECK(std::abs(pixels.bytes[0] - 204) <= 2);
    CHECK(pixels.bytes[1] <= 2);
    CHECK(std::abs(pixels.bytes[2] - 102) <= 2);
  }
}

TEST_CASE("the orientation in a JPEG is read", "[jpeg]") {
  if (!nn_test::can_jpeg()) return;
  Jpeg jpeg = photograph(8, 16, 3);
  CHECK(decode(jpeg_bytes(jpeg)).orientation == 1);
  const std::string exif("Exif\0\0", 6);
  jpeg.app1 = exif + nn_test::exif_bytes(6);
  CHECK(decode(jpeg_bytes(jpeg)).orientation == 6);
  jpeg.app1 = exif + nn_test::exif_bytes(8, /*big_endian=*/true);
  CHECK(decode(jpeg_bytes(jpeg)).orientation == 8);
  for (const std::string& other : {std::string("http://ns.adobe.com/xap/1.0/"),
                                   exif,
                                   exif + "II*",
                                   std::string("Exif")}) {
    jpeg.app1 = other;
    CHECK(decode(jpeg_bytes(jpeg)).orientation == 1);
  }
}

TEST_CASE("the orientation is that of the first EXIF data in a JPEG",
          "[jpeg]") {
  if (!nn_test::can_jpeg()) return;
  constexpr int kApp1 = 0xe1;
  const std::string exif("Exif\0\0", 6);
  const std::string xmp =
      std::string("http://ns.adobe.com/xap/1.0/") + '\0' + "<x:xmpmeta>";
  const std::string bare = jpeg_bytes(photograph(8, 16, 3));
  // Each in front of those before.
  std::string file =
      with_jpeg_segment(bare, kApp1, exif + nn_test::exif_bytes(3));
  file = with_jpeg_segment(file, kApp1, exif + nn_test::exif_bytes(6));
  for (const std::string& other :
       {xmp, xmp + std::string(65000, 'x'), std::string(), std::string("E")}) {
    file = with_jpeg_segment(file, kApp1, other);
    CHECK(decode(file).orientation == 6);
    CHECK((text(decode(file)) == text(decode(bare))));
  }
  // A length that includes its own two bytes, and one behind the end.
  for (const char* length : {"\0\1", "\xff\xff"}) {
    std::string wrong = with_jpeg_segment(bare, kApp1, "");
    wrong.replace(4, 2, length, 2);
    CHECK_THAT(complaint(wrong), ContainsSubstring("JPEG cannot be decoded"));
  }
}

TEST_CASE("short segments of a JPEG take no more memory than they have",
          "[jpeg]") {
  if (!nn_test::can_jpeg()) return;
  std::string segments;
  for (int i = 0; i < 100000; ++i) segments += std::string("\xff\xe1\0\2", 4);
  const std::string file = jpeg_bytes(photograph(8, 8, 1)).insert(2, segments);
  const long before = resident_kib();
  CHECK(decode(file).height == 8);
  CHECK(resident_kib() - before < 2000);
}

TEST_CASE("what cameras and programs write beside a JPEG harms nothing",
          "[jpeg]") {
  if (!nn_test::can_jpeg()) return;
  const Jpeg jpeg = photograph(24, 24, 3);
  const std::string good = jpeg_bytes(jpeg);
  const std::string pixels = text(decode(good));
  const auto same = [&](const std::string& file) {
    return text(decode(file)) == pixels;
  };
  // A second picture behind the first one, a profile, a remark, and zeros
  // before the end.
  CHECK(same(good + good));
  CHECK(same(good + std::string(1000, '\0')));
  CHECK(same(with_jpeg_segment(good, 0xe2, "MPF" + std::string(90, '\0'))));
  CHECK(same(
      with_jpeg_segment(good, 0xe2, std::string("ICC_PROFILE\0\1\1???", 17))));
  CHECK(same(with_jpeg_segment(good, 0xed, "Photoshop 3.0")));
  CHECK(same(with_jpeg_segment(good, 0xfe, "a remark")));
  CHECK(same(good.substr(0, good.size() - 2) + std::string(8, '\0') +
             good.substr(good.size() - 2)));
  // Another version of JFIF.
  std::string file = good;
  file[file.find("JFIF") + 5] = 3;
  CHECK(same(file));
  // Zeros for the coefficients of a scan: the last 3 bytes of its header.
  file = good;
  const std::size_t scan = file.find("\xff\xda");
  REQUIRE(scan != std::string::npos);
  REQUIRE(file.substr(scan + 11, 3) == std::string("\0\x3f\0", 3));
  file[scan + 12] = 0;
  CHECK(same(file));
  // Neither JFIF nor Adobe say which colours it has.
  const std::size_t jfif = good.find("\xff\xe0");
  REQUIRE(jfif == 2);
  const std::string nameless = good.substr(0, 2) + good.substr(20);
  CHECK(same(nameless));
  // Adobe says that it has luminance and colour, or something unknown.
  for (const char transform : {'\1', '\7'}) {
    CHECK(same(with_jpeg_segment(
        nameless, 0xee, std::string("Adobe\0\x64\0\0\0\0", 11) + transform)));
  }
  // It says that there are red, green and blue.
  const Pixels rgb = decode(with_jpeg_segment(
      nameless, 0xee, std::string("Adobe\0\x64\0\0\0\0\0", 12)));
  CHECK(rgb.channels == 3);
  CHECK((text(rgb) != pixels));
}

TEST_CASE("kinds of JPEG that libjpeg does not decode are refused in words",
          "[jpeg][errors]") {
  if (!nn_test::can_jpeg()) return;
  CHECK(complaint(jpeg_bytes(photograph(8, 8, 2))) ==
        "the JPEG cannot be decoded: components of an unknown colour space");
  const std::string good = jpeg_bytes(photograph(8, 8, 1));
  // Frame: ff c0, length in 2, bits, height in 2, width in 2.
  const std::size_t frame = good.find("\xff\xc0");
  REQUIRE(frame != std::string::npos);
  std::string file = good;
  file[frame + 4] = 12;
  CHECK_THAT(complaint(file),
             ContainsSubstring("the JPEG cannot be decoded: Unsupported JPEG "
                               "data precision 12"));
  // A hierarchical one.
  file = good;
  file[frame + 1] = '\xc5';
  CHECK_THAT(complaint(file),
             ContainsSubstring("the JPEG cannot be decoded: Unsupported"));
  // Of a height that stands behind its lines.
  file = good;
  file.replace(frame + 5, 2, 2, '\0');
  CHECK_THAT(complaint(file), ContainsSubstring("DNL not supported"));
}

TEST_CASE("a damaged JPEG is refused or its pixels are all there",
          "[jpeg][errors]") {
  if (!nn_test::can_jpeg()) return;
  for (const bool progressive : {false, true}) {
    Jpeg jpeg = photograph(24, 24, 3);
    jpeg.progressive = progressive;
    jpeg.sampling = 2;
    const std::string good = jpeg_bytes(jpeg);
    for (std::size_t length = 3; length < good.size(); ++length) {
      INFO(length);
      CHECK_THAT(complaint(good.substr(0, length)),
                 ContainsSubstring("the JPEG cannot be decoded: "));
    }
    for (std::size_t i = 3; i < good.size(); ++i) {
      for (const int bit : {0x01, 0x10, 0x80}) {
        std::string changed = good;
        changed[i] = static_cast<char>(changed[i] ^ bit);
        try {
          const Pixels pixels = decode(changed);
          CHECK(pixels.bytes.size() ==
                static_cast<std::size_t>(pixels.height * pixels.width *
                                         pixels.channels));
        } catch (const std::runtime_error& error) {
          CHECK(std::string(error.what()).size() > 10);
        }
      }
    }
    // What stands behind a picture is not looked at.
    CHECK((text(decode(good + "trailer")) == text(decode(good))));
  }
}

TEST_CASE("a JPEG that claims a gigabyte is refused before memory is cut",
          "[jpeg][errors]") {
  if (!nn_test::can_jpeg()) return;
  std::string file = jpeg_bytes(photograph(16, 16, 3));
  // Frame: ff c0, length in 2, bits, height in 2, width in 2.
  const std::size_t frame = file.find("\xff\xc0");
  REQUIRE(frame != std::string::npos);
  file.replace(frame + 5, 4, "\x80\x00\x80\x00", 4);
  CHECK_THAT(complaint(file),
             ContainsSubstring("the header says 32768 x 32768 pixels of 3 "
                               "bytes, which is more than the 536870912"));
  file.replace(frame + 5, 4, "\x20\x00\x20\x00", 4);
  CHECK_THAT(complaint(file), ContainsSubstring("more than 256 times"));
  file.replace(frame + 5, 4, "\x00\x80\x00\x80", 4);
  CHECK_THAT(complaint(file), ContainsSubstring("the JPEG cannot be decoded"));
}

TEST_CASE("a JPEG of hundreds of scans is refused", "[jpeg][errors]") {
  if (!nn_test::can_jpeg()) return;
  Jpeg jpeg = photograph(16, 16, 1);
  jpeg.many_scans = true;
  CHECK_THAT(complaint(jpeg_bytes(jpeg)),
             ContainsSubstring("it has more than 200 scans"));
}

TEST_CASE("libjpeg prints nothing", "[jpeg][errors]") {
  if (!nn_test::can_jpeg()) return;
  const std::string good = jpeg_bytes(photograph(24, 24, 3));
  // Bytes before the end are extraneous: a warning that harms nothing.
  const std::string more =
      good.substr(0, good.size() - 2) + "abc" + good.substr(good.size() - 2);
  CHECK(nn_test::printed_by([&] {
          CHECK((text(decode(more)) == text(decode(good))));
          complaint(good.substr(0, good.size() / 2));
        }).empty());
}
