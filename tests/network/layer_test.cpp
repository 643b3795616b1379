#include "nn/network/layer.h"

#include <stdexcept>
#include <utility>

#include "support/catch.h"
#include "support/errors.h"
#include "support/layer_runner.h"
#include "support/matrices.h"

using Catch::Matchers::ContainsSubstring;
using nn::ConstView;
using nn::Index;
using nn::Matrix;
using nn::Mode;
using nn::PassMemory;
using nn::Shape;
using nn::View;

namespace {

// The smallest layer that there can be: it overrides what it must.
class Negate final : public nn::Layer<float> {
 public:
  explicit Negate(const Shape& input, const Shape& output)
      : Layer(input, output) {}
  std::string name() const override { return "Negate"; }
  mutable int calls = 0;

 private:
  void do_forward(ConstView<float> x,
                  View<float> y,
                  Mode,
                  PassMemory) const override {
    ++calls;
    y = -x;
  }
  void do_backward(ConstView<float>,
                   ConstView<float>,
                   ConstView<float> dy,
                   View<float> dx,
                   PassMemory) override {
    ++calls;
    if (dx.size() > 0) dx = -dy;
  }
};

}  // namespace

TEST_CASE("a layer refuses shapes whose numbers cannot be counted",
          "[layer][errors]") {
  constexpr Index kMany = Index{1} << 31;
  const auto message = [](const Shape& input, const Shape& output) {
    return nn_test::message_of<std::invalid_argument>(
        [&] { Negate(input, output); });
  };
  const std::string expected =
      "[Layer] expected a shape of at most 1099511627776 numbers, got "
      "16x2147483648x2147483648";
  CHECK(message(Shape{1}, Shape{16, kMany, kMany}) == expected);
  CHECK(message(Shape{16, kMany, kMany}, Shape{1}) == expected);
  CHECK_NOTHROW(Negate(Shape{1}, Shape{4, kMany, 128}));
  CHECK_THROWS_AS(Negate(Shape{1}, Shape{4, kMany, 129}),
                  std::invalid_argument);
}

TEST_CASE("a layer needs to override three functions only", "[layer]") {
  Negate negate(Shape{2, 1, 2}, Shape{2, 1, 2});
  CHECK(negate.describe() == "Negate");
  CHECK(negate.parameters().empty());
  CHECK(std::as_const(negate).parameters().empty());
  CHECK(negate.memory_needs(3, Mode::kTraining).saved_bytes == 0);
  CHECK(negate.memory_needs(3, Mode::kTraining).scratch_bytes == 0);
  nn::Rng rng(1);
  negate.initialize(rng);
  const auto x = nn_test::normal_matrix<float>(4, 3, rng);
  const auto pass = nn_test::run(negate, x, x);
  CHECK(pass.y == -x);
  CHECK(pass.dx == -x);
}

TEST_CASE("a layer is not called with views that do not fit",
          "[layer][errors]") {
  Negate negate(Shape{2, 1, 2}, Shape{4});
  const auto forward = [&](Index x_rows, Index y_rows, Index y_cols) {
    const Matrix<float> x = Matrix<float>::Zero(x_rows, 3);
    Matrix<float> y(y_rows, y_cols);
    negate.forward(nn::view(x), nn::view(y), Mode::kInference, {});
  };
  CHECK_THROWS_AS(forward(5, 4, 3), std::invalid_argument);
  CHECK_THROWS_WITH(
      forward(5, 4, 3),
      ContainsSubstring("[Negate]") && ContainsSubstring("expected 4") &&
          ContainsSubstring("2x1x2") && ContainsSubstring("got 5"));
  CHECK_THROWS_WITH(forward(4, 6, 3), ContainsSubstring("got 6"));
  CHECK_THROWS_WITH(
      forward(4, 4, 2),
      ContainsSubstring("[Negate]") && ContainsSubstring("got 2"));
  CHECK(negate.calls == 0);
  CHECK_NOTHROW(forward(4, 4, 3));
  CHECK(negate.calls == 1);
}

TEST_CASE("a layer wants shapes with features", "[layer][errors]") {
  CHECK_THROWS_AS(Negate(Shape{0}, Shape{1}), std::invalid_argument);
  CHECK_THROWS_AS(Negate(Shape{1}, Shape{1, 0, 2}), std::invalid_argument);
  CHECK_THROWS_AS(Negate(Shape{1, 2, -1}, Shape{1}), std::invalid_argument);
  // Two negative sizes have a positive product.
  CHECK_THROWS_AS(Negate(Shape{1, -2, -1}, Shape{2}), std::invalid_argument);
}
