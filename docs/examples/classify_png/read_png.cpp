// Apart from what to_mnist() does, which needs no stb_image.
#include <stb_image.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "digit_image.h"

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
  std::vector<std::uint8_t> opaque;
  image.pixels.reserve(count);
  opaque.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const int gray = data.get()[2 * i];
    const int alpha = data.get()[2 * i + 1];
    image.pixels.push_back(
        static_cast<std::uint8_t>((gray * alpha + 255 * (255 - alpha)) / 255));
    opaque.push_back(static_cast<std::uint8_t>(255 - alpha));
  }
  const auto contrast = [](const std::vector<std::uint8_t>& levels) {
    const auto ends = std::minmax_element(levels.begin(), levels.end());
    return *ends.second - *ends.first;
  };
  constexpr int kLeastContrast = 16;
  if (contrast(image.pixels) < kLeastContrast &&
      contrast(opaque) >= kLeastContrast) {
    image.pixels = std::move(opaque);
  }
  return image;
}
