#include "digit_image.h"

#include <nn/check.h>
#include <stb_image.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <stdexcept>

namespace {

constexpr int kSide = 28;

// The mean gray level of the outermost pixels.
double border_level(const GrayImage& image) {
  double sum = 0.0;
  int count = 0;
  for (int row = 0; row < image.height; ++row) {
    for (int col = 0; col < image.width; ++col) {
      if (row == 0 || col == 0 || row == image.height - 1 ||
          col == image.width - 1) {
        sum += image.pixels[static_cast<std::size_t>(row * image.width + col)];
        ++count;
      }
    }
  }
  return sum / count;
}

// How much of the pixel [i, i + 1) the interval [begin, end) covers.
double overlap(int i, double begin, double end) {
  return std::max(0.0, std::min(i + 1.0, end) - std::max<double>(i, begin));
}

}  // namespace

GrayImage read_png(const std::string& path) {
  GrayImage image;
  int channels = 0;
  // Gray and alpha: whatever the file holds, this is what comes.
  const std::unique_ptr<stbi_uc, void (*)(void*)> data(
      stbi_load(path.c_str(), &image.width, &image.height, &channels, 2),
      stbi_image_free);
  if (data == nullptr) {
    throw std::runtime_error(path + ": " + stbi_failure_reason());
  }
  const auto count = static_cast<std::size_t>(image.width) *
                     static_cast<std::size_t>(image.height);
  image.pixels.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const int gray = data.get()[2 * i];
    const int alpha = data.get()[2 * i + 1];
    image.pixels.push_back(
        static_cast<std::uint8_t>((gray * alpha + 255 * (255 - alpha)) / 255));
  }
  return image;
}

nn::Matrix<float> to_mnist(const GrayImage& image) {
  nn::check_argument(image.width > 0 && image.height > 0,
                     "[to_mnist] expected an image with pixels, got ",
                     image.width,
                     "x",
                     image.height);
  const double border = border_level(image);
  const int side = std::max(image.width, image.height);
  const double left = (side - image.width) / 2.0;
  const double top = (side - image.height) / 2.0;
  const double scale = static_cast<double>(side) / kSide;

  nn::Matrix<float> result(kSide * kSide, 1);
  for (int row = 0; row < kSide; ++row) {
    const double y0 = row * scale - top;
    for (int col = 0; col < kSide; ++col) {
      const double x0 = col * scale - left;
      // What the image does not cover has the color of its border.
      double sum = 0.0;
      double area = 0.0;
      const int last_y = static_cast<int>(std::ceil(y0 + scale));
      const int last_x = static_cast<int>(std::ceil(x0 + scale));
      for (int y = std::max(0, static_cast<int>(std::floor(y0)));
           y < std::min(image.height, last_y);
           ++y) {
        for (int x = std::max(0, static_cast<int>(std::floor(x0)));
             x < std::min(image.width, last_x);
             ++x) {
          const double part =
              overlap(y, y0, y0 + scale) * overlap(x, x0, x0 + scale);
          sum += part *
                 image.pixels[static_cast<std::size_t>(y * image.width + x)];
          area += part;
        }
      }
      const double whole = scale * scale;
      const double level = (sum + (whole - area) * border) / whole / 255.0;
      result(row * kSide + col, 0) =
          static_cast<float>(border > 127.5 ? 1.0 - level : level);
    }
  }
  return result;
}
