#include "nn/data/augmentation.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "nn/random.h"
#include "support/allocations.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/matrices.h"
#include "support/threads.h"

namespace {

using nn::Index;

/// Random gray levels, no two neighbours alike.
nn::ImageSet random_set(Index count, const nn::Shape& shape) {
  nn::Rng rng(1);
  nn::ImageSet set;
  set.shape = shape;
  for (Index i = 0; i < count * shape.features(); ++i) {
    set.images.push_back(static_cast<std::uint8_t>(1 + rng.index(255)));
  }
  for (Index i = 0; i < count; ++i) {
    set.labels.push_back(static_cast<int>(i % 10));
  }
  return set;
}

/// One image of one channel.
nn::ImageSet one_image(Index height,
                       Index width,
                       const std::vector<std::uint8_t>& gray) {
  nn::ImageSet set;
  set.shape = {1, height, width};
  set.images = gray;
  set.labels = {0};
  return set;
}

/// Gray levels are what comes out where the scale is 255 and the mean 0.
const nn::Normalization kGray = {0.0, 1.0 / 255.0};

struct Gathered {
  nn::Matrix<float> x;
  nn::Labels labels;
};

Gathered gather(const nn::ImageSet& set,
                const std::vector<Index>& indices,
                const nn::AugmentationOptions& options,
                Index epoch = 0,
                std::uint64_t seed = 5,
                const nn::Normalization& normalization = kGray) {
  const auto count = static_cast<Index>(indices.size());
  Gathered result{nn::Matrix<float>(set.shape.features(), count),
                  nn::Labels(count)};
  nn::Augmentation augmentation(options, seed);
  augmentation.gather<float>(set,
                             indices.data(),
                             count,
                             normalization,
                             epoch,
                             result.x,
                             result.labels);
  return result;
}

std::vector<Index> first(Index count) {
  std::vector<Index> indices;
  for (Index i = 0; i < count; ++i) indices.push_back(i);
  return indices;
}

nn::AugmentationOptions shift_by(Index shift) {
  nn::AugmentationOptions options;
  options.shift = shift;
  return options;
}
nn::AugmentationOptions rotate_by(double rotation) {
  nn::AugmentationOptions options;
  options.rotation = rotation;
  return options;
}
nn::AugmentationOptions bend_by(double elastic, double sigma) {
  nn::AugmentationOptions options;
  options.elastic = elastic;
  options.elastic_sigma = sigma;
  return options;
}

/// A disc of radius 8 with a soft border, off the centre of a 28 x 28 image.
nn::ImageSet disc() {
  std::vector<std::uint8_t> gray;
  for (int r = 0; r < 28; ++r) {
    for (int c = 0; c < 28; ++c) {
      const double edge = 8.0 - std::hypot(r - 12.0, c - 16.0);
      gray.push_back(static_cast<std::uint8_t>(
          std::lround(255.0 * std::min(1.0, std::max(0.0, edge)))));
    }
  }
  return one_image(28, 28, gray);
}

}  // namespace

TEMPLATE_TEST_CASE("augmentation is off by default and then changes no bit",
                   "[augmentation]",
                   float,
                   double) {
  const nn::ImageSet set = random_set(6, {1, 5, 7});
  const nn::Normalization normalization{0.1307, 0.3081};
  const std::vector<Index> indices = {5, 0, 3, 3};
  nn::Matrix<TestType> plain(35, 4), augmented(35, 4);
  nn::Labels a(4), b(4);
  nn::gather<TestType>(set, indices.data(), 4, normalization, plain, a);
  nn::Augmentation off({}, 1);
  REQUIRE_FALSE(off.options().is_on());
  off.gather<TestType>(set, indices.data(), 4, normalization, 3, augmented, b);
  REQUIRE(nn_test::same_bits(plain, augmented));
  REQUIRE(a == b);
}

