#include "nn/optimizers/sgd.h"

#include <cmath>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "nn/random.h"
#include "support/catch.h"
#include "support/matrices.h"
#include "support/optimizer_contract.h"

namespace {

using Catch::Approx;
using nn::Index;

template <typename Scalar>
nn::Parameter<Scalar> scalar_parameter(double value) {
  nn::Parameter<Scalar> parameter("w", {1}, 1, 1);
  parameter.value(0, 0) = static_cast<Scalar>(value);
  return parameter;
}

/// The values after steps with these gradients.
template <typename Scalar>
std::vector<double> run(const nn::SgdOptions& options,
                        double value,
                        const std::vector<double>& gradients) {
  nn::Parameter<Scalar> w = scalar_parameter<Scalar>(value);
  nn::Sgd<Scalar> sgd({&w}, options);
  std::vector<double> values;
  for (const double gradient : gradients) {
    w.grad(0, 0) = static_cast<Scalar>(gradient);
    sgd.step();
    values.push_back(static_cast<double>(w.value(0, 0)));
  }
  return values;
}

template <typename Scalar>
void require_values(const nn::SgdOptions& options,
                    const std::vector<double>& expected) {
  const std::vector<double> values =
      run<Scalar>(options, 1.0, {2.0, -1.0, 0.5});
  const double tolerance = sizeof(Scalar) == 4 ? 1e-6 : 1e-14;
  REQUIRE(values.size() == expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    CAPTURE(i);
    REQUIRE(std::abs(values[i] - expected[i]) < tolerance);
  }
}

nn::SgdOptions options(double learning_rate,
                       double momentum,
                       double weight_decay,
                       bool nesterov) {
  nn::SgdOptions result;
  result.learning_rate = learning_rate;
  result.momentum = momentum;
  result.weight_decay = weight_decay;
  result.nesterov = nesterov;
  return result;
}

}  // namespace

// Three steps from w = 1 with gradients 2, -1, 0.5 and learning rate 0.1, each
// worked out by hand.

TEMPLATE_TEST_CASE("sgd without momentum follows the gradient",
                   "[optimizers][sgd]",
                   float,
                   double) {
  // 1 - 0.2, + 0.1, - 0.05
  require_values<TestType>(options(0.1, 0, 0, false), {0.8, 0.9, 0.85});
}

TEMPLATE_TEST_CASE("sgd's weight decay is added to the gradient",
                   "[optimizers][sgd]",
                   float,
                   double) {
  // g = 2 + 0.5 * 1 = 2.5      w = 1 - 0.25 = 0.75
  // g = -1 + 0.375 = -0.625    w = 0.75 + 0.0625 = 0.8125
  // g = 0.5 + 0.40625          w = 0.8125 - 0.090625
  require_values<TestType>(options(0.1, 0, 0.5, false),
                           {0.75, 0.8125, 0.721875});
}

TEMPLATE_TEST_CASE("sgd's velocity starts at the first gradient",
                   "[optimizers][sgd]",
                   float,
                   double) {
  // v = 2                      w = 1 - 0.2
  // v = 1.8 - 1 = 0.8          w = 0.8 - 0.08
  // v = 0.72 + 0.5 = 1.22      w = 0.72 - 0.122
  require_values<TestType>(options(0.1, 0.9, 0, false), {0.8, 0.72, 0.598});
}

TEMPLATE_TEST_CASE("nesterov's form looks one velocity ahead",
                   "[optimizers][sgd]",
                   float,
                   double) {
  // v = 2      step = 2 + 1.8 = 3.8          w = 1 - 0.38
  // v = 0.8    step = -1 + 0.72 = -0.28      w = 0.62 + 0.028
  // v = 1.22   step = 0.5 + 1.098 = 1.598    w = 0.648 - 0.1598
  require_values<TestType>(options(0.1, 0.9, 0, true), {0.62, 0.648, 0.4882});
}

TEMPLATE_TEST_CASE("momentum, nesterov and weight decay work together",
                   "[optimizers][sgd]",
                   float,
                   double) {
  // Without Nesterov:
  // g = 2.5       v = 2.5        w = 1 - 0.25 = 0.75
  // g = -0.625    v = 1.625      w = 0.75 - 0.1625 = 0.5875
  // g = 0.79375   v = 2.25625    w = 0.5875 - 0.225625
  require_values<TestType>(options(0.1, 0.9, 0.5, false),
                           {0.75, 0.5875, 0.361875});
  // With it:
  // g = 2.5       v = 2.5        step = 4.75       w = 0.525
  // g = -0.7375   v = 1.5125     step = 0.62375    w = 0.462625
  // g = 0.7313125 v = 2.0925625  step = 2.61461875 w = 0.201163125
  require_values<TestType>(options(0.1, 0.9, 0.5, true),
                           {0.525, 0.462625, 0.201163125});
}

