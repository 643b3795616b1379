#include "nn/layers/linear.h"

#include <cmath>

#include "nn/random.h"
#include "support/catch.h"
#include "support/layer_contract.h"
#include "support/layer_runner.h"
#include "support/matrices.h"

using nn::Index;
using nn::Linear;
using nn::Matrix;
using nn::Shape;

TEMPLATE_TEST_CASE("linear gives what is worked out by hand",
                   "[layers][linear]",
                   float,
                   double) {
  using Scalar = TestType;
  Linear<Scalar> linear(Shape{3}, 2);
  linear.weight().value << 1, 4,  //
      2, 5,                       //
      3, 6;
  linear.bias().value << Scalar(0.5), -1;
  const auto x = nn_test::samples<Scalar>({{1, 0, -1}, {2, 1, 0}});
  const auto dy = nn_test::samples<Scalar>({{1, 2}, {-1, 1}});
  const auto pass = nn_test::run(linear, x, dy);

  // 1*1 + 0*2 - 1*3 + 0.5 and so on.
  CHECK(pass.y == nn_test::samples<Scalar>({{-1.5, -3}, {4.5, 12}}));
  // W dy; x dy^T; the sum of dy over the batch.
  CHECK(pass.dx == nn_test::samples<Scalar>({{9, 12, 15}, {3, 3, 3}}));
  CHECK(linear.weight().grad ==
        nn_test::samples<Scalar>({{-1, -1, -1}, {4, 1, -2}}));
  CHECK(linear.bias().grad == nn_test::samples<Scalar>({{0, 3}}));
}

TEST_CASE("linear keeps the layer contract", "[layers][linear][contract]") {
  struct Case {
    Shape input;
    Index units;
  };
  for (const Case& c : {Case{{1}, 1},
                        Case{{1}, 9},
                        Case{{5}, 1},
                        Case{{7}, 3},
                        Case{{16}, 48},
                        Case{{33}, 17},
                        Case{{3, 4, 5}, 10},
                        Case{{1, 9, 7}, 50}}) {
    CHECK(nn_test::contract_violations(nn_test::contract_of<Linear>(
              nn_test::normal_matrix<double>, c.input, c.units)) ==
          nn_test::kNoViolations);
  }
}

TEMPLATE_TEST_CASE("linear agrees with Eigen's product at the networks' sizes",
                   "[layers][linear]",
                   float,
                   double) {
  using Scalar = TestType;
  nn::Rng rng(3);
  for (const Index batch : {1, 5, 128}) {
    Linear<Scalar> linear(Shape{1, 28, 28}, 256);
    linear.initialize(rng);
    linear.bias().value = nn_test::normal_matrix<Scalar>(256, 1, rng);
    const auto x = nn_test::normal_matrix<Scalar>(784, batch, rng);
    const auto dy = nn_test::normal_matrix<Scalar>(256, batch, rng);
    const auto pass = nn_test::run(linear, x, dy);

    const Matrix<double> w = linear.weight().value.template cast<double>();
    const Matrix<double> xd = x.template cast<double>();
    const Matrix<double> dyd = dy.template cast<double>();
    const Matrix<double> expected_y =
        (w.transpose() * xd).colwise() +
        Eigen::VectorXd(linear.bias().value.template cast<double>());
    const double tolerance = sizeof(Scalar) == 4 ? 1e-5 : 1e-14;
    CHECK(nn_test::relative_difference(pass.y, expected_y) < tolerance);
    CHECK(nn_test::relative_difference(pass.dx, Matrix<double>(w * dyd)) <
          tolerance);
    CHECK(nn_test::relative_difference(linear.weight().grad,
                                       Matrix<double>(xd * dyd.transpose())) <
          tolerance);
    CHECK(nn_test::relative_difference(linear.bias().grad,
                                       Matrix<double>(dyd.rowwise().sum())) <
          tolerance);
  }
}

TEST_CASE("linear says its sizes and has PyTorch's parameters",
          "[layers][linear]") {
  Linear<float> linear(Shape{1, 28, 28}, 10);
  CHECK(linear.describe() == "Linear(784 -> 10)");
  CHECK(linear.output_shape() == Shape{10});
  const auto parameters = linear.parameters();
  REQUIRE(parameters.size() == 2);
  CHECK(parameters[0]->name == "weight");
  CHECK(parameters[0]->dims == std::vector<Index>{10, 784});
  CHECK(parameters[0]->value.rows() == 784);
  CHECK(parameters[0]->value.cols() == 10);
  CHECK(parameters[1]->name == "bias");
  CHECK(parameters[1]->dims == std::vector<Index>{10});
}

TEST_CASE("linear starts with weights and biases in +-1/sqrt(fan_in)",
          "[layers][linear]") {
  nn::Rng rng(1);
  Linear<double> linear(Shape{600}, 50);
  linear.bias().value.setOnes();
  linear.initialize(rng);
  const double bound = 1.0 / std::sqrt(600.0);
  CHECK(linear.weight().value.cwiseAbs().maxCoeff() <= bound);
  CHECK(linear.weight().value.cwiseAbs().maxCoeff() > 0.99 * bound);
  CHECK(linear.bias().value.cwiseAbs().maxCoeff() <= bound);
  CHECK(linear.bias().value.cwiseAbs().maxCoeff() > 0.5 * bound);
}

TEST_CASE("linear wants at least one unit", "[layers][linear][errors]") {
  using Catch::Matchers::ContainsSubstring;
  CHECK_THROWS_AS(Linear<float>(Shape{3}, 0), std::invalid_argument);
  CHECK_THROWS_WITH(Linear<float>(Shape{3}, 0),
                    ContainsSubstring("[Linear]") && ContainsSubstring("0"));
  CHECK_THROWS_WITH(Linear<float>(Shape{3}, -2), ContainsSubstring("-2"));
  CHECK_THROWS_AS(Linear<float>(Shape{0}, 2), std::invalid_argument);
}