TEST_CASE("a shift moves whole gray levels and fills with the background",
          "[augmentation]") {
  // Each of the 5 x 5 shifts of up to two pixels comes up, and nothing else.
  const nn::Shape shape{2, 6, 7};
  const nn::ImageSet set = random_set(400, shape);
  const Gathered result = gather(set, first(400), shift_by(2));
  std::set<std::pair<Index, Index>> seen;
  for (Index n = 0; n < 400; ++n) {
    const auto shifted = [&](Index down, Index right) {
      for (Index c = 0; c < shape.channels; ++c) {
        for (Index h = 0; h < shape.height; ++h) {
          for (Index w = 0; w < shape.width; ++w) {
            const Index from_h = h - down, from_w = w - right;
            const bool inside = from_h >= 0 && from_h < shape.height &&
                                from_w >= 0 && from_w < shape.width;
            const Index channel = c * shape.height * shape.width;
            const double expected =
                inside ? set.image(n)[channel + from_h * shape.width + from_w]
                       : 0.0;
            if (result.x(channel + h * shape.width + w, n) !=
                static_cast<float>(expected)) {
              return false;
            }
          }
        }
      }
      return true;
    };
    int fitting = 0;
    for (Index down = -2; down <= 2; ++down) {
      for (Index right = -2; right <= 2; ++right) {
        if (!shifted(down, right)) continue;
        ++fitting;
        seen.emplace(down, right);
      }
    }
    REQUIRE(fitting == 1);
    REQUIRE(result.labels[n] == n % 10);
  }
  REQUIRE(seen.size() == 25);
}

TEST_CASE("a rotation keeps the centre and turns about it", "[augmentation]") {
  // Odd sides: the middle pixel is the centre. A ray from it to the right by
  // five pixels ends on the circle of radius five, turned by the angle drawn.
  std::vector<std::uint8_t> gray(15 * 15, 0);
  gray[7 * 15 + 7] = 200;
  gray[7 * 15 + 12] = 100;
  const nn::ImageSet set = one_image(15, 15, gray);
  std::set<long> angles;
  for (Index epoch = 0; epoch < 100; ++epoch) {
    const nn::Matrix<float> x = gather(set, {0}, rotate_by(40.0), epoch).x;
    REQUIRE(x(7 * 15 + 7, 0) == 200.0f);
    // The centre of the other pixel's gray levels.
    double sum = 0.0, h = 0.0, w = 0.0;
    for (Index r = 0; r < 15; ++r) {
      for (Index c = 0; c < 15; ++c) {
        if (std::abs(r - 7) <= 1 && std::abs(c - 7) <= 1) continue;
        const double v = static_cast<double>(x(r * 15 + c, 0));
        sum += v;
        h += v * static_cast<double>(r - 7);
        w += v * static_cast<double>(c - 7);
      }
    }
    REQUIRE(sum > 50.0);
    REQUIRE(std::hypot(h / sum, w / sum) == Catch::Approx(5.0).margin(0.25));
    const double degrees = std::atan2(h, w) * 180.0 / M_PI;
    REQUIRE(std::abs(degrees) < 43.0);
    angles.insert(std::lround(degrees / 10.0));
  }
  // From -40 to 40, in steps of ten.
  REQUIRE(angles.size() >= 8);
}

TEST_CASE("half a turn is possible and meets the same pixels",
          "[augmentation]") {
  // Over many draws from -180 .. 180 the mean of a bright corner's pixel
  // spreads over all four corners.
  std::vector<std::uint8_t> gray(9 * 9, 0);
  gray[0] = 255;
  const nn::ImageSet set = one_image(9, 9, gray);
  nn::Matrix<float> sum = nn::Matrix<float>::Zero(81, 1);
  for (Index epoch = 0; epoch < 400; ++epoch) {
    sum += gather(set, {0}, rotate_by(180.0), epoch).x;
  }
  for (const Index corner : {0, 8, 72, 80}) REQUIRE(sum(corner, 0) > 255.0f);
}

TEST_CASE("elastic distortion bends an image and keeps what it is",
          "[augmentation]") {
  const nn::ImageSet set = disc();
  const double mass = gather(set, {0}, {}).x.cast<double>().sum();
  double largest_change = 0.0;
  for (Index epoch = 0; epoch < 50; ++epoch) {
    const nn::Matrix<float> x = gather(set, {0}, bend_by(34.0, 4.0), epoch).x;
    REQUIRE(x.minCoeff() >= 0.0f);
    REQUIRE(x.maxCoeff() <= 255.0f);
    // The field is smooth and its displacements are of one or two pixels: the
    // disc stays a disc of about its size.
    const double share = x.cast<double>().sum() / mass;
    REQUIRE(share > 0.5);
    REQUIRE(share < 1.7);
    REQUIRE(x(12 * 28 + 16, 0) > 250.0f);
    largest_change = std::max(largest_change, std::abs(share - 1.0));
  }
  REQUIRE(largest_change > 0.05);
}

