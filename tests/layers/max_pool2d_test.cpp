#include "nn/layers/max_pool2d.h"

#include <cmath>
#include <limits>
#include <vector>

#include "nn/random.h"
#include "support/catch.h"
#include "support/layer_contract.h"
#include "support/layer_runner.h"
#include "support/matrices.h"

using nn::Extent;
using nn::Index;
using nn::Matrix;
using nn::MaxPool2d;
using nn::Shape;

namespace {

struct Case {
  Shape input;
  Extent window;
  Extent stride;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {{1, 1, 1}, 1, 1},
      {{1, 4, 4}, 2, 2},
      {{3, 6, 8}, 2, 2},
      {{2, 5, 7}, 2, 2},                // a row and a column are left over
      {{2, 5, 7}, 3, 1},                // windows overlap
      {{1, 9, 9}, 3, 2},                // windows overlap
      {{2, 7, 9}, 2, 3},                // gaps between windows
      {{3, 6, 5}, {3, 2}, {1, 2}},      // not square
      {{2, 1, 12}, {1, 4}, {1, 3}},     //
      {{2, 12, 1}, {4, 1}, {2, 1}},     //
      {{4, 3, 3}, 3, 3},                // one window
      {{1, 16, 17}, {15, 17}, {1, 1}},  // the largest window
      {{5, 14, 14}, 2, 2},
  };
  return all;
}

// The definition, window by window.
template <typename Scalar>
nn_test::LayerPass<Scalar> naive(const MaxPool2d<Scalar>& pool,
                                 const Matrix<Scalar>& x,
                                 const Matrix<Scalar>& dy) {
  const Shape in = pool.input_shape();
  const Shape out = pool.output_shape();
  nn_test::LayerPass<Scalar> result;
  result.y.resize(out.features(), x.cols());
  result.dx = Matrix<Scalar>::Zero(in.features(), x.cols());
  for (Index n = 0; n < x.cols(); ++n) {
    for (Index c = 0; c < in.channels; ++c) {
      for (Index oh = 0; oh < out.height; ++oh) {
        for (Index ow = 0; ow < out.width; ++ow) {
          Index winner = -1;
          for (Index h = 0; h < pool.window().height; ++h) {
            for (Index w = 0; w < pool.window().width; ++w) {
              const Index i =
                  (c * in.height + oh * pool.stride().height + h) * in.width +
                  ow * pool.stride().width + w;
              if (winner < 0 || x(i, n) > x(winner, n)) winner = i;
            }
          }
          const Index p = (c * out.height + oh) * out.width + ow;
          result.y(p, n) = x(winner, n);
          result.dx(winner, n) += dy(p, n);
        }
      }
    }
  }
  return result;
}

}  // namespace

TEMPLATE_TEST_CASE("max-pooling gives what is worked out by hand",
                   "[layers][max_pool2d]",
                   float,
                   double) {
  using Scalar = TestType;
  MaxPool2d<Scalar> pool(Shape{1, 4, 4}, 2);
  const auto x = nn_test::samples<Scalar>({{1,
                                            2,
                                            8,
                                            7,  //
                                            4,
                                            3,
                                            5,
                                            6,  //
                                            -1,
                                            -2,
                                            0,
                                            1,  //
                                            -3,
                                            -4,
                                            3,
                                            2}});
  const auto dy = nn_test::samples<Scalar>({{10, 20, 30, 40}});
  const auto pass = nn_test::run(pool, x, dy);
  CHECK(pass.y == nn_test::samples<Scalar>({{4, 8, -1, 3}}));
  CHECK(pass.dx == nn_test::samples<Scalar>({{0,
                                              0,
                                              20,
                                              0,  //
                                              10,
                                              0,
                                              0,
                                              0,  //
                                              30,
                                              0,
                                              0,
                                              0,  //
                                              0,
                                              0,
                                              40,
                                              0}}));
}

TEMPLATE_TEST_CASE(
    "an input that wins several windows gets all their gradients",
    "[layers][max_pool2d]",
    float,
    double) {
  using Scalar = TestType;
  MaxPool2d<Scalar> pool(Shape{1, 3, 3}, 2, 1);
  const auto x = nn_test::samples<Scalar>({{1, 2, 3, 4, 9, 5, 6, 7, 8}});
  const auto dy = nn_test::samples<Scalar>({{1, 2, 3, 4}});
  const auto pass = nn_test::run(pool, x, dy);
  CHECK(pass.y == nn_test::samples<Scalar>({{9, 9, 9, 9}}));
  CHECK(pass.dx == nn_test::samples<Scalar>({{0, 0, 0, 0, 10, 0, 0, 0, 0}}));
}

