#include "nn/layers/tanh.h"

#include <cmath>

#include "support/catch.h"
#include "support/layer_contract.h"
#include "support/layer_runner.h"
#include "support/matrices.h"

using nn::Shape;
using nn::Tanh;

TEMPLATE_TEST_CASE("tanh gives what is worked out by hand",
                   "[layers][tanh]",
                   float,
                   double) {
  using Scalar = TestType;
  Tanh<Scalar> tanh(Shape{3});
  // (2 - 1/2) / (2 + 1/2) = 3/5 at ln 2; 1 - 9/25 = 16/25.
  const auto log2 = static_cast<Scalar>(std::log(2.0));
  const auto x = nn_test::samples<Scalar>({{0, log2, -log2}});
  const auto dy = nn_test::samples<Scalar>({{7, 25, -50}});
  const auto pass = nn_test::run(tanh, x, dy);
  const auto y = nn_test::samples<Scalar>(
      {{0, static_cast<Scalar>(0.6), static_cast<Scalar>(-0.6)}});
  const auto dx = nn_test::samples<Scalar>({{7, 16, -32}});
  const double rounding = sizeof(Scalar) == 4 ? 1e-6 : 1e-15;
  CHECK(nn_test::relative_difference(pass.y, y) < rounding);
  CHECK(nn_test::relative_difference(pass.dx, dx) < rounding);
}

TEST_CASE("tanh keeps the layer contract", "[layers][tanh][contract]") {
  for (const Shape& shape :
       {Shape{1}, Shape{5}, Shape{3, 4, 5}, Shape{2, 9, 7}}) {
    CHECK(nn_test::contract_violations(nn_test::contract_of<Tanh>(
              nn_test::normal_matrix<double>, shape)) ==
          nn_test::kNoViolations);
  }
}

TEST_CASE("tanh keeps the shape and has no parameters", "[layers][tanh]") {
  Tanh<float> layer(Shape{3, 4, 5});
  CHECK(layer.output_shape() == Shape{3, 4, 5});
  CHECK(layer.parameters().empty());
  CHECK(layer.settings().empty());
  CHECK(layer.describe() == "Tanh");
}
