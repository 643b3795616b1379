#include "nn/layers/gelu.h"

#include <cmath>

#include "support/catch.h"
#include "support/layer_contract.h"
#include "support/layer_runner.h"
#include "support/matrices.h"

using nn::GELU;
using nn::GeluForm;
using nn::Matrix;
using nn::Shape;

namespace {

template <typename Scalar>
Matrix<Scalar> column(double a, double b, double c) {
  return nn_test::samples<Scalar>({{static_cast<Scalar>(a),
                                    static_cast<Scalar>(b),
                                    static_cast<Scalar>(c)}});
}

}  // namespace

TEMPLATE_TEST_CASE("gelu gives what tables of the normal distribution say",
                   "[layers][gelu]",
                   float,
                   double) {
  using Scalar = TestType;
  GELU<Scalar> gelu(Shape{3});
  constexpr double kDistributionAt1 = 0.84134474606854294859;
  constexpr double kDensityAt1 = 0.24197072451914334980;
  const auto pass =
      nn_test::run(gelu, column<Scalar>(0, 1, -1), column<Scalar>(2, 1, -2));
  const double rounding = sizeof(Scalar) == 4 ? 1e-6 : 2e-15;
  CHECK(nn_test::relative_difference(
            pass.y, column<Scalar>(0, kDistributionAt1, kDistributionAt1 - 1)) <
        rounding);
  CHECK(nn_test::relative_difference(
            pass.dx,
            column<Scalar>(1,
                           kDistributionAt1 + kDensityAt1,
                           -2 * (1 - kDistributionAt1 - kDensityAt1))) <
        rounding);
}

TEMPLATE_TEST_CASE("gelu by tanh gives its formula",
                   "[layers][gelu]",
                   float,
                   double) {
  using Scalar = TestType;
  GELU<Scalar> gelu(Shape{3}, GeluForm::kTanh);
  // u(1) = sqrt(2 / pi) * 1.044715, u'(1) = sqrt(2 / pi) * 1.134145.
  const double root = std::sqrt(2 / 3.14159265358979323846);
  const double t = std::tanh(1.044715 * root);
  const double slope = (1 - t * t) * 1.134145 * root;
  const auto pass =
      nn_test::run(gelu, column<Scalar>(0, 1, -1), column<Scalar>(2, 1, -2));
  const double rounding = sizeof(Scalar) == 4 ? 1e-6 : 2e-15;
  CHECK(nn_test::relative_difference(
            pass.y, column<Scalar>(0, (1 + t) / 2, -(1 - t) / 2)) < rounding);
  CHECK(nn_test::relative_difference(
            pass.dx, column<Scalar>(1, (1 + t + slope) / 2, -(1 - t - slope))) <
        rounding);
}

TEST_CASE("the two forms of gelu differ by less than 5e-4", "[layers][gelu]") {
  Matrix<double> x(1001, 1);
  for (nn::Index i = 0; i <= 1000; ++i) x(i, 0) = 0.01 * double(i - 500);
  const Matrix<double> exact = nn_test::output_of(GELU<double>(Shape{1001}), x);
  const Matrix<double> close =
      nn_test::output_of(GELU<double>(Shape{1001}, GeluForm::kTanh), x);
  const double difference = (exact - close).cwiseAbs().maxCoeff();
  CHECK(difference < 5e-4);
  CHECK(difference > 1e-5);
}

TEST_CASE("gelu keeps the layer contract in both forms",
          "[layers][gelu][contract]") {
  for (const GeluForm form : {GeluForm::kErf, GeluForm::kTanh}) {
    for (const Shape& shape : {Shape{1}, Shape{5}, Shape{3, 4, 5}}) {
      CHECK(nn_test::contract_violations(nn_test::contract_of<GELU>(
                nn_test::normal_matrix<double>, shape, form)) ==
            nn_test::kNoViolations);
    }
  }
}

TEST_CASE("gelu names its form", "[layers][gelu]") {
  GELU<float> exact(Shape{3, 4, 5});
  CHECK(exact.output_shape() == Shape{3, 4, 5});
  CHECK(exact.parameters().empty());
  CHECK(exact.describe() == "GELU");
  CHECK(exact.settings() == nn::Settings{{"approximate_tanh", 0}});
  GELU<float> close(Shape{3, 4, 5}, GeluForm::kTanh);
  CHECK(close.describe() == "GELU(tanh)");
  CHECK(close.settings() == nn::Settings{{"approximate_tanh", 1}});
  CHECK(close.form() == GeluForm::kTanh);
}
