#include "nn/layers/softmax.h"

#include <cmath>
#include <limits>

#include "nn/random.h"
#include "support/catch.h"
#include "support/layer_contract.h"
#include "support/layer_runner.h"
#include "support/matrices.h"

using nn::Index;
using nn::Matrix;
using nn::Shape;
using nn::Softmax;

TEMPLATE_TEST_CASE("softmax gives what is worked out by hand",
                   "[layers][softmax]",
                   float,
                   double) {
  using Scalar = TestType;
  Softmax<Scalar> softmax(Shape{3});
  // e^0 : e^log(2) : e^log(5)  =  1 : 2 : 5
  const auto x = nn_test::samples<Scalar>(
      {{0, static_cast<Scalar>(std::log(2)), static_cast<Scalar>(std::log(5))},
       {7, 7, 7}});
  const auto dy = nn_test::samples<Scalar>({{8, 0, 0}, {3, 3, 3}});
  const auto pass = nn_test::run(softmax, x, dy);
  const Matrix<double> y = nn_test::samples<double>(
      {{0.125, 0.25, 0.625}, {1.0 / 3, 1.0 / 3, 1.0 / 3}});
  // y * (dy - y.dy), where y.dy is 1 and 3.
  const Matrix<double> dx =
      nn_test::samples<double>({{0.875, -0.25, -0.625}, {0, 0, 0}});
  const double tolerance = sizeof(Scalar) == 4 ? 1e-6 : 1e-15;
  CHECK(nn_test::relative_difference(pass.y, y) < tolerance);
  CHECK(nn_test::relative_difference(pass.dx, dx) < tolerance);
}

TEMPLATE_TEST_CASE("softmax's outputs are probabilities that sum to one",
                   "[layers][softmax]",
                   float,
                   double) {
  using Scalar = TestType;
  nn::Rng rng(2);
  for (const Index classes : {1, 2, 10, 37}) {
    Softmax<Scalar> softmax(Shape{classes});
    const Matrix<Scalar> x =
        10 * nn_test::normal_matrix<Scalar>(classes, 50, rng);
    const Matrix<Scalar> y = nn_test::output_of(softmax, x);
    CHECK(y.minCoeff() >= 0);
    CHECK(y.maxCoeff() <= 1);
    const double tolerance = sizeof(Scalar) == 4 ? 1e-6 : 1e-15;
    for (Index n = 0; n < y.cols(); ++n) {
      CHECK(std::abs(y.col(n).template cast<double>().sum() - 1) <
            tolerance * double(classes));
    }
  }
}

TEMPLATE_TEST_CASE("softmax stays finite for logits of 10000",
                   "[layers][softmax]",
                   float,
                   double) {
  using Scalar = TestType;
  Softmax<Scalar> softmax(Shape{4});
  const auto x = nn_test::samples<Scalar>({{10000, -10000, 9999, 0},
                                           {-10000, -10000, -10000, -10000},
                                           {10000, 10000, 10000, 10000}});
  const Matrix<Scalar> y = nn_test::output_of(softmax, x);
  const double first = 1 / (1 + std::exp(-1.0));
  const Matrix<double> expected =
      nn_test::samples<double>({{first, 0, 1 - first, 0},
                                {0.25, 0.25, 0.25, 0.25},
                                {0.25, 0.25, 0.25, 0.25}});
  CHECK(nn_test::relative_difference(y, expected) < 1e-6);
}

TEST_CASE("softmax does not change when all logits are shifted",
          "[layers][softmax]") {
  nn::Rng rng(4);
  Softmax<double> softmax(Shape{10});
  const auto x = nn_test::normal_matrix<double>(10, 20, rng);
  const Matrix<double> y = nn_test::output_of(softmax, x);
  for (const double shift : {1.0, -300.0, 5000.0}) {
    const Matrix<double> shifted = (x.array() + shift).matrix();
    CHECK(nn_test::relative_difference(nn_test::output_of(softmax, shifted),
                                       y) < 1e-11);
  }
}

TEMPLATE_TEST_CASE("softmax of a NaN is NaN in that sample alone",
                   "[layers][softmax]",
                   float,
                   double) {
  using Scalar = TestType;
  Softmax<Scalar> softmax(Shape{10});
  for (Index place = 0; place < 10; ++place) {
    Matrix<Scalar> x = Matrix<Scalar>::Zero(10, 2);
    x(place, 0) = std::numeric_limits<Scalar>::quiet_NaN();
    const Matrix<Scalar> y = nn_test::output_of(softmax, x);
    CHECK(y.col(0).array().isNaN().any());
    CHECK(y.col(1).allFinite());
  }
}

TEST_CASE("softmax keeps the layer contract", "[layers][softmax][contract]") {
  for (const Shape& shape : {Shape{1}, Shape{2}, Shape{10}, Shape{3, 4, 5}}) {
    CHECK(nn_test::contract_violations(nn_test::contract_of<Softmax>(
              nn_test::normal_matrix<double>, shape)) ==
          nn_test::kNoViolations);
  }
}