TEMPLATE_TEST_CASE("of equal values the first in row order wins",
                   "[layers][max_pool2d]",
                   float,
                   double) {
  using Scalar = TestType;
  for (const Case& c : cases()) {
    MaxPool2d<Scalar> pool(c.input, c.window, c.stride);
    INFO(pool.describe() << " on " << c.input.to_string());
    // Few values, so that there are ties everywhere.
    nn::Rng rng(5);
    for (const Index values : {1, 2, 3}) {
      Matrix<Scalar> x(c.input.features(), 3);
      for (Index i = 0; i < x.size(); ++i) {
        x.data()[i] = static_cast<Scalar>(rng.index(values));
      }
      const auto dy = nn_test::normal_matrix<Scalar>(
          pool.output_shape().features(), 3, rng);
      const auto pass = nn_test::run(pool, x, dy);
      const auto expected = naive(pool, x, dy);
      CHECK(pass.y == expected.y);
      CHECK(nn_test::relative_difference(pass.dx, expected.dx) < 1e-6);
    }
  }
}

TEMPLATE_TEST_CASE("a NaN wins over every number",
                   "[layers][max_pool2d]",
                   float,
                   double) {
  using Scalar = TestType;
  constexpr Scalar kNaN = std::numeric_limits<Scalar>::quiet_NaN();
  constexpr Scalar kInfinity = std::numeric_limits<Scalar>::infinity();
  for (const Index width : {2, 8, 34}) {
    MaxPool2d<Scalar> pool(Shape{1, 2, width}, 2);
    for (Index place = 0; place < 2 * width; ++place) {
      Matrix<Scalar> x = Matrix<Scalar>::Constant(2 * width, 1, kInfinity);
      x(place, 0) = kNaN;
      const Matrix<Scalar> dy = Matrix<Scalar>::Ones(width / 2, 1);
      const auto pass = nn_test::run(pool, x, dy);
      const Index window = place % width / 2;
      for (Index p = 0; p < width / 2; ++p) {
        CHECK(std::isnan(pass.y(p, 0)) == (p == window));
      }
      CHECK(pass.dx(place, 0) == 1);
    }
  }
}

TEST_CASE("minus infinity can win a window", "[layers][max_pool2d]") {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  MaxPool2d<double> pool(Shape{1, 2, 2}, 2);
  const Matrix<double> x = Matrix<double>::Constant(4, 1, -kInfinity);
  const auto pass = nn_test::run(pool, x, nn_test::samples<double>({{3.0}}));
  CHECK(pass.y(0, 0) == -kInfinity);
  CHECK(pass.dx == nn_test::samples<double>({{3, 0, 0, 0}}));
}

TEST_CASE("max-pooling keeps the layer contract at every geometry",
          "[layers][max_pool2d][contract]") {
  for (const Case& c : cases()) {
    CHECK(nn_test::contract_violations(nn_test::contract_of<MaxPool2d>(
              nn_test::matrix_without_ties<double>,
              c.input,
              c.window,
              c.stride)) == nn_test::kNoViolations);
  }
}

TEST_CASE("max-pooling infers its shape, with the window as stride",
          "[layers][max_pool2d]") {
  CHECK(MaxPool2d<float>(Shape{16, 28, 28}, 2).output_shape() ==
        Shape{16, 14, 14});
  CHECK(MaxPool2d<float>(Shape{2, 7, 9}, {2, 3}).output_shape() ==
        Shape{2, 3, 3});
  CHECK(MaxPool2d<float>(Shape{2, 7, 9}, {2, 3}, {1, 2}).output_shape() ==
        Shape{2, 6, 4});
  CHECK(MaxPool2d<float>(Shape{1, 4, 4}, 2).parameters().empty());
  CHECK_THAT(MaxPool2d<float>(Shape{1, 4, 4}, {2, 3}).describe(),
             Catch::Matchers::ContainsSubstring("2x3"));
}

TEST_CASE("max-pooling refuses geometries that cannot be",
          "[layers][max_pool2d][errors]") {
  using Catch::Matchers::ContainsSubstring;
  using Catch::Matchers::StartsWith;
  const Shape input{2, 4, 5};
  CHECK_THROWS_WITH(MaxPool2d<float>(input, 5),
                    StartsWith("[MaxPool2d]") && ContainsSubstring("5x5") &&
                        ContainsSubstring("2x4x5"));
  CHECK_THROWS_AS(MaxPool2d<float>(input, {1, 6}), std::invalid_argument);
  CHECK(MaxPool2d<float>(input, {4, 5}).output_shape() == Shape{2, 1, 1});
  CHECK_THROWS_WITH(MaxPool2d<float>(input, 0), StartsWith("[MaxPool2d]"));
  CHECK_THROWS_WITH(MaxPool2d<float>(input, 2, 0), StartsWith("[MaxPool2d]"));
  CHECK_THROWS_WITH(MaxPool2d<float>(input, 2, {1, -1}),
                    StartsWith("[MaxPool2d]"));
  // The winner's place has to fit a byte.
  const Shape large{1, 16, 17};
  CHECK_THROWS_WITH(MaxPool2d<float>(large, 16),
                    StartsWith("[MaxPool2d]") && ContainsSubstring("255"));
  CHECK_NOTHROW(MaxPool2d<float>(large, {15, 17}));
}