TEST_CASE("a change of the learning rate acts on the next step whole",
          "[optimizers][sgd]") {
  // The rate multiplies the velocity, old part included.
  nn::Parameter<double> w = scalar_parameter<double>(1.0);
  nn::Sgd<double> sgd({&w}, options(0.1, 0.5, 0, false));
  w.grad(0, 0) = 2.0;
  sgd.step();  // v = 2, w = 0.8
  sgd.set_learning_rate(0.01);
  w.grad(0, 0) = 0.0;
  sgd.step();  // v = 1, w = 0.79
  REQUIRE(w.value(0, 0) == Approx(0.79).epsilon(1e-14));
}

TEMPLATE_TEST_CASE("every element of every parameter has its own velocity",
                   "[optimizers][sgd]",
                   float,
                   double) {
  // Sizes beside those of vector registers, against one scalar at a time.
  nn::Rng rng(4);
  std::vector<nn::Parameter<TestType>> parameters;
  for (const Index size : {1, 3, 8, 17, 64, 129}) {
    parameters.emplace_back("p", std::vector<Index>{size}, size, 1);
    parameters.back().value = nn_test::normal_matrix<TestType>(size, 1, rng);
  }
  std::vector<nn::Parameter<TestType>> expected = parameters;
  std::vector<nn::Matrix<double>> velocity;
  std::vector<nn::Parameter<TestType>*> pointers;
  for (auto& parameter : parameters) {
    pointers.push_back(&parameter);
    velocity.push_back(nn::Matrix<double>::Zero(parameter.value.rows(), 1));
  }
  nn::Sgd<TestType> sgd(pointers, options(0.05, 0.9, 0.01, true));
  for (int step = 0; step < 4; ++step) {
    for (std::size_t p = 0; p < parameters.size(); ++p) {
      const Index size = parameters[p].value.rows();
      parameters[p].grad = nn_test::normal_matrix<TestType>(size, 1, rng);
      for (Index i = 0; i < size; ++i) {
        auto w = static_cast<double>(expected[p].value(i, 0));
        const double g =
            static_cast<double>(parameters[p].grad(i, 0)) + 0.01 * w;
        double& v = velocity[p](i, 0);
        v = step == 0 ? g : 0.9 * v + g;
        w -= 0.05 * (g + 0.9 * v);
        expected[p].value(i, 0) = static_cast<TestType>(w);
      }
    }
    sgd.step();
    for (std::size_t p = 0; p < parameters.size(); ++p) {
      REQUIRE(
          nn_test::relative_difference(parameters[p].value, expected[p].value) <
          (sizeof(TestType) == 4 ? 2e-6 : 1e-14));
    }
  }
}

TEMPLATE_TEST_CASE("sgd keeps what every optimizer promises",
                   "[optimizers][sgd][allocations]",
                   float,
                   double) {
  for (const double momentum : {0.0, 0.9}) {
    for (const bool nesterov : {false, momentum > 0.0}) {
      const auto make = [&](nn_test::Pointers<TestType> parameters,
                            double weight_decay) {
        return std::make_unique<nn::Sgd<TestType>>(
            parameters, options(0.1, momentum, weight_decay, nesterov));
      };
      CHECK(nn_test::optimizer_violations<TestType>(make) ==
            std::vector<std::string>{});
    }
  }
}

TEST_CASE("sgd refuses options outside their range",
          "[optimizers][sgd][errors]") {
  using Error = std::invalid_argument;
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  nn::Parameter<float> w("w", {1}, 1, 1);
  const auto make = [&w](const nn::SgdOptions& o) { nn::Sgd<float>({&w}, o); };
  REQUIRE_NOTHROW(make(options(0, 0, 0, false)));
  REQUIRE_THROWS_AS(make(options(-1, 0, 0, false)), Error);
  REQUIRE_THROWS_AS(make(options(kNan, 0, 0, false)), Error);
  REQUIRE_THROWS_AS(make(options(0.1, 1.0, 0, false)), Error);
  REQUIRE_THROWS_AS(make(options(0.1, -0.1, 0, false)), Error);
  REQUIRE_THROWS_AS(make(options(0.1, kNan, 0, false)), Error);
  REQUIRE_THROWS_AS(make(options(0.1, 0.9, -1e-9, false)), Error);
  REQUIRE_THROWS_AS(make(options(0.1, 0.9, kInfinity, false)), Error);
  REQUIRE_THROWS_AS(make(options(0.1, 0.9, kNan, false)), Error);
  REQUIRE_THROWS_AS(make(options(0.1, 0.0, 0.0, true)), Error);
}