TEST_CASE("displacements have the size that follows from Simard's field",
          "[augmentation]") {
  // A ramp shows where a pixel comes from: its gray level is twice its column.
  // The Gaussian's weights add up to 1; so for alpha = 34 and sigma = 4 a
  // displacement has the deviation 34 / sqrt(3) / (2 sigma sqrt(pi)) = 1.384 in
  // the middle of the image, where the Gaussian reaches no border.
  constexpr Index kSide = 41;
  std::vector<std::uint8_t> gray;
  for (Index r = 0; r < kSide; ++r) {
    for (Index c = 0; c < kSide; ++c) {
      gray.push_back(static_cast<std::uint8_t>(2 * c));
    }
  }
  const nn::ImageSet set = one_image(kSide, kSide, gray);
  constexpr Index kMiddle = 20 * kSide + 20;
  constexpr Index kDraws = 2000;
  double sum = 0.0, squares = 0.0, neighbours = 0.0;
  for (Index epoch = 0; epoch < kDraws; ++epoch) {
    const nn::Matrix<float> x = gather(set, {0}, bend_by(34.0, 4.0), epoch).x;
    const double d = static_cast<double>(x(kMiddle, 0)) / 2.0 - 20.0;
    const double next = static_cast<double>(x(kMiddle + 1, 0)) / 2.0 - 21.0;
    sum += d;
    squares += d * d;
    neighbours += d * next;
  }
  const double deviation = std::sqrt(squares / kDraws);
  // 2000 draws know a deviation to 1.6 %.
  REQUIRE(deviation == Catch::Approx(1.384).epsilon(0.07));
  REQUIRE(std::abs(sum / kDraws) < 0.15);
  // Neighbours are correlated by exp(-1 / (4 sigma^2)) = 0.984.
  REQUIRE(neighbours / squares == Catch::Approx(0.984).epsilon(0.01));
}

TEST_CASE("a distortion depends on seed, epoch and image alone",
          "[augmentation][threads]") {
  nn::AugmentationOptions all = bend_by(20.0, 3.0);
  all.shift = 2;
  all.rotation = 15.0;
  const nn::ImageSet set = random_set(9, {3, 12, 10});
  const nn::Matrix<float> x = gather(set, first(9), all, 4).x;
  // Another batch, another order, and other threads.
  const nn::Matrix<float> turned = gather(set, {7, 2, 7}, all, 4).x;
  REQUIRE(nn_test::same_bits(turned.col(0).eval(), x.col(7).eval()));
  REQUIRE(nn_test::same_bits(turned.col(1).eval(), x.col(2).eval()));
  REQUIRE(nn_test::same_bits(turned.col(2).eval(), x.col(7).eval()));
  for (const int threads : {1, 3}) {
    const nn_test::ScopedThreads scope(threads);
    REQUIRE(nn_test::same_bits(gather(set, first(9), all, 4).x, x));
  }
  // Each of the three makes a difference.
  const nn::Matrix<float> other_epoch = gather(set, first(9), all, 5).x;
  const nn::Matrix<float> other_seed = gather(set, first(9), all, 4, 6).x;
  for (Index n = 0; n < 9; ++n) {
    REQUIRE(other_epoch.col(n) != x.col(n));
    REQUIRE(other_seed.col(n) != x.col(n));
  }
  nn::ImageSet twice = random_set(2, {1, 12, 10});
  std::copy_n(twice.images.begin(), 120, twice.images.begin() + 120);
  const nn::Matrix<float> pair = gather(twice, {0, 1}, all).x;
  REQUIRE(pair.col(0) != pair.col(1));
}

TEST_CASE("distorted images are normalized as others are", "[augmentation]") {
  const nn::ImageSet set = random_set(3, {1, 8, 8});
  const nn::Normalization normalization{0.25, 0.5};
  const nn::Matrix<float> gray = gather(set, first(3), rotate_by(30.0), 1, 5).x;
  const nn::Matrix<float> x =
      gather(set, first(3), rotate_by(30.0), 1, 5, normalization).x;
  const nn::Matrix<float> expected =
      ((gray.array() / 255.0f - 0.25f) / 0.5f).matrix();
  REQUIRE(nn_test::relative_difference(x, expected) < 1e-6);
}

