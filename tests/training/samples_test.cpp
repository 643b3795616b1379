#include "nn/training/samples.h"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "support/catch.h"
#include "support/errors.h"
#include "support/matrices.h"

using nn::Index;
using nn::Labels;
using nn::Matrix;
using nn::Samples;
using nn_test::message_of;

namespace {

// Sample n has the features n and -n, and the target 10 n.
struct Numbers {
  Matrix<double> x;
  Matrix<double> target;

  explicit Numbers(Index samples) : x(2, samples), target(1, samples) {
    for (Index n = 0; n < samples; ++n) {
      x.col(n) << double(n), -double(n);
      target(0, n) = 10.0 * double(n);
    }
  }
  Samples<double> samples() const { return {x, target}; }
};

std::vector<Index> places_of(const Samples<double>& samples) {
  std::vector<Index> places;
  for (Index i = 0; i < samples.size(); ++i) {
    places.push_back(samples.place(i));
  }
  return places;
}

std::string message(const std::function<void()>& function) {
  return message_of<std::invalid_argument>(function);
}

}  // namespace

TEST_CASE("samples have targets, of what outlives them", "[training]") {
  using Float = Samples<float>;
  using Plain = Matrix<float>;
  CHECK(std::is_constructible_v<Float, Plain&, Plain&>);
  CHECK(std::is_constructible_v<Float, const Plain&, const Eigen::MatrixXf&>);
  CHECK(std::is_constructible_v<Float, Plain&, nn::ConstView<float>>);
  CHECK_FALSE(std::is_constructible_v<Float, Plain&, Plain>);
  CHECK_FALSE(std::is_constructible_v<Float, Plain, Plain&>);
  CHECK_FALSE(std::is_constructible_v<Float, Plain&, Matrix<double>&>);

  const Numbers numbers(5);
  const Samples<double> samples = numbers.samples();
  CHECK_FALSE(samples.has_labels());
  CHECK(samples.size() == 5);
  CHECK(samples.features() == 2);
  CHECK(samples.target_features() == 1);
  CHECK(samples.target(3)(0, 0) == 30.0);
  Matrix<double> x(2, 2);
  Matrix<double> target(1, 2);
  const std::vector<Index> indices{4, 1};
  samples.gather(indices.data(), 2, x, nn::view(target));
  CHECK(x(0, 0) == 4.0);
  CHECK(target(0, 1) == 10.0);
}

TEST_CASE("a subset has the samples that were named, in their order",
          "[training]") {
  const Numbers numbers(6);
  const Samples<double> part = numbers.samples().subset({5, 0, 3, 3});
  CHECK(part.size() == 4);
  CHECK(part.target(0)(0, 0) == 50.0);
  // Of a subset there is one, too.
  CHECK(places_of(part.subset({2, 0})) == std::vector<Index>{3, 5});
  Matrix<double> x(2, 2);
  Matrix<double> target(1, 2);
  const std::vector<Index> indices{2, 1};
  part.gather(indices.data(), 2, x, nn::view(target));
  CHECK(x.col(0) == numbers.x.col(3));
  CHECK(target(0, 1) == 0.0);

  nn::ImageSet set;
  set.shape = nn::Shape{1, 1, 2};
  set.images = {0, 255, 10, 20, 255, 0};
  set.labels = {2, 1, 0};
  const Samples<double> images(set, {0.0, 1.0});
  const Samples<double> two = images.subset({2, 0});
  CHECK(two.label(0) == 0);
  CHECK(two.images() == &set);
  Labels labels(2);
  const std::vector<Index> both{0, 1};
  two.gather(both.data(), 2, x, labels);
  CHECK(x(0, 0) == 1.0);
  CHECK(x(1, 1) == 1.0);
  CHECK(labels == (Labels(2) << 0, 2).finished());
}

