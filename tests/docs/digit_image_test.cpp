// docs/examples/classify_png/digit_image.cpp: digits drawn and distorted in all
// ways, alone and read by a network that knows MNIST as it is.

#include "digit_image.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "nn/nn.h"
#include "support/catch.h"
#include "support/data_directory.h"

namespace {

using nn::Index;

constexpr int kSide = 28;

GrayImage filled(int width, int height, std::uint8_t level) {
  GrayImage image;
  image.width = width;
  image.height = height;
  image.pixels.assign(static_cast<std::size_t>(width * height), level);
  return image;
}

std::uint8_t to_byte(double level) {
  return static_cast<std::uint8_t>(
      std::lround(std::min(255.0, std::max(0.0, level))));
}

// How a picture comes about: ink, 0 .. 1 at any place of its plane, on paper.
struct Picture {
  int width = kSide;
  int height = kSide;
  double paper = 0;
  double ink = 255;
  double slope_x = 0;  // of the paper's level, from one side to the other
  double slope_y = 0;
  double noise = 0;  // at most so many levels more or less
  int specks = 0;    // single pixels in the ink's level
  int samples = 4;   // of a pixel, in each direction
};

GrayImage render(const Picture& picture,
                 const std::function<double(double x, double y)>& cover,
                 nn::Rng& rng) {
  GrayImage image = filled(picture.width, picture.height, 0);
  for (int row = 0; row < picture.height; ++row) {
    for (int col = 0; col < picture.width; ++col) {
      double sum = 0.0;
      for (int i = 0; i < picture.samples * picture.samples; ++i) {
        sum += cover(col + (i % picture.samples + 0.5) / picture.samples,
                     row + (i / picture.samples + 0.5) / picture.samples);
      }
      const double share = sum / (picture.samples * picture.samples);
      const double light =
          picture.slope_x * (double(col) / picture.width - 0.5) +
          picture.slope_y * (double(row) / picture.height - 0.5);
      const double level = picture.paper + light +
                           share * (picture.ink - picture.paper) +
                           picture.noise * (2 * rng.uniform() - 1);
      image.pixels[static_cast<std::size_t>(row * picture.width + col)] =
          to_byte(level);
    }
  }
  for (int i = 0; i < picture.specks; ++i) {
    image.pixels[static_cast<std::size_t>(
        rng.index(picture.width * picture.height))] = to_byte(picture.ink);
  }
  return image;
}

// A hook and a bar, as a pen of that width draws them around the middle: a
// figure that no mirroring and no turning brings onto itself.
std::function<double(double, double)> drawing(double center_x,
                                              double center_y,
                                              double size,
                                              double pen) {
  return [=](double x, double y) {
    const auto segment = [&](double ax, double ay, double bx, double by) {
      const double px = (x - center_x) / size - ax;
      const double py = (y - center_y) / size - ay;
      const double dx = bx - ax;
      const double dy = by - ay;
      const double t = std::min(
          1.0, std::max(0.0, (px * dx + py * dy) / (dx * dx + dy * dy)));
      return std::hypot(px - t * dx, py - t * dy) * size <= pen / 2;
    };
    return segment(-0.3, -0.5, 0.3, -0.5) || segment(0.3, -0.5, -0.1, 0.5) ||
                   segment(-0.15, 0.0, 0.3, 0.1)
               ? 1.0
               : 0.0;
  };
}

// The share of the ink that stands elsewhere. A digit stands on whole pixels,
// so its center may be rounded to either side.
double difference(const nn::Matrix<float>& a, const nn::Matrix<float>& b) {
  double least = 1e9;
  for (const int move : {0, -1, 1, -kSide, kSide, -29, 29, -27, 27}) {
    double sum = 0.0;
    for (Index i = 0; i < a.rows(); ++i) {
      const Index from = i + move;
      const bool inside = from >= 0 && from < b.rows();
      sum += std::abs(double(a(i, 0)) - (inside ? double(b(from, 0)) : 0.0));
    }
    least = std::min(least, sum);
  }
  return least / double(b.sum());
}

struct Placement {
  double center_x = 0.0;
  double center_y = 0.0;
  int longer_side = 0;
};

Placement placement(const nn::Matrix<float>& x) {
  Placement result;
  int left = kSide;
  int right = 0;
  int top = kSide;
  int bottom = 0;
  for (int row = 0; row < kSide; ++row) {
    for (int col = 0; col < kSide; ++col) {
      const auto level = double(x(row * kSide + col, 0));
      result.center_x += (col + 0.5) * level;
      result.center_y += (row + 0.5) * level;
      if (level < 0.2) continue;
      left = std::min(left, col);
      right = std::max(right, col + 1);
      top = std::min(top, row);
      bottom = std::max(bottom, row + 1);
    }
  }
  result.center_x /= double(x.sum());
  result.center_y /= double(x.sum());
  result.longer_side = std::max(right - left, bottom - top);
  return result;
}

}  // namespace

