#include "nn/layers/avg_pool2d.h"

#include <stdexcept>
#include <vector>

#include "nn/network/layer_registry.h"
#include "support/catch.h"
#include "support/layer_contract.h"
#include "support/layer_runner.h"
#include "support/matrices.h"

using nn::AvgPool2d;
using nn::Extent;
using nn::Matrix;
using nn::Shape;

TEMPLATE_TEST_CASE("average pooling gives what is worked out by hand",
                   "[layers][avg_pool2d]",
                   float,
                   double) {
  using Scalar = TestType;
  AvgPool2d<Scalar> pool(Shape{1, 2, 5}, 2);
  // 1 2 3 4 | 9    the last column is left over
  // 5 6 7 8 | 9
  const auto x = nn_test::samples<Scalar>({{1, 2, 3, 4, 9, 5, 6, 7, 8, 9}});
  const auto dy = nn_test::samples<Scalar>({{4, 8}});
  const auto pass = nn_test::run(pool, x, dy);
  CHECK(pass.y == nn_test::samples<Scalar>({{3.5, 5.5}}));
  CHECK(pass.dx == nn_test::samples<Scalar>({{1, 1, 2, 2, 0, 1, 1, 2, 2, 0}}));
}

TEMPLATE_TEST_CASE("padding counts or does not",
                   "[layers][avg_pool2d]",
                   float,
                   double) {
  using Scalar = TestType;
  // Windows of 2x2 around the corners of a 2x2 image, with zeros outside:
  //   0 0 0 0
  //   0 4 8 0     windows at rows and columns (0 1), (1 2), (2 3)
  //   0 2 6 0
  //   0 0 0 0
  const auto x = nn_test::samples<Scalar>({{4, 8, 2, 6}});
  const auto dy = nn_test::samples<Scalar>({{4, 8, 4, 8, 12, 8, 4, 8, 4}});
  AvgPool2d<Scalar> counting(Shape{1, 2, 2}, 2, 1, 1);
  const auto counted = nn_test::run(counting, x, dy);
  CHECK(counted.y ==
        nn_test::samples<Scalar>({{1, 3, 2, 1.5, 5, 3.5, 0.5, 2, 1.5}}));
  // A quarter of the four windows that each element is in.
  CHECK(counted.dx == nn_test::samples<Scalar>({{8, 8, 8, 8}}));

  AvgPool2d<Scalar> inside(Shape{1, 2, 2}, 2, 1, 1, false);
  const auto pass = nn_test::run(inside, x, dy);
  CHECK(pass.y == nn_test::samples<Scalar>({{4, 6, 8, 3, 5, 7, 2, 4, 6}}));
  // Corner windows have one element, those at edges two, the middle one four.
  CHECK(pass.dx == nn_test::samples<Scalar>({{15, 15, 15, 15}}));
}

TEST_CASE("every channel and sample is pooled for itself",
          "[layers][avg_pool2d]") {
  AvgPool2d<double> pool(Shape{2, 1, 2}, Extent(1, 2));
  const auto x = nn_test::samples<double>({{1, 3, 10, 30}, {2, 4, 20, 40}});
  CHECK(nn_test::output_of(pool, x) ==
        nn_test::samples<double>({{2, 20}, {3, 30}}));
}

TEST_CASE("average pooling keeps the layer contract at every geometry",
          "[layers][avg_pool2d][contract]") {
  struct Case {
    Shape input;
    Extent window, stride, padding;
  };
  const std::vector<Case> cases = {
      {{1, 1, 1}, 1, 1, 0},
      {{3, 6, 8}, 2, 2, 0},
      {{2, 5, 7}, 3, 1, 1},                  // windows overlap
      {{2, 7, 9}, 2, 3, 0},                  // gaps between windows
      {{3, 6, 5}, {3, 2}, {1, 2}, {1, 0}},   // not square
      {{1, 2, 40}, {2, 4}, {1, 2}, {0, 2}},  // whole vectors
      {{2, 1, 1}, 3, 1, 1},                  // mostly padding
  };
  for (const Case& c : cases) {
    for (const bool count_include_pad : {true, false}) {
      CHECK(nn_test::contract_violations(nn_test::contract_of<AvgPool2d>(
                nn_test::normal_matrix<double>,
                c.input,
                c.window,
                c.stride,
                c.padding,
                count_include_pad)) == nn_test::kNoViolations);
    }
  }
}

TEST_CASE("average pooling infers its shape, with the window as stride",
          "[layers][avg_pool2d]") {
  CHECK(AvgPool2d<float>(Shape{16, 28, 28}, 2).output_shape() ==
        Shape{16, 14, 14});
  CHECK(AvgPool2d<float>(Shape{2, 7, 9}, {2, 3}, {1, 2}).output_shape() ==
        Shape{2, 6, 4});
  CHECK(AvgPool2d<float>(Shape{2, 7, 9}, 3, 2, 1).output_shape() ==
        Shape{2, 4, 5});
  CHECK(AvgPool2d<float>(Shape{1, 4, 4}, 2).parameters().empty());
}

TEST_CASE("average pooling is built again from its settings",
          "[layers][avg_pool2d]") {
  const Shape input{2, 7, 9};
  const AvgPool2d<float> pool(
      input, Extent(4, 3), Extent(1, 2), Extent(2, 1), false);
  CHECK(pool.describe() ==
        "AvgPool2d(window 4x3, stride 1x2, padding 2x1, not counted)");
  const nn::Settings settings = pool.settings();
  CHECK(settings.at("kernel_size_h") == 4);
  CHECK(settings.at("stride_w") == 2);
  CHECK(settings.at("padding_h") == 2);
  CHECK(settings.at("count_include_pad") == 0);
  const auto again = nn::make_layer<float>(input, nn::spec_of<float>(pool));
  CHECK(again->describe() == pool.describe());
  CHECK(again->output_shape() == pool.output_shape());
  CHECK_FALSE(
      dynamic_cast<const AvgPool2d<float>&>(*again).count_include_pad());
}

TEST_CASE("average pooling refuses geometries that cannot be",
          "[layers][avg_pool2d][errors]") {
  using Catch::Matchers::ContainsSubstring;
  using Catch::Matchers::StartsWith;
  const Shape input{2, 4, 5};
  CHECK_THROWS_WITH(AvgPool2d<float>(input, 6, 1, 0),
                    StartsWith("[AvgPool2d]") && ContainsSubstring("6x6") &&
                        ContainsSubstring("2x4x5"));
  CHECK_THROWS_WITH(AvgPool2d<float>(input, Extent(9, 1), 1, Extent(2, 0)),
                    ContainsSubstring("2x8x5"));
  CHECK_THROWS_WITH(AvgPool2d<float>(input, 0), StartsWith("[AvgPool2d]"));
  CHECK_THROWS_WITH(AvgPool2d<float>(input, 2, 0), StartsWith("[AvgPool2d]"));
  CHECK_THROWS_WITH(AvgPool2d<float>(input, 2, {1, -1}),
                    StartsWith("[AvgPool2d]"));
  CHECK_THROWS_WITH(AvgPool2d<float>(input, 2, 1, -1),
                    StartsWith("[AvgPool2d]"));
  CHECK_THROWS_WITH(AvgPool2d<float>(input, 3, 1, {2, 1}),
                    ContainsSubstring("half"));
  CHECK_NOTHROW(AvgPool2d<float>(input, 6, 1, 3));
}
