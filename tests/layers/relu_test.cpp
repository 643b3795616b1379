#include "nn/layers/relu.h"

#include <cmath>
#include <limits>
#include <utility>

#include "support/catch.h"
#include "support/layer_contract.h"
#include "support/layer_runner.h"
#include "support/matrices.h"

using nn::Matrix;
using nn::ReLU;
using nn::Shape;

TEMPLATE_TEST_CASE("relu passes what is positive and its gradient",
                   "[layers][relu]",
                   float,
                   double) {
  using Scalar = TestType;
  ReLU<Scalar> relu(Shape{5});
  const auto x = nn_test::samples<Scalar>({{-2, -0.5, 0, 0.5, 2}});
  const auto dy = nn_test::samples<Scalar>({{1, 2, 3, 4, 5}});
  const auto pass = nn_test::run(relu, x, dy);
  CHECK(pass.y == nn_test::samples<Scalar>({{0, 0, 0, 0.5, 2}}));
  // The derivative at zero itself is taken as zero.
  CHECK(pass.dx == nn_test::samples<Scalar>({{0, 0, 0, 4, 5}}));
}

TEMPLATE_TEST_CASE("relu keeps a NaN and infinities",
                   "[layers][relu]",
                   float,
                   double) {
  using Scalar = TestType;
  constexpr Scalar kInfinity = std::numeric_limits<Scalar>::infinity();
  constexpr Scalar kNaN = std::numeric_limits<Scalar>::quiet_NaN();
  // Long enough that whole vectors and the rest behind them are both met.
  for (const nn::Index size : {1, 3, 16, 37}) {
    ReLU<Scalar> relu(Shape{size});
    for (nn::Index i = 0; i < size; ++i) {
      Matrix<Scalar> x = Matrix<Scalar>::Constant(size, 1, -1);
      x(i, 0) = kNaN;
      Matrix<Scalar> y = nn_test::output_of(relu, x);
      CHECK(std::isnan(y(i, 0)));
      y(i, 0) = 0;
      CHECK(y == Matrix<Scalar>::Zero(size, 1));
    }
    const Matrix<Scalar> large = Matrix<Scalar>::Constant(size, 1, kInfinity);
    CHECK(nn_test::output_of(relu, large) == large);
    const Matrix<Scalar> small = -large;
    CHECK(nn_test::output_of(relu, small) == Matrix<Scalar>::Zero(size, 1));
  }
}

TEST_CASE("relu keeps the layer contract", "[layers][relu][contract]") {
  for (const Shape& shape :
       {Shape{1}, Shape{5}, Shape{3, 4, 5}, Shape{2, 9, 7}, Shape{64}}) {
    CHECK(nn_test::contract_violations(nn_test::contract_of<ReLU>(
              nn_test::matrix_away_from_zero<double>, shape)) ==
          nn_test::kNoViolations);
  }
}

TEST_CASE("relu keeps the shape and has no parameters", "[layers][relu]") {
  ReLU<float> relu(Shape{3, 4, 5});
  CHECK(relu.output_shape() == Shape{3, 4, 5});
  CHECK(relu.parameters().empty());
  CHECK(relu.describe() == "ReLU");
}
