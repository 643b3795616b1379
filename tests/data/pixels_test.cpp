#include "data/pixels.h"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "nn/random.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/pictures.h"

namespace {

using Catch::Matchers::ContainsSubstring;
using nn::Extent;
using nn::Index;
using nn::internal::exif_orientation;
using nn_test::exif_bytes;
using nn_test::message_of;
using Bytes = std::vector<std::uint8_t>;

int orientation(const std::string& exif) {
  // In memory of just its size, so that a sanitizer sees a step outside.
  const Bytes bytes(exif.begin(), exif.end());
  return exif_orientation(bytes.data(), bytes.size());
}

Bytes resampled(const Bytes& from, const Extent& size, const Extent& wanted) {
  Bytes to(static_cast<std::size_t>(wanted.height * wanted.width));
  nn::internal::resample(from.data(), size.width, size, to.data(), wanted);
  return to;
}

/// What one new pixel is made of in one direction: the definition, in doubles.
double weight(Index from, Index to, Index new_pixel, Index old_pixel) {
  const double step = static_cast<double>(from) / static_cast<double>(to);
  const auto i = static_cast<double>(new_pixel);
  const auto j = static_cast<double>(old_pixel);
  if (to <= from) {
    const double begin = std::max(i * step, j);
    const double end = std::min((i + 1) * step, j + 1);
    return std::max(0.0, end - begin) / step;
  }
  const double centre = std::min(std::max((i + 0.5) * step - 0.5, 0.0),
                                 static_cast<double>(from - 1));
  return std::max(0.0, 1.0 - std::abs(centre - j));
}

}  // namespace

TEST_CASE("the orientation is read of both byte orders", "[pixels]") {
  for (int value = 1; value <= 8; ++value) {
    CHECK(orientation(exif_bytes(value, false)) == value);
    CHECK(orientation(exif_bytes(value, true)) == value);
  }
  CHECK(orientation(exif_bytes(0)) == 1);
  CHECK(orientation(exif_bytes(9)) == 1);
}

TEST_CASE("damaged EXIF data say nothing", "[pixels][errors]") {
  const std::string good = exif_bytes(6);
  for (std::size_t length = 0; length + 4 < good.size(); ++length) {
    INFO(length);
    // The value is in the last 8 bytes, of which 4 stand behind the directory.
    CHECK(orientation(good.substr(0, length)) == 1);
  }
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const int byte : {0, 0xff, good[i] ^ 1, good[i] ^ 0x80}) {
      std::string changed = good;
      changed[i] = static_cast<char>(byte);
      const int value = orientation(changed);
      CHECK((value >= 1 && value <= 8));
    }
  }
  CHECK(orientation("IM" + good.substr(2)) == 1);
  CHECK(orientation("XX" + good.substr(2)) == 1);
  // A directory far behind the data, and many entries that are not there.
  std::string far = good;
  far.replace(4, 4, "\xff\xff\xff\xff");
  CHECK(orientation(far) == 1);
  std::string many = good;
  many.replace(8, 2, "\xff\xff");
  CHECK(orientation(many) == 6);
}

TEST_CASE("a picture is resized by area and linearly", "[pixels]") {
  // Averages of the area: 5 pixels become 2 of two and a half each.
  CHECK(resampled({10, 20, 30, 40, 50}, {1, 5}, {1, 2}) ==
        Bytes{18, 42});  // (10 + 20 + 15) / 2.5, (15 + 40 + 50) / 2.5
  CHECK(resampled({0, 255, 255, 0}, {2, 2}, {1, 1}) == Bytes{128});
  CHECK(resampled({1, 2, 3, 4, 5, 6, 7, 8}, {2, 4}, {1, 2}) == Bytes{4, 6});
  // Between centres of pixels, and beyond the outer ones the same.
  CHECK(resampled({0, 100}, {1, 2}, {1, 4}) == Bytes{0, 25, 75, 100});
  CHECK(resampled({0, 100}, {2, 1}, {4, 1}) == Bytes{0, 25, 75, 100});
  CHECK(resampled({7}, {1, 1}, {2, 3}) == Bytes(6, 7));
  // In one direction each.
  CHECK(resampled({0, 100, 50, 150}, {2, 2}, {4, 1}) == Bytes{50, 63, 88, 100});
}

