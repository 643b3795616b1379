#include "nn/optimizers/clip_gradients.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "nn/check.h"
#include "nn/random.h"
#include "support/allocations.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/matrices.h"
#include "support/threads.h"

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Gradients (3, 0) and (-4): together of norm 5.
template <typename Scalar>
struct Two {
  Two() : a("a", {2}, 2, 1), b("b", {1}, 1, 1) {
    a.grad << Scalar(3), Scalar(0);
    b.grad << Scalar(-4);
  }
  std::vector<nn::Parameter<Scalar>*> pointers() { return {&a, &b}; }
  nn::Parameter<Scalar> a, b;
};

}  // namespace

TEMPLATE_TEST_CASE("gradients are clipped by their norm taken together",
                   "[optimizers][clipping]",
                   float,
                   double) {
  Two<TestType> two;
  REQUIRE(nn::clip_gradient_norm(two.pointers(), 2.5) == 5.0);
  const double factor = 2.5 / (5.0 + 1e-6);
  const double tolerance = sizeof(TestType) == 4 ? 1e-6 : 1e-14;
  CHECK(std::abs(double(two.a.grad(0, 0)) - 3 * factor) < tolerance);
  CHECK(two.a.grad(1, 0) == TestType(0));
  CHECK(std::abs(double(two.b.grad(0, 0)) + 4 * factor) < tolerance);
}

TEMPLATE_TEST_CASE("gradients within the bound are left as they are",
                   "[optimizers][clipping]",
                   float,
                   double) {
  Two<TestType> two;
  REQUIRE(nn::clip_gradient_norm(two.pointers(), 6.0) == 5.0);
  REQUIRE(nn::clip_gradient_value(two.pointers(), 4.0) == 4.0);
  CHECK(two.a.grad(0, 0) == TestType(3));
  CHECK(two.b.grad(0, 0) == TestType(-4));
  two.a.grad.setZero();
  two.b.grad.setZero();
  REQUIRE(nn::clip_gradient_norm(two.pointers(), 1.0) == 0.0);
  REQUIRE(nn::clip_gradient_value(two.pointers(), 1.0) == 0.0);
  CHECK(two.a.grad.isZero(0));
  REQUIRE(nn::clip_gradient_norm<TestType>({}, 1.0) == 0.0);
  REQUIRE(nn::clip_gradient_value<TestType>({}, 1.0) == 0.0);
}

TEMPLATE_TEST_CASE("gradients are clipped by value element by element",
                   "[optimizers][clipping]",
                   float,
                   double) {
  Two<TestType> two;
  REQUIRE(nn::clip_gradient_value(two.pointers(), 2.0) == 4.0);
  CHECK(two.a.grad(0, 0) == TestType(2));
  CHECK(two.a.grad(1, 0) == TestType(0));
  CHECK(two.b.grad(0, 0) == TestType(-2));
}

TEMPLATE_TEST_CASE("a gradient that is not finite is named and none changed",
                   "[optimizers][clipping][errors]",
                   float,
                   double) {
  for (const double bad : {kNan, kInfinity, -kInfinity}) {
    Two<TestType> two;
    two.b.grad(0, 0) = static_cast<TestType>(bad);
    const nn::Matrix<TestType> a = two.a.grad, b = two.b.grad;
    REQUIRE(nn_test::message_of<std::runtime_error>([&] {
              nn::clip_gradient_norm(two.pointers(), 1.0);
            }) == nn::concat("[clip_gradient_norm] expected finite gradients, "
                             "got ",
                             bad,
                             " in element 0 of parameter 1 (b); no gradient "
                             "is changed"));
    REQUIRE(nn_test::same_bits(two.a.grad, a));
    REQUIRE(nn_test::same_bits(two.b.grad, b));
  }
}