TEST_CASE("gathering distorted images allocates nothing after the first time",
          "[augmentation][allocations]") {
  const nn::ImageSet set = random_set(4, {1, 9, 9});
  const std::vector<Index> indices = {1, 2, 3};
  nn::Matrix<float> x(81, 3);
  nn::Labels labels(3);
  nn::AugmentationOptions all = bend_by(20.0, 3.0);
  all.shift = 2;
  nn::Augmentation augmentation(all, 1);
  const auto run = [&](Index epoch) {
    augmentation.gather<float>(set, indices.data(), 3, {}, epoch, x, labels);
  };
  run(0);
  const std::size_t before = nn_test::allocation_count();
  run(1);
  const std::size_t after = nn_test::allocation_count();
  REQUIRE(after == before);
}

TEST_CASE("extreme distortions stay within memory and within gray levels",
          "[augmentation]") {
  nn::AugmentationOptions all = bend_by(1e6, 0.1);
  all.shift = 1000000;
  all.rotation = 180.0;
  for (const nn::Shape& shape :
       {nn::Shape{1, 1, 1}, nn::Shape{2, 1, 9}, nn::Shape{1, 9, 1}}) {
    const nn::ImageSet set = random_set(5, shape);
    for (const auto& options :
         {all, bend_by(1e6, 0.1), bend_by(1e6, 1000.0), rotate_by(180.0)}) {
      const nn::Matrix<float> x = gather(set, first(5), options).x;
      REQUIRE(x.minCoeff() >= 0.0f);
      REQUIRE(x.maxCoeff() <= 255.0f);
    }
  }
}

TEST_CASE("distortions that make no sense are refused",
          "[augmentation][errors]") {
  using Error = std::invalid_argument;
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const auto refuses = [](const nn::AugmentationOptions& options) {
    REQUIRE_THROWS_AS(nn::Augmentation(options, 0), Error);
  };
  refuses(shift_by(-1));
  refuses(shift_by(1000001));
  for (const double bad : {-1.0, kNan, 1e7}) {
    refuses(rotate_by(bad));
    refuses(bend_by(bad, 4.0));
    refuses(bend_by(1.0, bad));
  }
  refuses(bend_by(1.0, 0.0));
  REQUIRE(nn_test::message_of<Error>(
              [] { nn::Augmentation(rotate_by(181.0), 0); }) ==
          "[Augmentation] expected a rotation from 0 to 180 degrees, got 181");

  const nn::ImageSet set = random_set(4, {1, 2, 2});
  REQUIRE_THROWS_AS(gather(set, {4}, shift_by(1)), Error);
  REQUIRE_THROWS_AS(gather(set, {0}, shift_by(1), -1), Error);
  nn::Matrix<float> x(3, 1);
  nn::Labels labels(1);
  const Index index = 0;
  nn::Augmentation augmentation(shift_by(1), 0);
  REQUIRE_THROWS_AS(
      augmentation.gather<float>(set, &index, 1, {}, 0, x, labels), Error);
}

namespace {

using Gray = std::vector<float>;

Gray grays_of(const Gathered& gathered, Index n) {
  const auto column = gathered.x.col(n);
  Gray gray;
  for (Index i = 0; i < column.size(); ++i) {
    gray.push_back(std::round(column(i)));
  }
  return gray;
}

/// Several versions of one image: one for each epoch.
std::set<Gray> versions(const nn::ImageSet& set,
                        const nn::AugmentationOptions& options,
                        Index epochs) {
  std::set<Gray> all;
  for (Index epoch = 0; epoch < epochs; ++epoch) {
    all.insert(grays_of(gather(set, {0}, options, epoch), 0));
  }
  return all;
}

float at(const nn::Matrix<float>& x,
         const nn::Shape& shape,
         Index c,
         Index h,
         Index w) {
  return x((c * shape.height + h) * shape.width + w, 0);
}

}  // namespace

