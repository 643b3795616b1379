#ifndef DIGIT_IMAGE_H_
#define DIGIT_IMAGE_H_

#include <nn/types.h>

#include <cstdint>
#include <string>
#include <vector>

/// An image of one channel, row by row from the top, 0 black and 255 white.
struct GrayImage {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;  ///< height * width
};

/// Reads a PNG as gray levels; what is transparent counts as white.
/// Throws std::runtime_error with the path if it cannot be read or decoded.
GrayImage read_png(const std::string& path);

/// Makes of any image what a network trained on MNIST expects: 28 x 28 pixels
/// in 0 .. 1, a bright digit on black. The image is made square with the color
/// of its border, scaled by the mean over the area that each pixel covers, and
/// inverted if the border is bright.
///
/// Returns 784 x 1. Throws std::invalid_argument if the image has no pixels.
nn::Matrix<float> to_mnist(const GrayImage& image);

#endif  // DIGIT_IMAGE_H_
