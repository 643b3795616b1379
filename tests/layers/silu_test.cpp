#include "nn/layers/silu.h"

#include <cmath>

#include "support/catch.h"
#include "support/layer_contract.h"
#include "support/layer_runner.h"
#include "support/matrices.h"

using nn::Shape;
using nn::SiLU;

TEMPLATE_TEST_CASE("silu gives what is worked out by hand",
                   "[layers][silu]",
                   float,
                   double) {
  using Scalar = TestType;
  SiLU<Scalar> silu(Shape{3});
  // s = 3/4 at ln 3 and 1/4 at -ln 3; s + x s (1 - s) = s + 3/16 x.
  const double log3 = std::log(3.0);
  const auto at = static_cast<Scalar>(log3);
  const auto x = nn_test::samples<Scalar>({{0, at, -at}});
  const auto dy = nn_test::samples<Scalar>({{2, 16, 16}});
  const auto pass = nn_test::run(silu, x, dy);
  const auto y =
      nn_test::samples<Scalar>({{0,
                                 static_cast<Scalar>(0.75 * log3),
                                 static_cast<Scalar>(-0.25 * log3)}});
  const auto dx =
      nn_test::samples<Scalar>({{1,
                                 static_cast<Scalar>(12 + 3 * log3),
                                 static_cast<Scalar>(4 - 3 * log3)}});
  const double rounding = sizeof(Scalar) == 4 ? 1e-6 : 1e-15;
  CHECK(nn_test::relative_difference(pass.y, y) < rounding);
  CHECK(nn_test::relative_difference(pass.dx, dx) < rounding);
}

TEST_CASE("silu keeps the layer contract", "[layers][silu][contract]") {
  for (const Shape& shape :
       {Shape{1}, Shape{5}, Shape{3, 4, 5}, Shape{2, 9, 7}}) {
    CHECK(nn_test::contract_violations(nn_test::contract_of<SiLU>(
              nn_test::normal_matrix<double>, shape)) ==
          nn_test::kNoViolations);
  }
}

TEST_CASE("silu keeps the shape and has no parameters", "[layers][silu]") {
  SiLU<float> layer(Shape{3, 4, 5});
  CHECK(layer.output_shape() == Shape{3, 4, 5});
  CHECK(layer.parameters().empty());
  CHECK(layer.settings().empty());
  CHECK(layer.describe() == "SiLU");
}
