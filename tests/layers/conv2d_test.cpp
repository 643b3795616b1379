#include "nn/layers/conv2d.h"

#include <cmath>
#include <vector>

#include "nn/random.h"
#include "support/catch.h"
#include "support/layer_contract.h"
#include "support/layer_runner.h"
#include "support/matrices.h"

using nn::Conv2d;
using nn::Extent;
using nn::Index;
using nn::Matrix;
using nn::Shape;

namespace {

struct Case {
  Shape input;
  Index out_channels;
  Extent kernel;
  Extent stride;
  Extent padding;
};

// Odd sizes, kernels that are not square, strides that leave a rest, paddings
// up to the kernel less one, single rows, columns, pixels and taps.
const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {{1, 1, 1}, 1, 1, 1, 0},
      {{1, 5, 5}, 1, 3, 1, 0},
      {{2, 5, 7}, 3, 1, 1, 0},
      {{3, 4, 6}, 2, 1, 2, 0},
      {{2, 6, 5}, 3, {3, 2}, 1, 0},
      {{2, 7, 6}, 1, {2, 5}, {2, 1}, {1, 4}},
      {{1, 8, 8}, 4, 5, 1, 2},
      {{1, 4, 4}, 2, 5, 1, 4},
      {{3, 5, 4}, 5, 3, 2, 1},
      {{4, 9, 7}, 2, 3, 3, 2},
      {{5, 3, 3}, 5, 3, 1, 2},
      {{2, 1, 9}, 3, {1, 4}, {1, 3}, {0, 3}},
      {{2, 9, 1}, 3, {4, 1}, {3, 1}, {3, 0}},
      {{1, 6, 6}, 2, 2, 3, 1},
      {{2, 7, 17}, 3, 3, 1, 1},
      {{1, 5, 5}, 1, 5, 1, 0},
      {{3, 6, 6}, 17, 3, {1, 2}, {2, 0}},
      // More padding than the kernel reaches over: outputs that see only zeros.
      {{2, 3, 4}, 3, 1, 1, 1},
      {{2, 3, 4}, 2, 2, 1, {3, 2}},
      {{1, 4, 3}, 2, {1, 2}, 2, {2, 3}},
  };
  return all;
}

// The definition, loop by loop, in double.
struct Naive {
  Matrix<double> y, dx, dw, db;
};

template <typename Scalar>
Naive naive(const Conv2d<Scalar>& conv,
            const Matrix<Scalar>& x,
            const Matrix<Scalar>& dy) {
  const Shape in = conv.input_shape();
  const Shape out = conv.output_shape();
  const Index kernel_h = conv.kernel().height;
  const Index kernel_w = conv.kernel().width;
  Naive result;
  result.y = Matrix<double>::Zero(out.features(), x.cols());
  result.dx = Matrix<double>::Zero(in.features(), x.cols());
  result.dw = Matrix<double>::Zero(conv.weight().value.rows(), out.channels);
  result.db = Matrix<double>::Zero(out.channels, 1);
  for (Index n = 0; n < x.cols(); ++n) {
    for (Index o = 0; o < out.channels; ++o) {
      for (Index oh = 0; oh < out.height; ++oh) {
        for (Index ow = 0; ow < out.width; ++ow) {
          const Index p = (o * out.height + oh) * out.width + ow;
          const auto d = static_cast<double>(dy(p, n));
          double sum = static_cast<double>(conv.bias().value(o, 0));
          result.db(o, 0) += d;
          for (Index c = 0; c < in.channels; ++c) {
            for (Index kh = 0; kh < kernel_h; ++kh) {
              for (Index kw = 0; kw < kernel_w; ++kw) {
                const Index h =
                    oh * conv.stride().height + kh - conv.padding().height;
                const Index w =
                    ow * conv.stride().width + kw - conv.padding().width;
                if (h < 0 || h >= in.height || w < 0 || w >= in.width) continue;
                const Index i = (c * in.height + h) * in.width + w;
                const Index k = (c * kernel_h + kh) * kernel_w + kw;
                const auto weight =
                    static_cast<double>(conv.weight().value(k, o));
                const auto pixel = static_cast<double>(x(i, n));
                sum += weight * pixel;
                result.dx(i, n) += weight * d;
                result.dw(k, o) += pixel * d;
              }
            }
          }
          result.y(p, n) = sum;
        }
      }
    }
  }
  return result;
}