TEST_CASE("mirrors exchange sides and change no gray level", "[augmentation]") {
  const nn::ImageSet set = one_image(2, 3, {1, 2, 3, 4, 5, 6});
  const Gray plain = {1, 2, 3, 4, 5, 6};
  const Gray sides = {3, 2, 1, 6, 5, 4};
  const Gray upside_down = {4, 5, 6, 1, 2, 3};
  const Gray both = {6, 5, 4, 3, 2, 1};
  nn::AugmentationOptions options;
  options.flip_horizontal = true;
  REQUIRE(options.is_on());
  CHECK(versions(set, options, 40) == std::set<Gray>{plain, sides});
  options.flip_vertical = true;
  CHECK(versions(set, options, 40) ==
        std::set<Gray>{plain, sides, upside_down, both});
  options.flip_horizontal = false;
  CHECK(versions(set, options, 40) == std::set<Gray>{plain, upside_down});

  // About half of the images.
  const nn::ImageSet many = random_set(400, {2, 3, 4});
  const Gathered mirrored = gather(many, first(400), options);
  int count = 0;
  for (Index n = 0; n < 400; ++n) {
    Gray expected;
    for (Index c = 0; c < 2; ++c) {
      for (Index h = 0; h < 3; ++h) {
        for (Index w = 0; w < 4; ++w) {
          expected.push_back(many.image(n)[(c * 3 + 2 - h) * 4 + w]);
        }
      }
    }
    if (grays_of(mirrored, n) == expected) ++count;
  }
  CHECK(count > 150);
  CHECK(count < 250);
}

TEST_CASE("what comes from outside has the colour or the edge that is wanted",
          "[augmentation]") {
  nn::ImageSet set = one_image(2, 2, {10, 20, 30, 40, 50, 60, 70, 80});
  set.shape = {2, 2, 2};
  nn::AugmentationOptions options = shift_by(1);
  const auto corners = [&] {
    // Of all nine shifts those that move by 1 along both axes.
    std::set<Gray> found;
    for (const Gray& gray : versions(set, options, 200)) {
      const auto kept = [&](float g) {
        return std::count(gray.begin(), gray.end(), g);
      };
      if (kept(10) > 0 && gray[3] == 10) found.insert(gray);
    }
    return found;
  };
  CHECK(corners() == std::set<Gray>{{0, 0, 0, 10, 0, 0, 0, 50}});
  options.border_color = {7};
  CHECK(corners() == std::set<Gray>{{7, 7, 7, 10, 7, 7, 7, 50}});
  options.border_color = {7, 200};
  CHECK(corners() == std::set<Gray>{{7, 7, 7, 10, 200, 200, 200, 50}});
  options.border = nn::AugmentationBorder::kEdge;
  CHECK(corners() == std::set<Gray>{{10, 10, 10, 10, 50, 50, 50, 50}});
  // However far out.
  options = shift_by(50);
  options.border = nn::AugmentationBorder::kEdge;
  for (const Gray& gray : versions(set, options, 100)) {
    CHECK(*std::min_element(gray.begin(), gray.end()) >= 10);
    CHECK(*std::max_element(gray.begin(), gray.begin() + 4) <= 40);
  }

  options.border = nn::AugmentationBorder::kColor;
  options.border_color = {1, 2, 3};
  CHECK(nn_test::message_of<std::invalid_argument>(
            [&] { gather(set, {0}, options); }) ==
        "[Augmentation] expected 1 border colour or one for each of 2 "
        "channels, got 3");
}

TEST_CASE("a scale stretches about the centre", "[augmentation]") {
  // A ramp: the gray level is the column, so that it tells where a pixel comes
  // from.
  std::vector<std::uint8_t> ramp;
  for (int r = 0; r < 9; ++r) {
    for (int c = 0; c < 9; ++c)
      ramp.push_back(static_cast<std::uint8_t>(20 * c));
  }
  const nn::ImageSet set = one_image(9, 9, ramp);
  nn::AugmentationOptions options;
  options.scale = 0.5;
  options.border = nn::AugmentationBorder::kEdge;
  double least = 10, most = 0;
  for (Index epoch = 0; epoch < 200; ++epoch) {
    const auto x = gather(set, {0}, options, epoch).x;
    CHECK(std::abs(at(x, set.shape, 0, 4, 4) - 80) < 1e-3);
    // A pixel aside it is 1 / s columns away.
    const double s = 20 / (double(at(x, set.shape, 0, 4, 5)) - 80);
    least = std::min(least, s);
    most = std::max(most, s);
    const double left = std::max(0.0, 80 - 80 / s);
    CHECK(std::abs(at(x, set.shape, 0, 0, 0) - left) < 1e-2);
  }
  CHECK(least > 0.499);
  CHECK(least < 0.52);
  CHECK(most > 1.47);
  CHECK(most < 1.501);
}