TEST_CASE("resizing is the definition, rounded once", "[pixels]") {
  nn::Rng rng(5);
  const auto size = [&rng] { return 1 + rng.index(13); };
  for (int trial = 0; trial < 300; ++trial) {
    const Extent from(size(), size());
    const Extent to(size(), size());
    INFO(from << " to " << to);
    Bytes pixels(static_cast<std::size_t>(from.height * from.width));
    for (auto& pixel : pixels) {
      pixel = static_cast<std::uint8_t>(rng.index(256));
    }
    const Bytes found = resampled(pixels, from, to);
    for (Index y = 0; y < to.height; ++y) {
      for (Index x = 0; x < to.width; ++x) {
        double expected = 0.0;
        for (Index v = 0; v < from.height; ++v) {
          for (Index u = 0; u < from.width; ++u) {
            expected += weight(from.height, to.height, y, v) *
                        weight(from.width, to.width, x, u) *
                        pixels[static_cast<std::size_t>(v * from.width + u)];
          }
        }
        const int level = found[static_cast<std::size_t>(y * to.width + x)];
        // Halves may fall to either side in doubles.
        REQUIRE(std::abs(level - expected) <= 0.5 + 1e-9);
      }
    }
    if (from == to) CHECK(found == pixels);
    CHECK(resampled(Bytes(pixels.size(), 201), from, to) ==
          Bytes(found.size(), 201));
  }
}

TEST_CASE("memory for pixels is cut within the limits", "[pixels][errors]") {
  const auto claim = [](Index height,
                        Index width,
                        Index channels,
                        std::size_t file_bytes,
                        const nn::PictureLimits& limits = {}) {
    nn::internal::Pixels pixels;
    pixels.height = height;
    pixels.width = width;
    pixels.channels = channels;
    return message_of<std::runtime_error>([&] {
      nn::internal::allocate(pixels, file_bytes, limits);
      if (pixels.bytes.size() ==
          static_cast<std::size_t>(height * width * channels)) {
        throw std::runtime_error("good");
      }
    });
  };
  CHECK(claim(3, 4, 3, 60) == "good");
  // Up to 16 MiB of any file, then up to 256 times the file.
  CHECK(claim(4096, 4096, 1, 60) == "good");
  CHECK_THAT(claim(4096, 4097, 1, 60),
             ContainsSubstring("4096 x 4097 pixels of 1 bytes, which is more "
                               "than 256 times the 60 bytes of the file"));
  // Which is 70304 bytes.
  CHECK(claim(4096, 4394, 1, 70304) == "good");
  CHECK_THAT(claim(4096, 4394, 1, 70303),
             ContainsSubstring("more than 256 times the 70303 bytes"));
  CHECK(claim(5000, 5000, 3, 300000) == "good");
  CHECK_THAT(claim(5000, 5000, 3, 290000),
             ContainsSubstring("raise PictureLimits::max_expansion"));
  CHECK_THAT(claim(30000, 30000, 1, 1U << 30),
             ContainsSubstring("more than the 536870912 bytes of "
                               "PictureLimits::max_content_bytes"));
  constexpr Index kMost = std::numeric_limits<std::int32_t>::max();
  CHECK_THAT(claim(kMost, kMost, 4, 1U << 30),
             ContainsSubstring("PictureLimits::max_content_bytes"));
  CHECK_THAT(claim(4, 5, 1, 1000, {19, 256}),
             ContainsSubstring("more than the 19 bytes"));
  CHECK(claim(4, 5, 1, 1000, {20, 256}) == "good");
}
