#include "nn/data/image_set.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "nn/random.h"
#include "support/allocations.h"
#include "support/catch.h"
#include "support/errors.h"

namespace {

using Catch::Approx;
using nn::Index;

nn::ImageSet random_set(Index count, const nn::Shape& shape) {
  nn::Rng rng(1);
  nn::ImageSet set;
  set.shape = shape;
  for (Index i = 0; i < count * shape.features(); ++i) {
    set.images.push_back(static_cast<std::uint8_t>(rng.index(256)));
  }
  for (Index i = 0; i < count; ++i) {
    set.labels.push_back(static_cast<int>(rng.index(1000)));
  }
  return set;
}

}  // namespace

TEST_CASE("the head of a set is its first images", "[image_set]") {
  nn::ImageSet set = random_set(5, {1, 3, 2});
  set.class_names = {"cat", "dog"};
  const nn::ImageSet head = set.head(2);
  REQUIRE(head.shape == set.shape);
  REQUIRE(head.size() == 2);
  REQUIRE(head.images == std::vector<std::uint8_t>(set.images.begin(),
                                                   set.images.begin() + 12));
  REQUIRE(head.labels ==
          std::vector<int>(set.labels.begin(), set.labels.begin() + 2));
  REQUIRE(head.class_names == set.class_names);
  REQUIRE(set.head(99).images == set.images);
  REQUIRE(set.head(99).labels == set.labels);
  REQUIRE(set.head(0).size() == 0);
  REQUIRE_THROWS_AS(set.head(-1), std::invalid_argument);
}

TEST_CASE("the normalization is mean and deviation over all pixels",
          "[image_set]") {
  nn::ImageSet set;
  set.shape = {1, 1, 2};
  set.images = {0, 255, 0, 51};  // 0, 1, 0, 0.2
  set.labels = {0, 1};
  const nn::Normalization normalization = nn::measure_normalization(set);
  REQUIRE(normalization.mean == Approx(0.3).epsilon(1e-14));
  // Mean square 1.04 / 4 = 0.26, less 0.09.
  REQUIRE(normalization.deviation == Approx(std::sqrt(0.17)).epsilon(1e-14));
}

TEST_CASE("a constant set has deviation 1", "[image_set]") {
  nn::ImageSet set;
  set.shape = {1, 1, 3};
  set.images = {51, 51, 51};
  set.labels = {0};
  const nn::Normalization normalization = nn::measure_normalization(set);
  REQUIRE(normalization.mean == Approx(0.2).epsilon(1e-14));
  REQUIRE(normalization.deviation == 1.0);
}

TEST_CASE("an empty set has no normalization", "[image_set][errors]") {
  REQUIRE_THROWS_AS(nn::measure_normalization(nn::ImageSet{}),
                    std::invalid_argument);
}

TEMPLATE_TEST_CASE("gathered images are scaled and in the order asked for",
                   "[image_set]",
                   float,
                   double) {
  // Image sizes beside those of vector registers, and an index twice.
  for (const nn::Shape& shape :
       {nn::Shape{1, 28, 28}, nn::Shape{1, 3, 5}, nn::Shape{1, 1, 1}}) {
    const nn::ImageSet set = random_set(6, shape);
    const nn::Normalization normalization{0.1307, 0.3081};
    const std::vector<Index> indices = {5, 0, 3, 3};
    nn::Matrix<TestType> x(shape.features(), 4);
    nn::Labels labels(4);
    nn::gather<TestType>(
        set, indices.data(), 4, normalization, nn::view(x), labels);
    double largest_error = 0.0;
    for (Index n = 0; n < 4; ++n) {
      const Index i = indices[static_cast<std::size_t>(n)];
      REQUIRE(labels[n] == set.labels[static_cast<std::size_t>(i)]);
      for (Index k = 0; k < shape.features(); ++k) {
        const double expected = (set.image(i)[k] / 255.0 - normalization.mean) /
                                normalization.deviation;
        largest_error = std::max(
            largest_error, std::abs(static_cast<double>(x(k, n)) - expected));
      }
    }
    // Values are below 3: a few units in the last place.
    REQUIRE(largest_error < (sizeof(TestType) == 4 ? 1e-6 : 1e-14));
  }
}

TEST_CASE("gathering into the columns of a larger batch stays within them",
          "[image_set]") {
  const nn::ImageSet set = random_set(4, {1, 2, 2});
  nn::Matrix<float> x = nn::Matrix<float>::Constant(4, 3, -9.0f);
  nn::Labels labels = nn::Labels::Constant(3, -9);
  const std::vector<Index> indices = {1, 2};
  nn::gather<float>(set,
                    indices.data(),
                    2,
                    {},
                    nn::View<float>(x.data(), 4, 2),
                    labels.head(2));
  REQUIRE(x.col(2) == nn::Matrix<float>::Constant(4, 1, -9.0f));
  REQUIRE(labels[2] == -9);
  REQUIRE(x(3, 1) == Approx(set.image(2)[3] / 255.0));
}

TEST_CASE("gathering allocates nothing", "[image_set][allocations]") {
  const nn::ImageSet set = random_set(4, {1, 5, 5});
  const std::vector<Index> indices = {1, 2, 3};
  nn::Matrix<float> x(25, 3);
  nn::Labels labels(3);
  const std::size_t before = nn_test::allocation_count();
  nn::gather<float>(set, indices.data(), 3, {}, nn::view(x), labels);
  const std::size_t after = nn_test::allocation_count();
  REQUIRE(after == before);
}

TEST_CASE("gather refuses sizes that disagree and indices out of range",
          "[image_set][errors]") {
  using Error = std::invalid_argument;
  const nn::ImageSet set = random_set(4, {1, 2, 2});
  nn::Matrix<float> x(4, 2);
  nn::Labels labels(2);
  const auto gather = [&](const std::vector<Index>& indices) {
    nn::gather<float>(set,
                      indices.data(),
                      static_cast<Index>(indices.size()),
                      {},
                      nn::view(x),
                      labels);
  };
  REQUIRE_NOTHROW(gather({0, 3}));
  REQUIRE_THROWS_AS(gather({0}), Error);
  REQUIRE_THROWS_AS(gather({0, 1, 2}), Error);
  REQUIRE_THROWS_AS(gather({0, -1}), Error);
  REQUIRE(nn_test::message_of<Error>([&] {
            gather({0, 4});
          }) == "[gather] expected an index below 4, got 4 at place 1");
  x.resize(5, 2);
  REQUIRE_THROWS_AS(gather({0, 1}), Error);
  x.resize(4, 2);
  labels.resize(3);
  REQUIRE_THROWS_AS(gather({0, 1}), Error);

  nn::ImageSet broken = set;
  broken.images.pop_back();
  const Index index = 3;
  REQUIRE_THROWS_AS(
      nn::gather<float>(
          broken, &index, 1, {}, nn::View<float>(x.data(), 4, 1), labels),
      Error);
}