TEST_CASE("a drawing comes into the same frame from any picture",
          "[docs][png]") {
  nn::Rng rng(1);
  Picture plain;
  plain.width = plain.height = 100;
  const nn::Matrix<float> expected =
      to_mnist(render(plain, drawing(50, 50, 70, 9), rng));
  REQUIRE(expected.rows() == 784);
  REQUIRE(expected.cols() == 1);
  CHECK(expected.minCoeff() == 0.0F);
  CHECK(expected.maxCoeff() > 0.9F);
  const Placement place = placement(expected);
  CHECK(place.center_x == Catch::Approx(14.5).margin(0.6));
  CHECK(place.center_y == Catch::Approx(14.5).margin(0.6));
  CHECK(std::abs(place.longer_side - 20) <= 1);

  int pictures = 0;
  for (const double paper : {0.0, 60.0, 128.0, 190.0, 255.0}) {
    for (const double ink : {0.0, 90.0, 170.0, 255.0}) {
      if (std::abs(paper - ink) < 60) continue;
      for (const double scale : {0.3, 1.0, 2.0}) {
        for (const int kind : {0, 1, 2, 3}) {
          Picture picture;
          picture.paper = paper;
          picture.ink = ink;
          picture.width = static_cast<int>(100 * scale);
          picture.height = static_cast<int>(80 * scale) + kind;
          if (kind == 1) picture.noise = 6;
          if (kind == 2) {
            picture.slope_x = 30;
            picture.slope_y = -20;
          }
          if (kind == 3) picture.specks = scale < 1 ? 0 : 10;
          // In a corner, the pen's edge at the border.
          const double x = kind % 2 == 0 ? 30 : 70;
          const nn::Matrix<float> got = to_mnist(render(
              picture,
              drawing(x * scale, 40 * scale, 60 * scale, 60.0 / 70 * 9 * scale),
              rng));
          INFO("paper " << paper << ", ink " << ink << ", scale " << scale
                        << ", kind " << kind);
          // Small ones are blurred, and noise eats at the edges.
          CHECK(difference(got, expected) < (scale < 1 ? 0.25 : 0.12));
          ++pictures;
        }
      }
    }
  }
  CHECK(pictures > 100);
}

TEST_CASE("strokes of any pen are at least as wide as MNIST's", "[docs][png]") {
  nn::Rng rng(1);
  for (const int size : {60, 150, 300}) {
    Picture picture;
    picture.width = picture.height = size;
    picture.paper = 255;
    picture.ink = 0;
    double previous = 0.0;
    for (const double pen : {0.01, 0.03, 0.1, 0.15}) {
      INFO("size " << size << ", pen " << pen);
      if (pen * size < 1) continue;
      const nn::Matrix<float> x = to_mnist(render(
          picture, drawing(size / 2, size / 2, 0.8 * size, pen * size), rng));
      // Three strokes of 39 pixels in all; the thinnest of MNIST's are 1.5.
      CHECK(double(x.sum()) > 39 * 1.4);
      CHECK(double(x.sum()) > 0.9 * previous);
      CHECK(double(x.maxCoeff()) > 0.9);
      CHECK(std::abs(placement(x).longer_side - 20) <= 1);
      previous = double(x.sum());
    }
  }
}

TEST_CASE("ink on the border does not count as paper", "[docs][png]") {
  nn::Rng rng(1);
  Picture picture;
  picture.width = 70;
  picture.height = 84;
  picture.paper = 200;
  picture.ink = 40;
  const nn::Matrix<float> cut =
      to_mnist(render(picture, drawing(35, 42, 76, 9), rng));
  picture.width = picture.height = 120;
  const nn::Matrix<float> whole =
      to_mnist(render(picture, drawing(60, 60, 76, 9), rng));
  // Half a pixel of its ends is cut off.
  CHECK(difference(cut, whole) < 0.2);
}

TEST_CASE("a picture without a digit is refused", "[docs][png][errors]") {
  nn::Rng rng(1);
  const auto nothing = [](double, double) { return 0.0; };
  CHECK_THROWS_AS(to_mnist(GrayImage()), std::invalid_argument);
  GrayImage damaged = filled(10, 10, 0);
  damaged.pixels.pop_back();
  CHECK_THROWS_AS(to_mnist(damaged), std::invalid_argument);
  CHECK_THROWS_AS(read_png("/nowhere/picture.png"), std::runtime_error);

  for (const int side : {1, 2, 5, 28, 200}) {
    for (const int level : {0, 128, 255}) {
      CHECK_THROWS_WITH(
          to_mnist(filled(side, side, static_cast<std::uint8_t>(level))),
          Catch::Matchers::ContainsSubstring("no digit found"));
      Picture picture;
      picture.width = side;
      picture.height = side;
      picture.paper = level;
      picture.ink = 255 - level;
      picture.noise = 5;
      picture.slope_x = 40;
      INFO("side " << side << ", level " << level);
      CHECK_THROWS_WITH(to_mnist(render(picture, nothing, rng)),
                        Catch::Matchers::ContainsSubstring("no digit found"));
      if (side < 200) continue;
      picture.specks = 30;
      picture.noise = 0;
      picture.slope_x = 0;
      picture.ink = level == 0 ? 255 : 0;
      CHECK_THROWS_WITH(to_mnist(render(picture, nothing, rng)),
                        Catch::Matchers::ContainsSubstring("largest piece"));
    }
  }
}

