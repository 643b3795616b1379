#include "nn/data/picture.h"

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "nn/files/file.h"
#include "nn/random.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/pictures.h"
#include "support/temporary_directory.h"

namespace {

using Catch::Matchers::ContainsSubstring;
using nn::Extent;
using nn::MemoryFile;
using nn::Picture;
using nn::PictureColor;
using nn::PictureFit;
using nn::PictureOptions;
using nn::Shape;
using nn_test::Jpeg;
using nn_test::jpeg_bytes;
using nn_test::message_of;
using nn_test::Png;
using nn_test::png_bytes;
using nn_test::TemporaryDirectory;
using Bytes = std::vector<std::uint8_t>;
using Error = std::runtime_error;

Picture load(const std::string& file, const PictureOptions& options = {}) {
  return nn::load_picture(MemoryFile{file}, options);
}

std::string text(const Picture& picture) {
  return std::string(picture.pixels.begin(), picture.pixels.end());
}

/// What loading complains of; checks that it is led by the name.
std::string complaint(const std::string& file,
                      const PictureOptions& options = {}) {
  const std::string message = message_of<Error>([&] {
    nn::load_picture(MemoryFile{file, "a.png"}, options);
  });
  CHECK(message.substr(0, 7) == "a.png: ");
  return message;
}

Png gray_png(int height, int width, const std::string& samples) {
  Png png;
  png.height = height;
  png.width = width;
  png.samples = samples;
  return png;
}

Png png_of(int color_type, int height, int width, const std::string& samples) {
  Png png = gray_png(height, width, samples);
  png.color_type = color_type;
  return png;
}

PictureOptions in_color(PictureColor color) {
  PictureOptions options;
  options.color = color;
  return options;
}

int gray_of(int red, int green, int blue) {
  return static_cast<int>(
      std::lround(0.299 * red + 0.587 * green + 0.114 * blue));
}

}  // namespace

TEST_CASE("a coloured picture is red, then green, then blue", "[picture]") {
  if (!nn_test::can_png()) return;
  const std::string file = png_bytes(png_of(2, 2, 2, "RGBrgb123456"));
  const Picture picture = load(file);
  CHECK(picture.shape == Shape{3, 2, 2});
  CHECK(text(picture) == "Rr14Gg25Bb36");
  CHECK(text(load(file, in_color(PictureColor::kRgb))) == "Rr14Gg25Bb36");
  const Picture gray = load(png_bytes(gray_png(1, 3, "abc")));
  CHECK(gray.shape == Shape{1, 1, 3});
  CHECK(text(gray) == "abc");
  const Picture thrice =
      load(png_bytes(gray_png(1, 3, "abc")), in_color(PictureColor::kRgb));
  CHECK(thrice.shape == Shape{3, 1, 3});
  CHECK(text(thrice) == "abcabcabc");
}

TEST_CASE("gray is the luminance of JPEG, rounded", "[picture]") {
  if (!nn_test::can_png()) return;
  nn::Rng rng(1);
  std::string samples;
  for (int i = 0; i < 3 * 500; ++i) {
    samples += static_cast<char>(rng.index(256));
  }
  const Picture gray = load(png_bytes(png_of(2, 10, 50, samples)),
                            in_color(PictureColor::kGray));
  REQUIRE(gray.shape == Shape{1, 10, 50});
  for (std::size_t i = 0; i < 500; ++i) {
    const auto level = [&](std::size_t k) {
      return int{static_cast<unsigned char>(samples[3 * i + k])};
    };
    // The shares have 16 bits: a half may fall to either side.
    CHECK(std::abs(gray.pixels[i] - (0.299 * level(0) + 0.587 * level(1) +
                                     0.114 * level(2))) < 0.505);
  }
  const auto one = [](const std::string& rgb) {
    return int{
        load(png_bytes(png_of(2, 1, 1, rgb)), in_color(PictureColor::kGray))
            .pixels[0]};
  };
  CHECK(one("\xff\xff\xff") == 255);
  CHECK(one(std::string(3, '\0')) == 0);
  for (int level = 1; level < 256; ++level) {
    CHECK(one(std::string(3, static_cast<char>(level))) == level);
  }
  CHECK(one(std::string("\xff\0\0", 3)) == 76);
  CHECK(one(std::string("\0\xff\0", 3)) == 150);
  CHECK(one(std::string("\0\0\xff", 3)) == 29);
}