TEST_CASE("a split parts samples by a seed, and each class alike",
          "[training]") {
  Matrix<double> x = Matrix<double>::Zero(1, 100);
  Labels labels(100);
  for (Index n = 0; n < 100; ++n) labels(n) = n < 70 ? 0 : n < 90 ? 1 : 2;
  const Samples<double> samples(x, labels);
  const auto [first, second] = samples.split(0.2, 7);
  CHECK(first.size() == 80);
  CHECK(second.size() == 20);
  std::map<int, int> counts;
  for (Index i = 0; i < second.size(); ++i) ++counts[second.label(i)];
  CHECK(counts == std::map<int, int>{{0, 14}, {1, 4}, {2, 2}});
  // Every sample is in one of both, in its order.
  auto all = places_of(first);
  const auto rest = places_of(second);
  CHECK(std::is_sorted(all.begin(), all.end()));
  CHECK(std::is_sorted(rest.begin(), rest.end()));
  all.insert(all.end(), rest.begin(), rest.end());
  std::sort(all.begin(), all.end());
  for (Index i = 0; i < 100; ++i) CHECK(all[static_cast<std::size_t>(i)] == i);

  CHECK(places_of(samples.split(0.2, 7).second) == rest);
  CHECK(places_of(samples.split(0.2, 8).second) != rest);

  // Few of many classes: the size is that of the share nevertheless.
  for (Index n = 0; n < 100; ++n) labels(n) = static_cast<int>(n);
  CHECK(samples.split(0.3, 1).second.size() == 30);

  const Numbers numbers(10);
  CHECK(numbers.samples().split(0.25, 1).second.size() == 3);
}

TEST_CASE("samples with targets refuse what does not fit",
          "[training][errors]") {
  const Numbers numbers(3);
  const Matrix<double> two(1, 2);
  CHECK(message([&] { Samples<double>(numbers.x, two); }) ==
        "[Samples] expected 3 columns of targets for 3 samples (columns), got "
        "2");
  const Samples<double> samples = numbers.samples();
  CHECK(message([&] { samples.subset({}); }) ==
        "[Samples] expected a subset of at least 1 sample, got none");
  CHECK(message([&] {
          samples.subset({0, 3});
        }) == "[Samples] expected an index below 3, got 3 at place 1");
  CHECK(message([&] { samples.split(1.5, 1); }) ==
        "[Samples] expected a share from 0 to 1, got 1.5");
  CHECK(message([&] { samples.split(0.1, 1); }) ==
        "[Samples] expected a share that leaves both parts a sample, got 0.1 "
        "of 3");
  Matrix<double> x(2, 1);
  Matrix<double> target(2, 1);
  Labels labels(1);
  const Index first = 0;
  CHECK(message([&] { samples.gather(&first, 1, x, nn::view(target)); }) ==
        "[Samples] expected x of 2 x 1 and a target of 1 x 1, got 2 x 1 and 2 "
        "x 1");
  CHECK(message([&] { samples.gather(&first, 1, x, labels); }) ==
        "[Samples] expected samples with labels, got those with a matrix of "
        "targets");
}

TEST_CASE("samples keep their weights in subsets", "[training][samples]") {
  const auto x = nn_test::samples<float>({{1, 2}, {3, 4}, {5, 6}, {7, 8}});
  const nn::Labels labels = nn::Labels::Zero(4);
  const auto weights = nn_test::samples<float>({{1, 0, 2.5, 3}});
  const nn::Samples<float> plain(x, labels);
  CHECK_FALSE(plain.has_weights());
  CHECK(plain.weight(2) == 1);
  const auto all = plain.weighted(weights);
  CHECK(all.has_weights());
  // That of weight 0 is left out.
  REQUIRE(all.size() == 3);
  CHECK(all.place(1) == 2);
  CHECK(all.weight(1) == 2.5f);
  const auto some = all.subset({2, 1, 2});
  CHECK(some.weight(0) == 3);
  CHECK(some.weight(1) == 2.5f);
  const auto positive = nn_test::samples<float>({{1, 2, 3, 4}});
  CHECK(plain.weighted(positive).size() == 4);
  // The numbers of all, also where it is a subset that gets them.
  CHECK(plain.subset({3, 2}).weighted(weights).weight(1) == 2.5f);

  using Error = std::invalid_argument;
  const auto message = [&](const nn::Matrix<float>& bad) {
    return nn_test::message_of<Error>([&] { plain.weighted(bad); });
  };
  CHECK(message(nn_test::samples<float>({{1, 0, -1, 3}})) ==
        "[Samples] expected finite weights of at least 0, got -1 for sample 2");
  CHECK(message(nn_test::samples<float>({{1, 0, 2}})) ==
        "[Samples] expected a weight for each of 4 samples, got 3");
  CHECK(message(nn_test::samples<float>({{0, 0, 0, 0}})) ==
        "[Samples] expected a weight above 0 for one of the 4 samples, got "
        "none");
  CHECK(nn_test::message_of<Error>(
            [&] { plain.subset({1}).weighted(weights); }) ==
        "[Samples] expected a weight above 0 for one of the 1 samples, got "
        "none");
}
