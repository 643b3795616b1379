#include "nn/optimizers/optimizer.h"

#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.h"
#include "support/errors.h"

namespace {

using nn_test::message_of;

/// Subtracts the gradient times the rate, and nothing more.
class Plain final : public nn::Optimizer<double> {
 public:
  Plain(std::vector<nn::Parameter<double>*> parameters, double learning_rate)
      : Optimizer(std::move(parameters), learning_rate) {}

  void step() override {
    for (nn::Parameter<double>* parameter : parameters()) {
      parameter->value -= learning_rate() * parameter->grad;
    }
  }
};

}  // namespace

TEST_CASE("an optimizer steps the parameters it was given at its present rate",
          "[optimizers]") {
  nn::Parameter<double> a("a", {1}, 1, 1);
  nn::Parameter<double> b("b", {1}, 1, 1);
  a.value(0, 0) = 1.0;
  b.value(0, 0) = 2.0;
  a.grad(0, 0) = 4.0;
  b.grad(0, 0) = -8.0;
  Plain plain({&a, &b}, 0.5);
  REQUIRE(plain.learning_rate() == 0.5);
  plain.step();
  REQUIRE(a.value(0, 0) == -1.0);
  REQUIRE(b.value(0, 0) == 6.0);
  plain.set_learning_rate(0.25);
  REQUIRE(plain.learning_rate() == 0.25);
  plain.step();
  REQUIRE(a.value(0, 0) == -2.0);
  REQUIRE(b.value(0, 0) == 8.0);
}

TEST_CASE("a learning rate that is negative or not finite is refused",
          "[optimizers][errors]") {
  using Error = std::invalid_argument;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  nn::Parameter<double> a("a", {1}, 1, 1);
  for (const double bad : {-0.1, kInfinity, -kInfinity, kNan}) {
    REQUIRE_THROWS_AS(Plain({&a}, bad), Error);
    Plain plain({&a}, 0.5);
    REQUIRE_THROWS_AS(plain.set_learning_rate(bad), Error);
    REQUIRE(plain.learning_rate() == 0.5);
  }
  REQUIRE(message_of<Error>([&a] { Plain({&a}, -0.1); }) ==
          "[Optimizer] expected a finite learning rate of at least 0, got "
          "-0.1");
  REQUIRE_NOTHROW(Plain({&a}, 0.0));
}

TEST_CASE("a null parameter is refused by its place", "[optimizers][errors]") {
  nn::Parameter<double> a("a", {1}, 1, 1);
  REQUIRE(message_of<std::invalid_argument>([&a] {
            Plain({&a, nullptr}, 0.1);
          }) ==
          "[Optimizer] expected a parameter at place 1, got a null pointer");
}
