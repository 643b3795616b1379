// Writes pictures for the example train_images: a folder for each class, in
// which every other picture is a JPEG where libjpeg is there.
//
//   nn_make_pictures FOLDER COUNT SEED
//
// A class is a shape, in any colour, place and size, on a ground of any other
// colour, in pictures of several sizes.

#include <cmath>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>

#include "nn/files/file.h"
#include "nn/random.h"
#include "support/pictures.h"

namespace {

constexpr const char* kShapes[] = {"disc", "frame", "stripes"};

struct Drawing {
  std::string shape;
  double x = 0.0;  ///< of its middle, in pixels
  double y = 0.0;
  double radius = 0.0;

  bool covers(double column, double row) const {
    const double dx = column - x;
    const double dy = row - y;
    const double farther = std::max(std::abs(dx), std::abs(dy));
    if (shape == "disc") return std::hypot(dx, dy) < radius;
    if (shape == "frame") return farther < radius && farther > 0.6 * radius;
    return farther < radius && std::fmod(dy + radius, radius / 2) < radius / 4;
  }
};

std::string draw(const std::string& shape, bool jpeg, nn::Rng& rng) {
  const int height = 24 + static_cast<int>(rng.index(17));
  const int width = 24 + static_cast<int>(rng.index(17));
  const double size = std::min(height, width);
  Drawing drawing;
  drawing.shape = shape;
  drawing.x = width / 2.0 + rng.uniform(-0.1, 0.1) * size;
  drawing.y = height / 2.0 + rng.uniform(-0.1, 0.1) * size;
  drawing.radius = rng.uniform(0.3, 0.45) * size;
  // Each channel of the shape is far from that of the ground.
  std::string samples;
  double ground[3];
  double distance[3];
  for (int c = 0; c < 3; ++c) {
    ground[c] = rng.uniform(20.0, 230.0);
    distance[c] = (ground[c] < 125 ? 1.0 : -1.0) * rng.uniform(60.0, 100.0);
  }
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double inside = drawing.covers(x + 0.5, y + 0.5) ? 1.0 : 0.0;
      for (int c = 0; c < 3; ++c) {
        const double noise = rng.uniform(-15.0, 15.0);
        samples += static_cast<char>(
            static_cast<int>(ground[c] + inside * distance[c] + noise));
      }
    }
  }
  if (jpeg) {
    nn_test::Jpeg picture;
    picture.height = height;
    picture.width = width;
    picture.components = 3;
    picture.samples = samples;
    return nn_test::jpeg_bytes(picture);
  }
  nn_test::Png picture;
  picture.height = height;
  picture.width = width;
  picture.color_type = 2;
  picture.samples = samples;
  return nn_test::png_bytes(picture);
}

void write_all(const std::string& folder, int count, std::uint64_t seed) {
  nn::Rng rng(seed);
  for (const std::string shape : kShapes) {
    const std::filesystem::path place = std::filesystem::path(folder) / shape;
    std::filesystem::create_directories(place);
    for (int i = 0; i < count; ++i) {
      const bool jpeg = i % 2 == 1 && nn_test::can_jpeg();
      const std::string name = std::to_string(i) + (jpeg ? ".jpg" : ".png");
      nn::write_file_atomically((place / name).string(),
                                draw(shape, jpeg, rng));
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 4) {
      std::cerr << "Usage: nn_make_pictures FOLDER COUNT SEED\n";
      return 2;
    }
    write_all(argv[1], std::atoi(argv[2]), std::strtoull(argv[3], nullptr, 10));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "nn_make_pictures: error: " << error.what() << '\n';
    return 1;
  }
}