template <typename Scalar>
void check_against_naive(const Case& c, Index batch) {
  nn::Rng rng(7);
  Conv2d<Scalar> conv(c.input, c.out_channels, c.kernel, c.stride, c.padding);
  INFO(conv.describe() << " on " << c.input.to_string() << ", batch " << batch);
  conv.initialize(rng);
  conv.bias().value = nn_test::normal_matrix<Scalar>(c.out_channels, 1, rng);
  const auto x = nn_test::normal_matrix<Scalar>(c.input.features(), batch, rng);
  const auto dy = nn_test::normal_matrix<Scalar>(
      conv.output_shape().features(), batch, rng);
  const auto pass = nn_test::run(conv, x, dy);
  const Naive expected = naive(conv, x, dy);
  const double tolerance = sizeof(Scalar) == 4 ? 1e-5 : 1e-13;
  CHECK(nn_test::relative_difference(pass.y, expected.y) < tolerance);
  CHECK(nn_test::relative_difference(pass.dx, expected.dx) < tolerance);
  CHECK(nn_test::relative_difference(conv.weight().grad, expected.dw) <
        tolerance);
  CHECK(nn_test::relative_difference(conv.bias().grad, expected.db) <
        tolerance);
}

}  // namespace

TEMPLATE_TEST_CASE("conv2d gives what is worked out by hand",
                   "[layers][conv2d]",
                   float,
                   double) {
  using Scalar = TestType;
  Conv2d<Scalar> conv(Shape{1, 3, 3}, 1, 2);
  // 1 2 3     1  0
  // 4 5 6  *  0 -1   + 10:  the upper left less the lower right of each window
  // 7 8 9
  conv.weight().value << 1, 0, 0, -1;
  conv.bias().value << 10;
  const auto x = nn_test::samples<Scalar>({{1, 2, 3, 4, 5, 6, 7, 8, 9}});
  const auto dy = nn_test::samples<Scalar>({{1, 2, 3, 4}});
  const auto pass = nn_test::run(conv, x, dy);
  CHECK(pass.y == nn_test::samples<Scalar>({{6, 6, 6, 6}}));
  // Each dy goes to the upper left of its window, negated to the lower right.
  CHECK(pass.dx == nn_test::samples<Scalar>({{1, 2, 0, 3, 3, -2, 0, -3, -4}}));
  // Each tap meets dy at its own offset: 1*1 + 2*2 + 3*4 + 4*5, and so on.
  CHECK(conv.weight().grad == nn_test::samples<Scalar>({{37, 47, 67, 77}}));
  CHECK(conv.bias().grad == nn_test::samples<Scalar>({{10}}));
}

TEST_CASE("conv2d does not flip its kernel, and pads with zeros",
          "[layers][conv2d]") {
  Conv2d<double> conv(Shape{1, 2, 2}, 1, 3, 1, 1);
  conv.weight().value << 1, 2, 3, 4, 5, 6, 7, 8, 9;
  conv.bias().value.setZero();
  const auto pixel = nn_test::samples<double>({{1, 0, 0, 0}});
  // The pixel at (0, 0) is met by the middle tap at (0, 0), by the tap to the
  // left of it at (0, 1), above it at (1, 0), and by the first at (1, 1).
  CHECK(nn_test::output_of(conv, pixel) ==
        nn_test::samples<double>({{5, 4, 2, 1}}));
}

TEST_CASE("conv2d keeps the layer contract at every geometry",
          "[layers][conv2d][contract]") {
  for (const Case& c : cases()) {
    CHECK(nn_test::contract_violations(nn_test::contract_of<Conv2d>(
              nn_test::normal_matrix<double>,
              c.input,
              c.out_channels,
              c.kernel,
              c.stride,
              c.padding)) == nn_test::kNoViolations);
  }
}

