#include "nn/losses/mean_squared_error.h"

#include <string>
#include <vector>

#include "support/catch.h"
#include "support/loss_contract.h"

TEMPLATE_TEST_CASE("the squared error has the values of a hand count",
                   "[losses]",
                   float,
                   double) {
  // Errors 1, -2, 0 and 3: squares 1, 4, 0, 9, in all 14 over 4.
  const nn::Matrix<TestType> y = nn_test::samples<TestType>({{2, 0}, {5, 1}});
  const nn::Matrix<TestType> target =
      nn_test::samples<TestType>({{1, 2}, {5, -2}});
  nn::Matrix<TestType> dy(2, 2);
  const nn::MeanSquaredError<TestType> loss;
  REQUIRE(loss.evaluate(y, target, dy) == 3.5);
  REQUIRE(dy == nn_test::samples<TestType>({{0.5, -1}, {0, 1.5}}));
}

TEMPLATE_TEST_CASE("the squared error keeps what every loss promises",
                   "[losses][gradient][allocations]",
                   float,
                   double) {
  CHECK(nn_test::loss_violations<TestType>(nn::MeanSquaredError<TestType>()) ==
        std::vector<std::string>{});
}

TEST_CASE("a float squared error is added up in double", "[losses]") {
  // In float the sum stands still once it is 2^24 times a term.
  constexpr nn::Index kSize = (1 << 25) / 64;
  const nn::Matrix<float> y = nn::Matrix<float>::Constant(64, kSize, 1.0f);
  const nn::Matrix<float> target = nn::Matrix<float>::Zero(64, kSize);
  REQUIRE(nn::MeanSquaredError<float>().evaluate(y, target) == 1.0);
}