TEMPLATE_TEST_CASE("gradients are clipped where their squares are out of range",
                   "[optimizers][clipping]",
                   float,
                   double) {
  using Limits = std::numeric_limits<TestType>;
  for (const TestType unit : {Limits::max() / 8,
                              std::sqrt(Limits::max()),
                              std::sqrt(Limits::min()),
                              Limits::min()}) {
    Two<TestType> two;
    two.a.grad *= unit;
    two.b.grad *= unit;
    const double norm = 5.0 * static_cast<double>(unit);
    INFO("of unit " << unit);
    REQUIRE(std::abs(nn::clip_gradient_norm(two.pointers(), 2.5) / norm - 1.0) <
            1e-6);
    const double clipped = std::min(norm, 2.5);
    REQUIRE(std::abs(static_cast<double>(-two.b.grad(0, 0)) / (0.8 * clipped) -
                     1.0) < 1e-5);
  }
}

TEMPLATE_TEST_CASE("clipping by value lets a NaN through and says so",
                   "[optimizers][clipping]",
                   float,
                   double) {
  for (const nn::Index size : {3, 40, 20000}) {
    for (const nn::Index place : {nn::Index{0}, size / 2, size - 1}) {
      nn::Parameter<TestType> w("w", {size}, size, 1);
      w.grad.setConstant(TestType(-5));
      w.grad(place, 0) = static_cast<TestType>(kNan);
      nn::Parameter<TestType> other = w;
      other.grad.setConstant(TestType(7));
      REQUIRE(std::isnan(nn::clip_gradient_value<TestType>({&w, &other}, 2.0)));
      REQUIRE(std::isnan(w.grad(place, 0)));
      REQUIRE(w.grad(place == 0 ? 1 : 0, 0) == TestType(-2));
      REQUIRE(other.grad(0, 0) == TestType(2));
    }
  }
  Two<TestType> two;
  two.b.grad(0, 0) = static_cast<TestType>(-kInfinity);
  REQUIRE(nn::clip_gradient_value(two.pointers(), 2.0) == kInfinity);
  REQUIRE(two.b.grad(0, 0) == TestType(-2));
}

TEMPLATE_TEST_CASE("clipping does not depend on threads and allocates nothing",
                   "[optimizers][clipping][allocations][threads]",
                   float,
                   double) {
  nn::Rng rng(3);
  nn::Parameter<TestType> w("w", {100003}, 100003, 1);
  w.grad = nn_test::normal_matrix<TestType>(100003, 1, rng);
  const nn::Matrix<TestType> gradient = w.grad;
  const double expected = gradient.template cast<double>().norm();
  nn::Matrix<TestType> first;
  double first_norm = 0.0;
  for (const int threads : {1, 3}) {
    const nn_test::ScopedThreads scope(threads);
    w.grad = gradient;
    nn::clip_gradient_norm<TestType>({&w}, 1e9);  // starts the threads
    const std::vector<nn::Parameter<TestType>*> pointers = {&w};
    const std::size_t before = nn_test::allocation_count();
    const double norm = nn::clip_gradient_norm(pointers, 1.0);
    const double largest = nn::clip_gradient_value(pointers, 0.01);
    REQUIRE(nn_test::allocation_count() == before);
    REQUIRE(std::abs(norm - expected) < 1e-12 * expected);
    REQUIRE(largest > 0.01);
    if (threads == 1) {
      first = w.grad;
      first_norm = norm;
    } else {
      REQUIRE(nn_test::same_bits(w.grad, first));
      REQUIRE(norm == first_norm);
    }
  }
}

TEST_CASE("clipping refuses bounds and pointers that make no sense",
          "[optimizers][clipping][errors]") {
  using Error = std::invalid_argument;
  Two<float> two;
  for (const double bad : {-1.0, kNan, kInfinity}) {
    REQUIRE_THROWS_AS(nn::clip_gradient_norm(two.pointers(), bad), Error);
    REQUIRE_THROWS_AS(nn::clip_gradient_value(two.pointers(), bad), Error);
  }
  REQUIRE(nn_test::message_of<Error>([&] {
            nn::clip_gradient_norm<float>({&two.a, nullptr}, 1.0);
          }) ==
          "[clip_gradient_norm] expected a parameter at place 1, got a null "
          "pointer");
  REQUIRE_THROWS_AS(nn::clip_gradient_value<float>({nullptr}, 1.0), Error);
  REQUIRE(two.a.grad(0, 0) == 3.0f);
}