TEMPLATE_TEST_CASE("conv2d agrees with its definition at every geometry",
                   "[layers][conv2d]",
                   float,
                   double) {
  for (const Case& c : cases()) {
    for (const Index batch : {1, 3}) {
      check_against_naive<TestType>(c, batch);
    }
  }
}

TEMPLATE_TEST_CASE("conv2d agrees with its definition at the network's sizes",
                   "[layers][conv2d]",
                   float,
                   double) {
  check_against_naive<TestType>({{1, 28, 28}, 16, 5, 1, 2}, 5);
  check_against_naive<TestType>({{16, 14, 14}, 32, 5, 1, 2}, 5);
}

TEST_CASE("conv2d says its sizes and has PyTorch's parameters",
          "[layers][conv2d]") {
  Conv2d<float> conv(Shape{3, 9, 8}, 4, {5, 3}, {2, 1}, {2, 1});
  CHECK(conv.output_shape() == Shape{4, 5, 8});
  const auto parameters = conv.parameters();
  REQUIRE(parameters.size() == 2);
  CHECK(parameters[0]->name == "weight");
  CHECK(parameters[0]->dims == std::vector<Index>{4, 3, 5, 3});
  CHECK(parameters[0]->value.rows() == 45);
  CHECK(parameters[0]->value.cols() == 4);
  CHECK(parameters[1]->name == "bias");
  CHECK(parameters[1]->dims == std::vector<Index>{4});
  using Catch::Matchers::ContainsSubstring;
  CHECK_THAT(conv.describe(),
             ContainsSubstring("Conv2d") && ContainsSubstring("5x3"));
}

TEST_CASE("conv2d starts with weights and biases in +-1/sqrt(fan_in)",
          "[layers][conv2d]") {
  nn::Rng rng(1);
  Conv2d<double> conv(Shape{16, 14, 14}, 32, 5, 1, 2);
  conv.bias().value.setOnes();
  conv.initialize(rng);
  const double bound = 1.0 / std::sqrt(400.0);
  CHECK(conv.weight().value.cwiseAbs().maxCoeff() <= bound);
  CHECK(conv.weight().value.cwiseAbs().maxCoeff() > 0.99 * bound);
  CHECK(conv.bias().value.cwiseAbs().maxCoeff() <= bound);
  CHECK(conv.bias().value.cwiseAbs().maxCoeff() > 0.5 * bound);
}

TEST_CASE("conv2d refuses geometries that cannot be",
          "[layers][conv2d][errors]") {
  using Catch::Matchers::Equals;
  using Catch::Matchers::StartsWith;
  const Shape input{1, 4, 4};
  CHECK_THROWS_WITH(
      Conv2d<float>(input, 2, 5),
      Equals("[Conv2d] kernel 5x5 is larger than the padded input 1x4x4"));
  CHECK_THROWS_WITH(
      Conv2d<float>(input, 2, {3, 7}, 1, 1),
      Equals("[Conv2d] kernel 3x7 is larger than the padded input 1x6x6"));
  // One that just fits.
  CHECK(Conv2d<float>(input, 2, 6, 1, 1).output_shape() == Shape{2, 1, 1});

  CHECK_THROWS_AS(Conv2d<float>(input, 0, 3), std::invalid_argument);
  CHECK_THROWS_AS(Conv2d<float>(input, 1, 0), std::invalid_argument);
  CHECK_THROWS_AS(Conv2d<float>(input, 1, 3, 0), std::invalid_argument);
  CHECK_THROWS_AS(Conv2d<float>(input, 1, 3, 1, -1), std::invalid_argument);
  CHECK_THROWS_WITH(Conv2d<float>(input, 0, 3), StartsWith("[Conv2d]"));
  CHECK_THROWS_WITH(Conv2d<float>(input, 1, {0, 3}), StartsWith("[Conv2d]"));
  CHECK_THROWS_WITH(Conv2d<float>(input, 1, 3, {1, -2}),
                    StartsWith("[Conv2d]"));
  CHECK_THROWS_WITH(Conv2d<float>(input, 1, 3, 1, {0, -1}),
                    StartsWith("[Conv2d]"));
}
