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

/// Reads a PNG as gray levels. What is transparent counts as white; where
/// nothing would be left to see then (white ink on nothing), the opaque pixels
/// are the ink.
/// Throws std::runtime_error with the path if it cannot be read or decoded.
GrayImage read_png(const std::string& path);

/// Brings one digit, wherever and however large it stands on whatever paper,
/// into the frame of MNIST's images: 28 x 28 pixels in 0 .. 1, bright on black,
/// the longer side 20 pixels, the center of mass in the middle.
///
/// The paper is what the border of the image shows, a plane of gray levels, so
/// that light may fall from one side. The ink is darker or brighter than it.
/// Noise of the paper, and specks that are small beside the digit, are left
/// out. Strokes thinner than MNIST's are widened.
///
/// Returns 784 x 1. Throws std::invalid_argument if the image has no pixels or
/// a number of them that is not width * height, and std::runtime_error if no
/// ink of 5 pixels' length or more is found in it.
nn::Matrix<float> to_mnist(const GrayImage& image);

#endif  // DIGIT_IMAGE_H_
