#include "kernels/activation.h"

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/guarded.h"

namespace {

using nn::Index;
using nn::kernels::activation_backward;
using nn::kernels::activation_forward;
using nn::kernels::ActivationKind;
using nn_test::Guarded;

constexpr double kSlope = 0.25;

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}
double normal_distribution(double x) {
  return std::erfc(-x / std::sqrt(2.0)) / 2;
}
double normal_density(double x) {
  return std::exp(-x * x / 2) / std::sqrt(8 * std::atan(1.0));
}
double tanh_argument(double x) {
  return std::sqrt(0.5 / std::atan(1.0)) * (x + 0.044715 * x * x * x);
}
double tanh_argument_slope(double x) {
  return std::sqrt(0.5 / std::atan(1.0)) * (1 + 3 * 0.044715 * x * x);
}

struct Function {
  std::string name;
  ActivationKind kind;
  std::function<double(double)> value;
  std::function<double(double)> derivative;
};

// As textbooks write them, by the standard library.
const std::vector<Function>& functions() {
  static const std::vector<Function> all = {
      {"leaky relu",
       ActivationKind::kLeakyReLU,
       [](double x) { return x > 0 ? x : kSlope * x; },
       [](double x) { return x > 0 ? 1 : kSlope; }},
      {"sigmoid",
       ActivationKind::kSigmoid,
       sigmoid,
       [](double x) { return sigmoid(x) * sigmoid(-x); }},
      {"tanh",
       ActivationKind::kTanh,
       [](double x) { return std::tanh(x); },
       [](double x) { return 1 / std::pow(std::cosh(x), 2); }},
      {"gelu",
       ActivationKind::kGelu,
       [](double x) { return x * normal_distribution(x); },
       [](double x) { return normal_distribution(x) + x * normal_density(x); }},
      {"gelu by tanh",
       ActivationKind::kGeluTanh,
       [](double x) { return x / 2 * (1 + std::tanh(tanh_argument(x))); },
       [](double x) {
         const double t = std::tanh(tanh_argument(x));
         return (1 + t) / 2 + x / 2 * (1 - t * t) * tanh_argument_slope(x);
       }},
      {"silu",
       ActivationKind::kSiLU,
       [](double x) { return x * sigmoid(x); },
       [](double x) { return sigmoid(x) + x * sigmoid(x) * sigmoid(-x); }},
  };
  return all;
}

template <typename T>
constexpr double kTolerance = sizeof(T) == 4 ? 2e-6 : 4e-15;

}  // namespace

TEMPLATE_TEST_CASE("every activation and its gradient agree with the textbook",
                   "[kernels][activation]",
                   float,
                   double) {
  nn::Rng rng(43);
  for (const Function& f : functions()) {
    for (const Index size : {1, 3, 15, 16, 17, 100, 8191, 8193, 20000}) {
      CAPTURE(f.name, size);
      Guarded<TestType> x(size), y(size), dy(size), dx(size);
      dy.fill(rng);
      for (Index i = 0; i < size; ++i) {
        x.data()[i] = static_cast<TestType>(rng.uniform(-12.0, 12.0));
      }
      x.data()[size / 2] = TestType(0);
      activation_forward<TestType>(
          {f.kind, TestType(kSlope), x.data(), y.data(), size});
      activation_backward<TestType>({f.kind,
                                     TestType(kSlope),
                                     x.data(),
                                     y.data(),
                                     dy.data(),
                                     dx.data(),
                                     size});
      REQUIRE(y.guards_are_whole());
      REQUIRE(dx.guards_are_whole());
      for (Index i = 0; i < size; ++i) {
        const auto at = static_cast<double>(x.data()[i]);
        const auto g = static_cast<double>(dy.data()[i]);
        CAPTURE(at);
        const double error = kTolerance<TestType> * (1 + std::abs(at));
        REQUIRE(std::abs(double(y.data()[i]) - f.value(at)) <= error);
        REQUIRE(std::abs(double(dx.data()[i]) - g * f.derivative(at)) <= error);
      }
    }
  }
}

TEST_CASE("gelu keeps its digits far out in the tail",
          "[kernels][activation]") {
  // Where x / 2 * (1 + erf(x / sqrt(2))) has lost all of them.
  for (double x = -1; x > -37; x -= 0.37) {
    double y = 0;
    activation_forward<double>({ActivationKind::kGelu, 0.0, &x, &y, 1});
    const double expected = x * normal_distribution(x);
    CAPTURE(x, y, expected);
    // Some roundings here, and in erfc() that of its argument, x^2 / 2 times.
    const double relative = (y - expected) / expected;
    CHECK(std::abs(relative) <= 2e-15 + 2e-16 * x * x);
  }
}

