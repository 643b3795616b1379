#include "nn/parameter.h"

#include <cstddef>
#include <limits>
#include <stdexcept>

#include "parameter_budget.h"
#include "support/allocations.h"
#include "support/catch.h"
#include "support/errors.h"

namespace {

using nn::Index;
using nn::internal::ParameterBudget;
using nn_test::message_of;
using Bad = std::invalid_argument;
using Parameter = nn::Parameter<float>;

}  // namespace

TEST_CASE("a parameter starts with zeros for value and gradient",
          "[parameter]") {
  const Parameter weight("weight", {3, 2}, 2, 3);
  CHECK(weight.value == nn::Matrix<float>::Zero(2, 3));
  CHECK(weight.grad == nn::Matrix<float>::Zero(2, 3));
  CHECK_FALSE(weight.counts);
  const Parameter buffer = Parameter::buffer("mean", {4}, 4, 1);
  CHECK(buffer.value.size() == 4);
  CHECK(buffer.grad.size() == 0);
  const Parameter counter = Parameter::counter("steps");
  CHECK(counter.counts);
  CHECK(counter.dims.empty());
}

TEST_CASE("parameters beyond a budget are refused and reserve nothing",
          "[parameter][errors]") {
  const ParameterBudget budget("Linear", 10);
  const Parameter weight("weight", {2, 3}, 3, 2);
  CHECK(message_of<Bad>([] { Parameter("bias", {5}, 5, 1); }) ==
        "[Linear] expected parameters of at most 10 elements together, got one "
        "of 5 x 1 with 4 left");
  const Parameter bias("bias", {4}, 4, 1);
  CHECK_THROWS_AS(Parameter("bias", {1}, 1, 1), Bad);
  CHECK_NOTHROW(Parameter("none", {0}, 0, 1));

  constexpr Index kLargest = std::numeric_limits<Index>::max();
  const std::size_t before = nn_test::allocated_bytes();
  for (const Index size : {Index{1} << 31, Index{1} << 33, kLargest}) {
    CHECK_THROWS_AS(Parameter("weight", {size, size}, size, size), Bad);
    CHECK_THROWS_AS(Parameter("weight", {size}, size, 1), Bad);
    CHECK_THROWS_AS(Parameter("weight", {size}, 1, size), Bad);
  }
  CHECK(nn_test::allocated_bytes() - before < 100000);
}

TEST_CASE("budgets nest, and end with their scope", "[parameter]") {
  {
    const ParameterBudget outer("outer", 10);
    {
      const ParameterBudget inner("inner", 100);
      CHECK_THROWS_AS(Parameter("a", {11}, 11, 1), Bad);
      const Parameter a("a", {6}, 6, 1);
    }
    {
      const ParameterBudget inner("inner", 3);
      CHECK_THROWS_AS(Parameter("a", {4}, 4, 1), Bad);
      const Parameter a("a", {3}, 3, 1);
    }
    CHECK_THROWS_AS(Parameter("a", {2}, 2, 1), Bad);
    CHECK_NOTHROW(Parameter("a", {1}, 1, 1));
  }
  CHECK_NOTHROW(Parameter("a", {1000}, 1000, 1));
}