TEST_CASE("what shows through a picture is the background", "[picture]") {
  if (!nn_test::can_png()) return;
  const auto blend = [](int front, int behind, int alpha) {
    return static_cast<int>(
        std::lround((front * alpha + behind * (255 - alpha)) / 255.0));
  };
  PictureOptions options;
  for (int alpha = 0; alpha < 256; ++alpha) {
    for (int level = 0; level < 256; level += 5) {
      const std::string gray = {static_cast<char>(level),
                                static_cast<char>(alpha)};
      const std::string rgb = {static_cast<char>(level),
                               static_cast<char>(255 - level),
                               static_cast<char>(7),
                               static_cast<char>(alpha)};
      options.background = {255, 255, 255};
      const int of_gray =
          load(png_bytes(png_of(4, 1, 1, gray)), options).pixels[0];
      REQUIRE(of_gray == blend(level, 255, alpha));
      options.background = {10, 200, 90};
      const Bytes of_rgb =
          load(png_bytes(png_of(6, 1, 1, rgb)), options).pixels;
      REQUIRE(of_rgb ==
              Bytes{static_cast<std::uint8_t>(blend(level, 10, alpha)),
                    static_cast<std::uint8_t>(blend(255 - level, 200, alpha)),
                    static_cast<std::uint8_t>(blend(7, 90, alpha))});
    }
  }
  // A gray picture stays gray before a coloured background, and does not where
  // colour is wanted.
  const std::string clear = png_bytes(png_of(4, 1, 1, std::string("a\0", 2)));
  CHECK(load(clear, options).pixels ==
        Bytes{static_cast<std::uint8_t>(gray_of(10, 200, 90))});
  options.color = PictureColor::kRgb;
  CHECK(load(clear, options).pixels == Bytes{10, 200, 90});
  const std::string clear_rgb =
      png_bytes(png_of(6, 1, 1, std::string("abc\0", 4)));
  options.color = PictureColor::kGray;
  CHECK(load(clear_rgb, options).pixels ==
        Bytes{static_cast<std::uint8_t>(gray_of(10, 200, 90))});
}

TEST_CASE("a transparent picture is refused where that is wanted",
          "[picture][errors]") {
  if (!nn_test::can_png()) return;
  PictureOptions options;
  options.refuse_transparent = true;
  CHECK(load(png_bytes(png_of(4,
                              1,
                              2,
                              "a\xff"
                              "b\xff")),
             options)
            .pixels == Bytes{'a', 'b'});
  CHECK_THAT(complaint(png_bytes(png_of(4,
                                        1,
                                        2,
                                        "a\xff"
                                        "b\xfe")),
                       options),
             ContainsSubstring("expected an opaque picture, found transparent "
                               "pixels"));
  Png palette = png_of(3, 1, 2, std::string("\0\1", 2));
  palette.palette = {{1, 2, 3}, {4, 5, 6}};
  CHECK(load(png_bytes(palette), options).pixels.size() == 6);
  palette.palette_alpha = {255, 0};
  CHECK_THAT(complaint(png_bytes(palette), options),
             ContainsSubstring("transparent"));
  Png key = gray_png(1, 2, "ab");
  key.transparent = {'c'};
  CHECK(text(load(png_bytes(key), options)) == "ab");
  key.transparent = {'b'};
  CHECK_THAT(complaint(png_bytes(key), options),
             ContainsSubstring("transparent"));
  CHECK(load(png_bytes(key)).pixels == Bytes{'a', 255});
}

TEST_CASE("a picture is turned as its EXIF data say", "[picture]") {
  // abc over def, as the standard names the sides of the first row and column.
  const char* const kUpright[] = {"abcdef",   // top, left
                                  "cbafed",   // top, right
                                  "fedcba",   // bottom, right
                                  "defabc",   // bottom, left
                                  "adbecf",   // left, top
                                  "daebfc",   // right, top
                                  "fcebda",   // right, bottom
                                  "cfbead"};  // left, bottom
  PictureOptions as_it_lies;
  as_it_lies.apply_orientation = false;
  for (int orientation = 1; orientation <= 8; ++orientation) {
    INFO(orientation);
    const std::string expected = kUpright[orientation - 1];
    const Shape shape = orientation < 5 ? Shape{1, 2, 3} : Shape{1, 3, 2};
    for (const bool big_endian : {false, true}) {
      const std::string exif = nn_test::exif_bytes(orientation, big_endian);
      if (nn_test::can_png()) {
        Png png = gray_png(2, 3, "abcdef");
        png.exif = exif;
        const Picture picture = load(png_bytes(png));
        CHECK(picture.shape == shape);
        CHECK(text(picture) == expected);
        CHECK(text(load(png_bytes(png), as_it_lies)) == "abcdef");
        // Colours stay together.
        Png color = png_of(2, 2, 3, "aAxbBxcCxdDxeExfFx");
        color.exif = exif;
        std::string channels = expected;
        for (const char c : expected) channels += static_cast<char>(c - 32);
        CHECK(text(load(png_bytes(color))) == channels + "xxxxxx");
      }
      if (nn_test::can_jpeg()) {
        // Blocks of 8 x 8 pixels of one level each come out as they were.
        Jpeg jpeg;
        jpeg.height = 16;
        jpeg.width = 24;
        jpeg.quality = 100;
        jpeg.app1 = std::string("Exif\0\0", 6) + exif;
        for (int y = 0; y < 16; ++y) {
          for (int x = 0; x < 24; ++x) {
            jpeg.samples += "abcdef"[y / 8 * 3 + x / 8];
          }
        }
        PictureOptions small;
        small.fit = PictureFit::kStretch;
        small.size = Extent(shape.height, shape.width);
        CHECK(text(load(jpeg_bytes(jpeg), small)) == expected);
        const Picture whole = load(jpeg_bytes(jpeg));
        CHECK(whole.shape == Shape{1, 8 * shape.height, 8 * shape.width});
      }
    }
  }
}