TEMPLATE_TEST_CASE("activations take the largest numbers and infinities",
                   "[kernels][activation]",
                   float,
                   double) {
  using Limits = std::numeric_limits<TestType>;
  // Each as often as a vector is long, and behind it.
  for (const Index size : {1, 21}) {
    const auto value = [size](ActivationKind kind, TestType x) {
      const std::vector<TestType> in(static_cast<std::size_t>(size), x);
      std::vector<TestType> out(in.size());
      activation_forward<TestType>(
          {kind, TestType(kSlope), in.data(), out.data(), size});
      for (const TestType y : out) {
        REQUIRE((y == out[0] || (std::isnan(y) && std::isnan(out[0]))));
      }
      return out[0];
    };
    for (const TestType large : {Limits::max(), Limits::infinity()}) {
      CHECK(value(ActivationKind::kSigmoid, large) == 1);
      CHECK(value(ActivationKind::kSigmoid, -large) == 0);
      CHECK(value(ActivationKind::kTanh, large) == 1);
      CHECK(value(ActivationKind::kTanh, -large) == -1);
      for (const auto kind : {ActivationKind::kLeakyReLU,
                              ActivationKind::kGelu,
                              ActivationKind::kGeluTanh,
                              ActivationKind::kSiLU}) {
        CHECK(value(kind, large) == large);
      }
      CHECK(value(ActivationKind::kLeakyReLU, -large) ==
            TestType(kSlope) * -large);
    }
    for (const auto kind : {ActivationKind::kGelu,
                            ActivationKind::kGeluTanh,
                            ActivationKind::kSiLU}) {
      CHECK(value(kind, Limits::lowest()) == 0);
    }
    for (const Function& f : functions()) {
      CAPTURE(f.name);
      CHECK(std::isnan(value(f.kind, Limits::quiet_NaN())));
      CHECK(value(f.kind, TestType(0)) == static_cast<TestType>(f.value(0)));
      // The smallest numbers: no division by zero, no lost sign.
      const TestType tiny = value(f.kind, Limits::denorm_min());
      CHECK((tiny >= 0 && tiny <= TestType(0.5)));
    }
  }
}

TEMPLATE_TEST_CASE("gradients of activations are finite for large numbers",
                   "[kernels][activation]",
                   float,
                   double) {
  for (const Function& f : functions()) {
    for (const TestType x : {std::numeric_limits<TestType>::max(),
                             TestType(1e20),
                             TestType(200)}) {
      CAPTURE(f.name, x);
      for (const TestType at : {x, -x}) {
        TestType y = 0;
        TestType dx = 0;
        const TestType dy = 3;
        activation_forward<TestType>({f.kind, TestType(kSlope), &at, &y, 1});
        activation_backward<TestType>(
            {f.kind, TestType(kSlope), &at, &y, &dy, &dx, 1});
        const bool saturates = f.kind == ActivationKind::kSigmoid ||
                               f.kind == ActivationKind::kTanh;
        if (f.kind == ActivationKind::kLeakyReLU && at < 0) {
          CHECK(dx == TestType(0.75));
        } else if (saturates || at < 0) {
          CHECK(std::abs(dx) < 1e-80);
        } else {
          CHECK(dx == 3);
        }
      }
    }
  }
}

TEMPLATE_TEST_CASE("activations work in place, without what they do not read",
                   "[kernels][activation]",
                   float,
                   double) {
  nn::Rng rng(44);
  constexpr Index kSize = 101;
  for (const Function& f : functions()) {
    CAPTURE(f.name);
    Guarded<TestType> x(kSize), y(kSize), dy(kSize), dx(kSize);
    x.fill(rng);
    dy.fill(rng);
    const TestType slope = TestType(kSlope);
    activation_forward<TestType>({f.kind, slope, x.data(), y.data(), kSize});
    const bool reads_y =
        f.kind == ActivationKind::kSigmoid || f.kind == ActivationKind::kTanh;
    activation_backward<TestType>({f.kind,
                                   slope,
                                   reads_y ? nullptr : x.data(),
                                   reads_y ? y.data() : nullptr,
                                   dy.data(),
                                   dx.data(),
                                   kSize});
    activation_backward<TestType>(
        {f.kind, slope, x.data(), y.data(), dy.data(), dy.data(), kSize});
    activation_forward<TestType>({f.kind, slope, x.data(), x.data(), kSize});
    CHECK(std::equal(dx.data(), dx.data() + kSize, dy.data()));
    CHECK(std::equal(y.data(), y.data() + kSize, x.data()));
  }
}
