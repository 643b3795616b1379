#include "nn/moments.h"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "nn/random.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/matrices.h"

using nn::Index;
using nn::Matrix;
using nn::Moments;
using nn_test::samples;

namespace {

using Numbers = std::vector<double>;

/// In long double, by the definition, of distances to the middle of the row:
/// long double has only some digits more.
void check_definition(const Matrix<double>& x, const Moments& moments) {
  REQUIRE(moments.size() == x.rows());
  REQUIRE(moments.count() == x.cols());
  const auto count = static_cast<long double>(x.cols());
  for (Index i = 0; i < x.rows(); ++i) {
    const long double middle = x(i, x.cols() / 2);
    long double away = 0;
    for (Index n = 0; n < x.cols(); ++n) away += (x(i, n) - middle) / count;
    long double variance = 0;
    for (Index n = 0; n < x.cols(); ++n) {
      const long double distance = x(i, n) - middle - away;
      variance += distance * distance / count;
    }
    const long double mean = middle + away;
    const double deviation =
        variance > 0 ? static_cast<double>(std::sqrt(variance)) : 1.0;
    const auto place = static_cast<std::size_t>(i);
    CHECK(std::abs(moments.mean()[place] - static_cast<double>(mean)) <=
          4e-16 * std::abs(static_cast<double>(mean)) + 1e-13 * deviation);
    CHECK(std::abs(moments.deviation()[place] - deviation) <=
          1e-13 * deviation);
  }
}

}  // namespace

TEST_CASE("moments are those of a hand count", "[moments]") {
  const Moments moments(samples<float>({{1, 5, -2}, {3, 5, 2}, {5, 5, 0}}));
  CHECK(moments.count() == 3);
  CHECK(moments.mean() == Numbers{3, 5, 0});
  // The squares 4 0 4 over 3; a row of equal values has 1.
  const double deviation = std::sqrt(8.0 / 3);
  CHECK(moments.deviation() == Numbers{deviation, 1, deviation});
}

TEST_CASE("moments keep their digits whatever the mean and the parts",
          "[moments]") {
  nn::Rng rng(11);
  for (const double mean : {0.0, -1e3, 1e9, 1e12}) {
    for (const Index count : {1, 2, 255, 257, 5000}) {
      CAPTURE(mean, count);
      Matrix<double> x = nn_test::normal_matrix<double>(3, count, rng);
      x.array() += mean;
      x.row(1) *= 1e-3;
      check_definition(x, Moments(x));
      Moments in_parts;
      for (Index first = 0; first < count;) {
        const Index part = std::min<Index>(1 + rng.index(700), count - first);
        in_parts.add(x.middleCols(first, part));
        first += part;
      }
      check_definition(x, in_parts);
    }
  }
}

TEST_CASE("an outlier in front costs the moments no digits", "[moments]") {
  nn::Rng rng(12);
  Matrix<double> x = nn_test::normal_matrix<double>(1, 1000, rng);
  x(0, 0) = 1e6;
  check_definition(x, Moments(x));
}

TEST_CASE("equal values are found to be equal, in parts and in floats too",
          "[moments]") {
  for (const float value : {0.1f, -1e30f, 3e-39f}) {
    Moments moments;
    for (const Index count : {1, 3, 1000}) {
      const Matrix<float> x = Matrix<float>::Constant(2, count, value);
      moments.add(x);
      CHECK(moments.mean() == Numbers(2, static_cast<double>(value)));
      CHECK(moments.deviation() == Numbers{1, 1});
    }
  }
  // Neighbours are not equal.
  Matrix<float> x = Matrix<float>::Constant(1, 2, 0.1f);
  x(0, 1) = std::nextafter(0.1f, 1.0f);
  const double half = (double(x(0, 1)) - double(x(0, 0))) / 2;
  CHECK(Moments(x).deviation()[0] == half);
}

TEST_CASE("the moments of groups are those of their rows together",
          "[moments]") {
  nn::Rng rng(13);
  const Matrix<double> x = nn_test::normal_matrix<double>(6, 50, rng);
  const Moments moments = Moments(x).of_groups(2);
  // Each group as one row.
  Matrix<double> rows(2, 150);
  for (Index g = 0; g < 2; ++g) {
    for (Index i = 0; i < 3; ++i) {
      rows.block(g, 50 * i, 1, 50) = x.row(3 * g + i);
    }
  }
  check_definition(rows, moments);
  const Matrix<float> equal = Matrix<float>::Constant(6, 3, 0.1f);
  CHECK(Moments(equal).of_groups(3).deviation() == Numbers{1, 1, 1});
}

TEST_CASE("moments refuse what they cannot measure and stay as they were",
          "[moments][errors]") {
  const Matrix<float> good = samples<float>({{1, 2}, {3, 4}});
  Moments moments(good);
  const auto message = [&](const auto& x) {
    return nn_test::message_of<std::invalid_argument>([&] { moments.add(x); });
  };
  Matrix<float> bad = samples<float>({{1, 2}, {3, 4}, {5, 6}});
  bad(1, 2) = std::numeric_limits<float>::quiet_NaN();
  CHECK(message(bad) ==
        "[Moments] expected finite values, got nan for feature 1 of sample 4");
  bad(1, 2) = std::numeric_limits<float>::infinity();
  CHECK(message(bad) ==
        "[Moments] expected finite values, got inf for feature 1 of sample 4");
  CHECK(message(Matrix<float>(3, 2)) ==
        "[Moments] expected 2 rows as before, got 3");
  CHECK(message(Matrix<double>(2, 0)) ==
        "[Moments] expected at least 1 feature and 1 sample, got 2 x 0");
  CHECK(message(samples<double>({{1, 1e200}, {1, -1e200}})) ==
        "[Moments] expected values of which double can hold the sum of "
        "squares, got others for feature 1; another unit of it may do");
  CHECK(nn_test::message_of<std::invalid_argument>([&] {
          moments.of_groups(3);
        }) == "[Moments] expected rows for 3 groups of equal size, got 2");
  CHECK(moments.count() == 2);
  CHECK(moments.mean() == Numbers{2, 3});
  CHECK(moments.deviation() == Numbers{1, 1});
}

TEST_CASE("squares that double cannot hold are no deviation of 1",
          "[moments][errors]") {
  using Error = std::invalid_argument;
  for (const double unit : {1e170, 1e200, 1e300, 1e-170, 1e-300}) {
    nn::Rng rng(4);
    Matrix<double> x(2, 600);
    for (Index n = 0; n < x.cols(); ++n) {
      x(0, n) = rng.normal();
      x(1, n) = unit * rng.normal();
    }
    CAPTURE(unit);
    CHECK_THAT(nn_test::message_of<Error>([&] { Moments moments(x); }),
               Catch::Matchers::ContainsSubstring("for feature 1"));
    // Also where parts are of one value each.
    Moments parts(x.leftCols(1));
    CHECK_THROWS_AS(parts.add(x.col(1)), Error);
    x.row(1).setConstant(unit);
    CHECK(Moments(x).deviation()[1] == 1.0);
  }
  Matrix<double> pair(2, 1);
  pair << 1e300, -1e300;
  CHECK_THROWS_AS(Moments(pair).of_groups(1), Error);
  CHECK_THROWS_AS(Moments().of_groups(1), Error);
}