TEST_CASE("a crop shows a part of the image and nothing from outside",
          "[augmentation]") {
  std::vector<std::uint8_t> ramp;
  for (int r = 0; r < 10; ++r) {
    for (int c = 0; c < 10; ++c) {
      ramp.push_back(static_cast<std::uint8_t>(10 + 20 * c));
    }
  }
  const nn::ImageSet set = one_image(10, 10, ramp);
  nn::AugmentationOptions options;
  options.crop = 0.4;
  options.border = nn::AugmentationBorder::kEdge;
  double least = 1, leftmost = 1e9, rightmost = 0;
  for (Index epoch = 0; epoch < 300; ++epoch) {
    const auto x = gather(set, {0}, options, epoch).x;
    // The gray level says which column a point is from; between columns 4 and 5
    // is the middle of the rectangle.
    const double part =
        (double(at(x, set.shape, 0, 5, 5)) - at(x, set.shape, 0, 5, 4)) / 20;
    const double middle =
        (double(at(x, set.shape, 0, 5, 5)) + at(x, set.shape, 0, 5, 4) - 20) /
        40;
    least = std::min(least, part);
    leftmost = std::min(leftmost, middle - 5 * part);
    rightmost = std::max(rightmost, middle + 5 * part);
    CHECK(part <= 1 + 1e-5);
  }
  CHECK(least > 0.399);
  CHECK(least < 0.42);
  // The sides of the rectangle, of an image whose columns go from -1/2 to 9
  // 1/2.
  CHECK(leftmost > -0.501);
  CHECK(leftmost < -0.3);
  CHECK(rightmost > 9.3);
  CHECK(rightmost < 9.501);
}

TEST_CASE("a function of one's own sees planar images and its own draws",
          "[augmentation][threads]") {
  const nn::ImageSet set = random_set(60, {3, 4, 5});
  nn::AugmentationOptions options = shift_by(1);
  const Gathered shifted = gather(set, first(60), options);
  options.function =
      [](const nn::Shape& shape, nn::View<float> pixels, nn::Rng& rng) {
        // Another brightness for each channel.
        for (Index c = 0; c < shape.channels; ++c) {
          const auto factor = static_cast<float>(rng.uniform());
          pixels.col(0).segment(c * 20, 20) *= factor;
        }
      };
  const auto bright = [&](int threads) {
    const nn_test::ScopedThreads scope(threads);
    return gather(set, first(60), options).x;
  };
  const nn::Matrix<float> one = bright(1);
  CHECK(nn_test::same_bits(bright(3), one));
  std::set<float> factors;
  for (Index n = 0; n < 60; ++n) {
    for (Index c = 0; c < 3; ++c) {
      const auto before = shifted.x.col(n).segment(c * 20, 20);
      const auto after = one.col(n).segment(c * 20, 20);
      Index place = 0;
      const float factor = after.maxCoeff() / before.maxCoeff(&place);
      CHECK((after - factor * before).cwiseAbs().maxCoeff() < 1e-3f);
      factors.insert(factor);
    }
  }
  CHECK(factors.size() == 180);

  // Alone, it gets the image as it is; what it throws comes out.
  options = {};
  options.function = [](const nn::Shape&, nn::View<float> pixels, nn::Rng&) {
    pixels.array() = 255 - pixels.array();
  };
  REQUIRE(options.is_on());
  const Gathered negative = gather(set, {2}, options);
  for (Index i = 0; i < 60; ++i) {
    CHECK(std::abs(negative.x(i, 0) - float(255 - set.image(2)[i])) < 1e-3f);
  }
  options.function = [](const nn::Shape&, nn::View<float>, nn::Rng&) {
    throw std::runtime_error("no image");
  };
  CHECK_THROWS_WITH(gather(set, first(9), options), "no image");
}

TEST_CASE("scales and crops outside their range are refused",
          "[augmentation][errors]") {
  const auto message = [](double scale, double crop) {
    nn::AugmentationOptions options;
    options.scale = scale;
    options.crop = crop;
    return nn_test::message_of<std::invalid_argument>(
        [&] { nn::Augmentation(options, 1); });
  };
  CHECK(message(1.0, 1.0) ==
        "[Augmentation] expected a scale from 0 to 0.99, got 1");
  CHECK(message(0.0, 0.0) ==
        "[Augmentation] expected a crop from 0.01 to 1, got 0");
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(message(nan, 1.0) ==
        "[Augmentation] expected a scale from 0 to 0.99, got nan");
  CHECK(message(0.0, nan) ==
        "[Augmentation] expected a crop from 0.01 to 1, got nan");
}