TEST_CASE("a picture of another size is refused or resized", "[picture]") {
  if (!nn_test::can_png()) return;
  const std::string file =
      png_bytes(png_of(2,
                       2,
                       4,
                       std::string("\0\0\0\2\4\6\0\0\0\2\4\6"
                                   "\0\0\0\2\4\6\0\0\0\2\4\6",
                                   24)));
  PictureOptions options;
  options.size = Extent(2, 4);
  CHECK(load(file, options).pixels == load(file).pixels);
  options.size = Extent(1, 2);
  CHECK_THAT(complaint(file, options),
             ContainsSubstring("expected a picture of 1x2 pixels, found 2x4; "
                               "PictureOptions::fit may resize it"));
  options.fit = PictureFit::kStretch;
  const Picture stretched = load(file, options);
  CHECK(stretched.shape == Shape{3, 1, 2});
  CHECK(stretched.pixels == Bytes{1, 1, 2, 2, 3, 3});

  // The middle part: columns b and c of a, b, c, d; then rows.
  options.fit = PictureFit::kCrop;
  options.size = Extent(2, 2);
  CHECK(text(load(png_bytes(gray_png(2, 4, "abcdefgh")), options)) == "bcfg");
  CHECK(text(load(png_bytes(gray_png(4, 2, "abcdefgh")), options)) == "cdef");
  options.size = Extent(1, 1);
  CHECK(text(load(png_bytes(gray_png(1, 5, "aacee")), options)) == "c");
  options.size = Extent(4, 4);
  CHECK(load(png_bytes(gray_png(2, 3, std::string(6, 'x'))), options).pixels ==
        Bytes(16, 'x'));
  options.size = Extent(1, 65535);
  CHECK(load(png_bytes(gray_png(3, 1, "abc")), options).pixels ==
        Bytes(65535, 'b'));
}

TEST_CASE("options that make no sense are refused", "[picture][errors]") {
  const auto message = [](const PictureOptions& options) {
    return message_of<std::invalid_argument>([&] { load("", options); });
  };
  for (const Extent& size :
       {Extent(-1, 4), Extent(0, 4), Extent(4, 0), Extent(65536, 1)}) {
    PictureOptions options;
    options.size = size;
    CHECK_THAT(message(options),
               ContainsSubstring("[load_picture] expected a size of 0x0 or in "
                                 "1 .. 65535, got " +
                                 size.to_string()));
  }
  PictureOptions options;
  options.limits.max_expansion = 0;
  CHECK_THAT(message(options), ContainsSubstring("limits of at least 1"));
}

TEST_CASE("a picture is told by its content", "[picture][errors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("picture.jpg");
  if (nn_test::can_png()) {
    nn::write_file_atomically(path, png_bytes(gray_png(1, 3, "abc")));
    CHECK(text(nn::load_picture(path)) == "abc");
  }
  CHECK_THAT(complaint(""),
             ContainsSubstring("expected a PNG or JPEG picture, found an empty "
                               "file"));
  CHECK_THAT(complaint("GIF89a"), ContainsSubstring("found a text"));
  CHECK_THAT(complaint("\x93NUMPY"), ContainsSubstring("an array of NumPy"));
  CHECK_THAT(complaint("\x01\x02"), ContainsSubstring("an unknown format"));
  CHECK_THAT(complaint("\xff\xd8\xff"), ContainsSubstring("JPEG"));
  CHECK_THAT(complaint("\x89PNG\r\n\x1a\n"), ContainsSubstring("PNG"));
  CHECK_THAT(
      message_of<Error>([] { nn::load_picture("/no/such/picture.png"); }),
      ContainsSubstring("/no/such/picture.png: cannot be opened"));
  CHECK_THAT(message_of<Error>([&] { nn::load_picture(directory.path()); }),
             ContainsSubstring("cannot be read"));
  PictureOptions options;
  options.limits.max_content_bytes = 20;
  CHECK_THAT(complaint("\x89PNG\r\n\x1a\n 1234567890 1234", options),
             ContainsSubstring("expected a picture of at most 20 bytes "
                               "(PictureLimits::max_content_bytes), found 24"));
}

TEST_CASE("a build without a library says so", "[picture][errors]") {
  if (!nn_test::can_png()) {
    CHECK_THAT(complaint("\x89PNG\r\n\x1a\n"),
               ContainsSubstring("a PNG picture, but libnn was built without "
                                 "libpng"));
  }
  if (!nn_test::can_jpeg()) {
    CHECK_THAT(complaint("\xff\xd8\xff"),
               ContainsSubstring("a JPEG picture, but libnn was built without "
                                 "libjpeg"));
  }
}
