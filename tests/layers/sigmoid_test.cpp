#include "nn/layers/sigmoid.h"

#include <cmath>

#include "support/catch.h"
#include "support/layer_contract.h"
#include "support/layer_runner.h"
#include "support/matrices.h"

using nn::Shape;
using nn::Sigmoid;

TEMPLATE_TEST_CASE("sigmoid gives what is worked out by hand",
                   "[layers][sigmoid]",
                   float,
                   double) {
  using Scalar = TestType;
  Sigmoid<Scalar> sigmoid(Shape{3});
  // 1 / (1 + 1/3) = 3/4 at ln 3, and 1/4 at -ln 3.
  const auto log3 = static_cast<Scalar>(std::log(3.0));
  const auto x = nn_test::samples<Scalar>({{0, log3, -log3}});
  const auto dy = nn_test::samples<Scalar>({{4, 16, -32}});
  const auto pass = nn_test::run(sigmoid, x, dy);
  const auto y = nn_test::samples<Scalar>({{0.5, 0.75, 0.25}});
  const auto dx = nn_test::samples<Scalar>({{1, 3, -6}});
  const double rounding = sizeof(Scalar) == 4 ? 1e-6 : 1e-15;
  CHECK(nn_test::relative_difference(pass.y, y) < rounding);
  CHECK(nn_test::relative_difference(pass.dx, dx) < rounding);
}

TEST_CASE("sigmoid keeps the layer contract", "[layers][sigmoid][contract]") {
  for (const Shape& shape :
       {Shape{1}, Shape{5}, Shape{3, 4, 5}, Shape{2, 9, 7}}) {
    CHECK(nn_test::contract_violations(nn_test::contract_of<Sigmoid>(
              nn_test::normal_matrix<double>, shape)) ==
          nn_test::kNoViolations);
  }
}

TEST_CASE("sigmoid keeps the shape and has no parameters",
          "[layers][sigmoid]") {
  Sigmoid<float> layer(Shape{3, 4, 5});
  CHECK(layer.output_shape() == Shape{3, 4, 5});
  CHECK(layer.parameters().empty());
  CHECK(layer.settings().empty());
  CHECK(layer.describe() == "Sigmoid");
}
