#include "nn/layers/conv2d.h"

#include <cmath>
#include <vector>

#include "nn/files/safetensors.h"
#include "nn/network/layer_registry.h"
#include "nn/network/sequential.h"
#include "nn/random.h"
#include "support/catch.h"
#include "support/layer_contract.h"
#include "support/layer_runner.h"
#include "support/matrices.h"
#include "support/temporary_directory.h"

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
  Extent dilation = 1;
  Index groups = 1;

  nn::Conv2dOptions options() const {
    return {out_channels, kernel, stride, padding, dilation, groups};
  }
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
      // Dilated: at stride 1, at others, and beyond the image.
      {{2, 7, 8}, 3, 3, 1, 0, 2},
      {{1, 9, 7}, 2, {3, 2}, 1, {2, 1}, {1, 3}},
      {{2, 8, 9}, 3, 3, {2, 3}, 2, {3, 2}},
      {{1, 3, 3}, 2, 3, 1, 2, 3},
      // Groups, some with a single input channel.
      {{4, 5, 6}, 6, 3, 1, 1, 1, 2},
      {{6, 6, 5}, 3, 2, 2, 1, 1, 3},
      {{4, 7, 7}, 8, 3, 1, {1, 0}, {2, 1}, 2},
      // Depthwise, with one output a channel and with two.
      {{3, 6, 5}, 3, 3, 1, 1, 1, 3},
      {{3, 7, 8}, 6, {3, 2}, 2, {1, 2}, 1, 3},
      {{2, 9, 9}, 4, 3, {3, 2}, 4, {2, 3}, 2},
      {{20, 4, 18}, 20, 5, 1, 2, 1, 20},
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
          const Index group_channels = in.channels / conv.groups();
          const Index first_channel =
              o / (out.channels / conv.groups()) * group_channels;
          for (Index c = 0; c < group_channels; ++c) {
            for (Index kh = 0; kh < kernel_h; ++kh) {
              for (Index kw = 0; kw < kernel_w; ++kw) {
                const Index h = oh * conv.stride().height +
                                kh * conv.dilation().height -
                                conv.padding().height;
                const Index w = ow * conv.stride().width +
                                kw * conv.dilation().width -
                                conv.padding().width;
                if (h < 0 || h >= in.height || w < 0 || w >= in.width) continue;
                const Index i =
                    ((first_channel + c) * in.height + h) * in.width + w;
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
  Conv2d<Scalar> conv(c.input, c.options());
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
              nn_test::normal_matrix<double>, c.input, c.options())) ==
          nn_test::kNoViolations);
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

TEST_CASE("conv2d of groups and dilation gives what is worked out by hand",
          "[layers][conv2d]") {
  nn::Conv2dOptions options;
  options.out_channels = options.groups = 2;
  options.kernel = {1, 2};
  options.dilation = 2;
  Conv2d<double> conv(Shape{2, 1, 4}, options);
  REQUIRE(conv.output_shape() == Shape{2, 1, 2});
  conv.weight().value << 1, 10,  //
      -1, 2;
  conv.bias().value << 0, 100;
  // 1 - 3, 2 - 4, and 100 + 50 + 2*7, 100 + 60 + 2*8.
  const auto x = nn_test::samples<double>({{1, 2, 3, 4, 5, 6, 7, 8}});
  const auto dy = nn_test::samples<double>({{1, 2, 3, 4}});
  const auto pass = nn_test::run(conv, x, dy);
  CHECK(pass.y == nn_test::samples<double>({{-2, -2, 164, 176}}));
  CHECK(pass.dx == nn_test::samples<double>({{1, 2, -1, -2, 30, 40, 6, 8}}));
  // Of each group alone: 1*1 + 2*2, 1*3 + 2*4; 3*5 + 4*6, 3*7 + 4*8.
  CHECK(conv.weight().grad == nn_test::samples<double>({{5, 11}, {39, 53}}));
  CHECK(conv.bias().grad == nn_test::samples<double>({{3, 7}}));
}

TEST_CASE("conv2d without a bias has a weight alone", "[layers][conv2d]") {
  nn::Conv2dOptions options;
  options.out_channels = 6;
  options.kernel = {3, 2};
  options.dilation = {1, 2};
  options.groups = 3;
  options.bias = false;
  nn::Rng rng(3);
  const Shape shape{9, 4, 5};
  Conv2d<double> conv(shape, options);
  conv.initialize(rng);
  REQUIRE(conv.parameters().size() == 1);
  CHECK(conv.weight().dims == std::vector<Index>{6, 3, 3, 2});
  CHECK(conv.bias().value.isZero(0));
  CHECK(conv.describe() ==
        "Conv2d(9 -> 6, kernel 3x2, stride 1x1, padding 0x0, dilation 1x2, "
        "groups 3, no bias)");
  CHECK(nn_test::output_of(conv, Matrix<double>(Matrix<double>::Zero(180, 1)))
            .isZero(0));
  CHECK(nn_test::contract_violations(nn_test::contract_of<Conv2d>(
            nn_test::normal_matrix<double>, shape, options)) ==
        nn_test::kNoViolations);
  const auto again = nn::make_layer<double>(shape, nn::spec_of<double>(conv));
  CHECK(again->describe() == conv.describe());
}

TEMPLATE_TEST_CASE("grouped conv2d is the same after save and load",
                   "[layers][conv2d][safetensors]",
                   float,
                   double) {
  const nn_test::TemporaryDirectory directory;
  const std::string path = directory.file("weights");
  nn::Conv2dOptions grouped;
  grouped.out_channels = 6;
  grouped.kernel = 3;
  grouped.groups = 2;
  nn::Conv2dOptions depthwise = grouped;
  depthwise.groups = 6;
  depthwise.bias = false;
  const auto make = [&](std::uint64_t seed) {
    nn::Sequential<TestType> net(Shape{4, 8, 8}, seed);
    net.template add<Conv2d>(grouped).template add<Conv2d>(depthwise);
    return net;
  };
  auto saved = make(1);
  auto loaded = make(2);
  nn::save_weights(path, saved);
  nn::load_weights(path, loaded);
  nn::Rng rng(4);
  const auto x = nn_test::normal_matrix<TestType>(256, 3, rng);
  CHECK(nn_test::same_bits(loaded.predict(nn::view(x)),
                           saved.predict(nn::view(x))));
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

  nn::Conv2dOptions options;
  options.out_channels = 6;
  options.kernel = {2, 3};
  options.dilation = {1, 2};
  CHECK_THROWS_WITH(
      Conv2d<float>(input, options),
      Equals("[Conv2d] kernel 2x3 with dilation 1x2 is larger than the padded "
             "input 1x4x4"));
  options.dilation = {1, 0};
  CHECK_THROWS_WITH(
      Conv2d<float>(input, options),
      Equals("[Conv2d] expected a dilation of at least 1x1, got 1x0"));
  options.dilation = 1;
  for (const Index groups : {0, -1, 2, 4, 8}) {
    options.groups = groups;
    CHECK_THROWS_WITH(
        Conv2d<float>(Shape{9, 4, 4}, options),
        Equals("[Conv2d] expected a number of groups that divides 9 input and "
               "6 output channels, got " +
               std::to_string(groups)));
  }
  options.groups = 9;  // divides the input's channels alone
  CHECK_THROWS_AS(Conv2d<float>(Shape{9, 4, 4}, options),
                  std::invalid_argument);
  CHECK_THROWS_WITH(
      Conv2d<float>(input, nn::Conv2dOptions()),
      Equals("[Conv2d] expected at least 1 output channel, got 0"));

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
