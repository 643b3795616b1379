#include "nn/network/non_finite.h"

#include <limits>
#include <stdexcept>
#include <utility>

#include "nn/layers/linear.h"
#include "nn/layers/relu.h"
#include "support/catch.h"

using nn::Linear;
using nn::Matrix;
using nn::ReLU;
using nn::Sequential;
using nn::Shape;

namespace {

template <typename Scalar>
Sequential<Scalar> small_network() {
  Sequential<Scalar> network(Shape{3}, 1);
  network.template add<Linear>(4).template add<ReLU>();
  network.template add<Linear>(2);
  return network;
}

}  // namespace

TEMPLATE_TEST_CASE(
    "the origin of a value that is not finite is the first place",
    "[non_finite]",
    float,
    double) {
  Sequential<TestType> network = small_network<TestType>();
  Matrix<TestType> x = Matrix<TestType>::Ones(3, 2);
  const auto origin = [&] {
    return nn::origin_of_non_finite(network, nn::view(std::as_const(x)));
  };
  CHECK(origin() == "in the loss itself");

  network.layer(2).parameters()[1]->value(1) =
      std::numeric_limits<TestType>::infinity();
  CHECK(origin() == "in the bias of layer 2, Linear(4 -> 2)");

  // Finite weights of which a sum is not.
  network.layer(0).parameters()[0]->value.setConstant(
      std::numeric_limits<TestType>::max());
  CHECK(origin() == "in the output of layer 0, Linear(3 -> 4)");

  network.layer(0).parameters()[0]->value(5) =
      std::numeric_limits<TestType>::quiet_NaN();
  CHECK(origin() == "in the weight of layer 0, Linear(3 -> 4)");

  x(1, 1) = std::numeric_limits<TestType>::quiet_NaN();
  CHECK(origin() == "in feature 1 of sample 1");
}

TEST_CASE("the origin is not looked for in samples that do not fit",
          "[non_finite][errors]") {
  const Sequential<float> network = small_network<float>();
  const Matrix<float> x = Matrix<float>::Ones(2, 1);
  CHECK_THROWS_AS(nn::origin_of_non_finite(network, nn::view(x)),
                  std::invalid_argument);
}
