#include "nn/layers/leaky_relu.h"

#include <cmath>
#include <limits>
#include <stdexcept>

#include "support/catch.h"
#include "support/layer_contract.h"
#include "support/layer_runner.h"
#include "support/matrices.h"

using nn::LeakyReLU;
using nn::Shape;

TEMPLATE_TEST_CASE("leaky relu gives what is worked out by hand",
                   "[layers][leaky_relu]",
                   float,
                   double) {
  using Scalar = TestType;
  LeakyReLU<Scalar> layer(Shape{5}, 0.25);
  const auto x = nn_test::samples<Scalar>({{-2, -0.5, 0, 0.5, 2}});
  const auto dy = nn_test::samples<Scalar>({{4, 8, 12, 16, 20}});
  const auto pass = nn_test::run(layer, x, dy);
  CHECK(pass.y == nn_test::samples<Scalar>({{-0.5, -0.125, 0, 0.5, 2}}));
  // At zero itself the slope is the one from below, as PyTorch's.
  CHECK(pass.dx == nn_test::samples<Scalar>({{1, 2, 3, 16, 20}}));
}

TEST_CASE("leaky relu may have any finite slope", "[layers][leaky_relu]") {
  const auto x = nn_test::samples<double>({{-2, 3}});
  const auto dy = nn_test::samples<double>({{5, 7}});
  LeakyReLU<double> folding(Shape{2}, -1);  // the absolute value
  CHECK(nn_test::run(folding, x, dy).y == nn_test::samples<double>({{2, 3}}));
  CHECK(nn_test::run(folding, x, dy).dx == nn_test::samples<double>({{-5, 7}}));
  LeakyReLU<double> cutting(Shape{2}, 0);  // ReLU
  CHECK(nn_test::run(cutting, x, dy).y == nn_test::samples<double>({{0, 3}}));
  CHECK(LeakyReLU<double>(Shape{2}).negative_slope() == 0.01);
}

TEST_CASE("leaky relu keeps the layer contract",
          "[layers][leaky_relu][contract]") {
  for (const double slope : {0.01, 0.5, -0.3, 2.0}) {
    for (const Shape& shape : {Shape{1}, Shape{5}, Shape{3, 4, 5}}) {
      CHECK(nn_test::contract_violations(nn_test::contract_of<LeakyReLU>(
                nn_test::matrix_away_from_zero<double>, shape, slope)) ==
            nn_test::kNoViolations);
    }
  }
}

TEST_CASE("leaky relu names its slope", "[layers][leaky_relu]") {
  LeakyReLU<float> layer(Shape{3, 4, 5}, 0.2);
  CHECK(layer.output_shape() == Shape{3, 4, 5});
  CHECK(layer.parameters().empty());
  CHECK(layer.describe() == "LeakyReLU(0.2)");
  CHECK(layer.settings() == nn::Settings{{"negative_slope", 0.2}});
}

TEST_CASE("leaky relu refuses a slope that is not finite",
          "[layers][leaky_relu][errors]") {
  using Limits = std::numeric_limits<double>;
  for (const double slope : {Limits::infinity(), Limits::quiet_NaN()}) {
    CHECK_THROWS_WITH(LeakyReLU<float>(Shape{2}, slope),
                      Catch::Matchers::StartsWith("[LeakyReLU]"));
  }
  // Finite, but not in float.
  CHECK_THROWS_AS(LeakyReLU<float>(Shape{2}, 1e300), std::invalid_argument);
  CHECK_NOTHROW(LeakyReLU<double>(Shape{2}, 1e300));
}