TEST_CASE("distorted digits are read as MNIST's are", "[docs][png][data]") {
  const nn::ImageSet training =
      nn::load_mnist(nn_test::data_directory(), nn::Split::kTraining);
  const nn::ImageSet test =
      nn::load_mnist(nn_test::data_directory(), nn::Split::kTest);
  const nn::Normalization normalization = nn::measure_normalization(training);
  nn::Sequential<float> net(nn::Shape{784}, /*seed=*/1);
  net.add<nn::Linear>(128).add<nn::ReLU>();
  net.add<nn::Linear>(10).add<nn::Softmax>();
  nn::Adam<float> adam(net.parameters(), {/*learning_rate=*/0.001});
  nn::TrainerOptions options;
  options.epochs = 2;
  options.batch_size = 64;
  nn::Trainer<float> trainer(net, adam, options);
  trainer.fit(nn::Samples<float>(training, normalization));

  const auto read = [&](nn::Matrix<float> x) {
    x.array() -= static_cast<float>(normalization.mean);
    x.array() /= static_cast<float>(normalization.deviation);
    Index best = 0;
    net.predict(x).col(0).maxCoeff(&best);
    return static_cast<int>(best);
  };

  constexpr std::uint64_t kSeed = 20;
  constexpr Index kDigits = 1000;
  nn::Rng rng(kSeed);
  struct Kind {
    const char* name;
    double shift;
    double least_scale;
    double largest_scale;
    bool gray;
    bool inverted;
    double noise;
    double slope;
  };
  // Moved digits stay whole: the paper is larger.
  const std::vector<Kind> kinds = {
      {"as it is", 0, 1, 1, false, false, 0, 0},
      {"moved", 8, 1, 1, false, false, 0, 0},
      {"scaled", 0, 0.4, 2, false, false, 0, 0},
      {"on gray paper", 0, 1, 1, true, false, 0, 0},
      {"inverted", 0, 1, 1, false, true, 0, 0},
      {"in noise", 0, 1, 1, true, true, 10, 0},
      {"lit from a side", 0, 1, 1, true, true, 0, 60},
      {"all but noise and light", 8, 0.4, 2, true, true, 0, 0},
      {"all", 8, 0.4, 2, true, true, 6, 40},
  };
  std::cout << "distorted digits, seed " << kSeed << '\n';
  for (const Kind& kind : kinds) {
    int known = 0;
    int right = 0;
    for (Index i = 0; known < kDigits; ++i) {
      REQUIRE(i < test.size());
      const std::uint8_t* digit = test.image(i);
      nn::Matrix<float> original(784, 1);
      for (Index j = 0; j < 784; ++j) {
        original(j, 0) = static_cast<float>(digit[j]) / 255.0F;
      }
      const int label = test.labels[static_cast<std::size_t>(i)];
      if (read(original) != label) continue;
      ++known;

      const auto between = [&](double low, double high) {
        return low + (high - low) * rng.uniform();
      };
      const double scale = between(kind.least_scale, kind.largest_scale);
      Picture picture;
      picture.samples = 2;  // Levels change gently.
      if (kind.shift > 0 || kind.largest_scale > 1) {
        picture.width = picture.height = 76;
      }
      const double middle = picture.width / 2.0;
      const double x0 = middle + between(-kind.shift, kind.shift) - 14 * scale;
      const double y0 = middle + between(-kind.shift, kind.shift) - 14 * scale;
      picture.paper = kind.gray ? between(40, 120) : 0;
      picture.ink = kind.gray ? picture.paper + between(80, 130) : 255;
      if (kind.inverted && rng.uniform() < (kind.gray ? 0.5 : 1.0)) {
        picture.paper = 255 - picture.paper;
        picture.ink = 255 - picture.ink;
      }
      picture.noise = kind.noise;
      picture.slope_x = between(-kind.slope, kind.slope);
      picture.slope_y = between(-kind.slope, kind.slope);
      // Between the middles of MNIST's pixels levels go straight.
      const auto pixel = [&](int row, int col) {
        const bool inside = row >= 0 && col >= 0 && row < kSide && col < kSide;
        return inside ? digit[row * kSide + col] / 255.0 : 0.0;
      };
      const auto cover = [&](double x, double y) {
        const double u = (x - x0) / scale - 0.5;
        const double v = (y - y0) / scale - 0.5;
        const int col = static_cast<int>(std::floor(u));
        const int row = static_cast<int>(std::floor(v));
        const double a = u - col;
        const double b = v - row;
        return (1 - b) * ((1 - a) * pixel(row, col) + a * pixel(row, col + 1)) +
               b * ((1 - a) * pixel(row + 1, col) +
                    a * pixel(row + 1, col + 1));
      };
      if (read(to_mnist(render(picture, cover, rng))) == label) ++right;
    }
    std::cout << "  " << kind.name << ": " << right << " of " << known
              << " read right\n";
    INFO(kind.name);
    CHECK(right >= kDigits * 95 / 100);
  }
}
