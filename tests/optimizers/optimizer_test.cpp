#include "nn/optimizers/optimizer.h"

#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "nn/optimizers/adagrad.h"
#include "nn/optimizers/adam.h"
#include "nn/optimizers/rmsprop.h"
#include "nn/optimizers/sgd.h"
#include "support/catch.h"
#include "support/errors.h"

namespace {

using nn::Index;
using nn_test::message_of;

template <typename Type>
struct Tag {
  using type = Type;
};

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

  nn::OptimizerState<double> state() override { return {"Plain", {}, nullptr}; }
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

TEST_CASE("a parameter that comes twice is refused", "[optimizers][errors]") {
  nn::Parameter<double> a("a", {1}, 1, 1);
  nn::Parameter<double> b("b", {1}, 1, 1);
  REQUIRE(message_of<std::invalid_argument>([&] {
            Plain({&a, &b, &a}, 0.1);
          }) ==
          "[Optimizer] expected every parameter once, got that of place 0 at "
          "place 2 again");
}

TEST_CASE("a group is refused whole where one part of it is wrong",
          "[optimizers][errors]") {
  using Error = std::invalid_argument;
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  nn::Parameter<double> a("a", {1}, 1, 1);
  nn::Parameter<double> b("b", {1}, 1, 1);
  nn::Parameter<double> stranger("c", {1}, 1, 1);
  a.grad(0, 0) = 1.0;
  nn::SgdOptions rate;
  rate.learning_rate = 1.0;
  nn::Sgd<double> sgd({&a, &b}, rate);
  nn::GroupOptions frozen;
  frozen.learning_rate_scale = 0.0;
  REQUIRE(message_of<Error>([&] {
            sgd.set_group({&a, &stranger}, frozen);
          }) ==
          "[Optimizer] expected a group of the optimizer's parameters, got "
          "another at place 1");
  REQUIRE_THROWS_AS(sgd.set_group({nullptr}, frozen), Error);
  for (const double bad : {-1.0, kNan}) {
    for (int member = 0; member < 3; ++member) {
      nn::GroupOptions options = frozen;
      if (member == 0) options.learning_rate_scale = bad;
      if (member == 1) options.weight_decay = bad;
      if (member == 2) options.l1 = bad;
      REQUIRE_THROWS_AS(sgd.set_group({&a}, options), Error);
    }
  }
  sgd.step();
  REQUIRE(a.value(0, 0) == -1.0);
}

TEST_CASE("a parameter's last group is the one that counts", "[optimizers]") {
  nn::Parameter<double> a("a", {1}, 1, 1);
  nn::SgdOptions rate;
  rate.learning_rate = 1.0;
  nn::Sgd<double> sgd({&a}, rate);
  nn::GroupOptions l1;
  l1.l1 = 8.0;
  sgd.set_group({&a}, l1);
  nn::GroupOptions half;
  half.learning_rate_scale = 0.5;
  sgd.set_group({&a}, half);
  a.value(0, 0) = 3.0;
  a.grad(0, 0) = 1.0;
  sgd.step();
  REQUIRE(a.value(0, 0) == 2.5);
}

TEST_CASE("l1 drives a weight to zero that the loss does not need",
          "[optimizers]") {
  // The loss (w - 0.1)^2 / 2 with the penalty 0.2 |w| is smallest at 0.
  nn::Parameter<double> w("w", {1}, 1, 1);
  w.value(0, 0) = 1.0;
  nn::SgdOptions rate;
  rate.learning_rate = 0.01;
  nn::Sgd<double> sgd({&w}, rate);
  nn::GroupOptions l1;
  l1.l1 = 0.2;
  sgd.set_group({&w}, l1);
  for (int i = 0; i < 1000; ++i) {
    w.grad(0, 0) = w.value(0, 0) - 0.1;
    sgd.step();
  }
  // It may swing around zero by one step.
  REQUIRE(std::abs(w.value(0, 0)) <= 0.01 * 0.3);
}

TEMPLATE_TEST_CASE("gradients at the edges leave finite parameters",
                   "[optimizers][edges]",
                   float,
                   double) {
  using Limits = std::numeric_limits<TestType>;
  using Make = std::function<std::unique_ptr<nn::Optimizer<TestType>>(
      std::vector<nn::Parameter<TestType>*>)>;
  const auto of = [](auto options, auto tag) -> Make {
    using Kind = typename decltype(tag)::type;
    return [options](auto parameters) {
      return std::make_unique<Kind>(std::move(parameters), options);
    };
  };
  nn::AdamWOptions without_decay;
  without_decay.learning_rate = 0.1;
  without_decay.weight_decay = 0.0;
  const std::vector<Make> optimizers = {
      of(nn::SgdOptions{0.1, 0.9}, Tag<nn::Sgd<TestType>>()),
      of(nn::AdamOptions{0.1}, Tag<nn::Adam<TestType>>()),
      of(without_decay, Tag<nn::AdamW<TestType>>()),
      of(nn::RmsPropOptions{0.1}, Tag<nn::RmsProp<TestType>>()),
      of(nn::AdagradOptions{0.1}, Tag<nn::Adagrad<TestType>>())};
  for (const Index size : {1, 7, 16, 37}) {
    for (std::size_t kind = 0; kind < optimizers.size(); ++kind) {
      for (const TestType gradient : {TestType(0),
                                      Limits::denorm_min(),
                                      Limits::min(),
                                      std::sqrt(Limits::min()),
                                      std::sqrt(Limits::max()),
                                      Limits::max() / 4}) {
        nn::Parameter<TestType> w("w", {size}, size, 1);
        w.value.setConstant(TestType(0.5));
        const auto optimizer = optimizers[kind]({&w});
        for (int step = 0; step < 3; ++step) {
          w.grad.setConstant(step == 1 ? -gradient : gradient);
          optimizer->step();
        }
        INFO("optimizer " << kind << ", gradient " << gradient);
        REQUIRE(w.value.allFinite());
        if (gradient == 0) REQUIRE(w.value(size - 1, 0) == TestType(0.5));
      }
    }
  }
}

TEST_CASE("an epsilon that is 0 in the arithmetic of an optimizer is refused",
          "[optimizers][edges][errors]") {
  nn::Parameter<float> w("w", {1}, 1, 1);
  nn::Parameter<double> exact("w", {1}, 1, 1);
  using Error = std::invalid_argument;
  nn::AdamOptions adam;
  nn::AdamWOptions adamw;
  nn::RmsPropOptions rmsprop;
  nn::AdagradOptions adagrad;
  adam.epsilon = adamw.epsilon = rmsprop.epsilon = adagrad.epsilon = 1e-46;
  CHECK(message_of<Error>([&] { nn::Adam<float>({&w}, adam); }) ==
        "[Adam] epsilon 1e-46 rounds to 0 in float");
  CHECK(message_of<Error>([&] { nn::AdamW<float>({&w}, adamw); }) ==
        "[AdamW] epsilon 1e-46 rounds to 0 in float");
  CHECK(message_of<Error>([&] { nn::RmsProp<float>({&w}, rmsprop); }) ==
        "[RmsProp] epsilon 1e-46 rounds to 0 in float");
  CHECK(message_of<Error>([&] { nn::Adagrad<float>({&w}, adagrad); }) ==
        "[Adagrad] epsilon 1e-46 rounds to 0 in float");
  CHECK_NOTHROW(nn::Adam<double>({&exact}, adam));
  CHECK_NOTHROW(nn::Adagrad<double>({&exact}, adagrad));
  // Zero itself is a choice.
  adam.epsilon = 0.0;
  CHECK_NOTHROW(nn::Adam<float>({&w}, adam));
  adagrad.epsilon = 1e39;
  CHECK(message_of<Error>([&] { nn::Adagrad<float>({&w}, adagrad); }) ==
        "[Adagrad] epsilon 1e+39 rounds to infinity in float");
}
