#include "nn/losses/loss.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/errors.h"
#include "support/loss_contract.h"

namespace {

using nn_test::message_of;

/// A loss as a user may write it: |y - target|^3, one element after the other.
template <typename Scalar>
class Cubic final : public nn::Loss<Scalar> {
 public:
  const char* name() const override { return "Cubic"; }

 private:
  double do_evaluate(nn::ConstView<Scalar> y,
                     nn::ConstView<Scalar> target,
                     Scalar scale,
                     Scalar* dy) const override {
    double sum = 0.0;
    for (nn::Index i = 0; i < y.size(); ++i) {
      const Scalar e = y.data()[i] - target.data()[i];
      sum += static_cast<double>(std::abs(e * e * e));
      if (dy != nullptr) dy[i] = scale * 3 * e * std::abs(e);
    }
    return sum;
  }
};

}  // namespace

TEMPLATE_TEST_CASE("a loss of one's own needs to give the sum alone",
                   "[losses]",
                   float,
                   double) {
  CHECK(nn_test::loss_violations<TestType>(Cubic<TestType>()) ==
        std::vector<std::string>{});
  const nn::Matrix<TestType> y = nn_test::samples<TestType>({{1, 2}, {3, 4}});
  const nn::Matrix<TestType> target =
      nn_test::samples<TestType>({{1, 1}, {1, 4}});
  nn::Matrix<TestType> dy(2, 2);
  REQUIRE(Cubic<TestType>().evaluate(y, target, dy) == 9.0 / 4.0);
  REQUIRE(dy == nn_test::samples<TestType>({{0, 0.75}, {3, 0}}));
}

TEST_CASE("a loss says which sizes it expected", "[losses][errors]") {
  using Error = std::invalid_argument;
  const Cubic<float> loss;
  const nn::Matrix<float> y = nn::Matrix<float>::Zero(3, 2);
  const nn::Matrix<float> other = nn::Matrix<float>::Zero(2, 3);
  const nn::Matrix<float> none(3, 0);
  nn::Matrix<float> dy(3, 1);
  REQUIRE(message_of<Error>([&] { loss.evaluate(y, other); }) ==
          "[Cubic] expected a target of 3 x 2 as the output is, got 2 x 3");
  REQUIRE(message_of<Error>([&] { loss.evaluate(y, y, dy); }) ==
          "[Cubic] expected a gradient of 3 x 2 as the output is, got 3 x 1");
  REQUIRE(message_of<Error>([&] { loss.evaluate(none, none); }) ==
          "[Cubic] expected at least 1 feature and 1 sample, got an output of "
          "3 x 0");
}

TEST_CASE("the checks of a loss find one that breaks its promises",
          "[losses]") {
  /// Its gradient lacks a factor, and what it says depends on the call.
  class Broken final : public nn::Loss<double> {
   public:
    const char* name() const override { return "Broken"; }

   private:
    double do_evaluate(nn::ConstView<double> y,
                       nn::ConstView<double> target,
                       double scale,
                       double* dy) const override {
      if (dy != nullptr) {
        for (nn::Index i = 0; i < y.size(); ++i) {
          dy[i] = scale * (y.data()[i] - target.data()[i]);
        }
      }
      return (y - target).squaredNorm() + (dy != nullptr ? 1.0 : 0.0);
    }
  };
  const std::vector<std::string> found =
      nn_test::loss_violations<double>(Broken());
  const auto has = [&found](const std::string& promise) {
    return std::find(found.begin(), found.end(), promise) != found.end();
  };
  CHECK(has("the gradient agrees with differences of the loss"));
  CHECK(has("the loss is the same with and without its gradient"));
  CHECK(!has("an empty batch is refused"));
}
