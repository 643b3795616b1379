#include "nn/network/workspace.h"

#include <memory>
#include <string>
#include <utility>

#include "nn/layers/linear.h"
#include "nn/layers/relu.h"
#include "nn/network/gradient_check.h"
#include "nn/network/sequential.h"
#include "support/catch.h"

using nn::Index;
using nn::Matrix;
using nn::Workspace;

namespace {

nn::Sequential<float> network() {
  nn::Sequential<float> net(nn::Shape{20}, 1);
  net.add<nn::Linear>(30).add<nn::ReLU>().add<nn::Linear>(5);
  return net;
}

// y = x * p in pass p, and dx = dy * p with the p that backward() is told.
class TimesPass final : public nn::Layer<double> {
 public:
  explicit TimesPass(const nn::Shape& shape) : Layer(shape, shape) {}
  std::string name() const override { return "TimesPass"; }

 private:
  void do_forward(nn::ConstView<double> x,
                  nn::View<double> y,
                  nn::Mode,
                  nn::PassMemory memory) const override {
    y = static_cast<double>(memory.pass) * x;
  }
  void do_backward(nn::ConstView<double>,
                   nn::ConstView<double>,
                   nn::ConstView<double> dy,
                   nn::View<double> dx,
                   nn::PassMemory memory) override {
    dx = static_cast<double>(memory.pass) * dy;
  }
};

}  // namespace

TEST_CASE("a new workspace holds nothing", "[workspace]") {
  CHECK(Workspace<float>().size_bytes() == 0);
  CHECK(Workspace<double>().size_bytes() == 0);
}

TEST_CASE("a workspace grows to the largest batch and is then reused",
          "[workspace]") {
  const nn::Sequential<float> net = network();
  const Matrix<float> x = Matrix<float>::Ones(20, 64);
  Workspace<float> workspace;
  const auto forward = [&](Index batch) {
    net.forward(nn::ConstView<float>(x.data(), 20, batch), workspace);
    return workspace.size_bytes();
  };
  const std::size_t small = forward(8);
  // At least the activations of both Linear layers.
  CHECK(small >= 8 * (30 + 5) * sizeof(float));
  const std::size_t large = forward(64);
  CHECK(large > small);
  CHECK(forward(8) == large);
  CHECK(forward(63) == large);
}

TEST_CASE("inference takes less memory than training", "[workspace]") {
  nn::Sequential<float> net(nn::Shape{50}, 1);
  for (int i = 0; i < 6; ++i) net.add<nn::Linear>(50).add<nn::ReLU>();
  const Matrix<float> x = Matrix<float>::Ones(50, 64);
  Matrix<float> y(50, 64);
  Workspace<float> inference;
  net.predict(nn::view(x), nn::view(y), inference);
  Workspace<float> training;
  net.forward(nn::view(x), training);
  CHECK(inference.size_bytes() < training.size_bytes());
}

TEST_CASE("a moved workspace keeps what forward() left", "[workspace]") {
  nn::Sequential<float> net = network();
  const Matrix<float> x = Matrix<float>::Ones(20, 4);
  Workspace<float> first;
  const Matrix<float> logits = net.forward(nn::view(x), first);
  Workspace<float> second = std::move(first);
  const Matrix<float> dlogits = Matrix<float>::Ones(5, 4);
  CHECK_NOTHROW(net.backward(nn::view(dlogits), second));
  CHECK(net.forward(nn::view(x), second) == logits);
}

TEST_CASE("a workspace counts training passes and tells both directions",
          "[workspace]") {
  nn::Sequential<double> net(nn::Shape{3}, 1);
  net.add(std::make_unique<TimesPass>(nn::Shape{3}));
  const Matrix<double> one = Matrix<double>::Ones(3, 2);
  Matrix<double> dx(3, 2);
  Matrix<double> y(3, 2);
  Workspace<double> workspace;
  CHECK(workspace.passes() == 0);
  for (const double pass : {1, 2, 3}) {
    CHECK(net.forward(nn::view(one), workspace) == pass * one);
    net.backward(nn::view(one), workspace, nn::view(dx));
    CHECK(dx == pass * one);
    // A second backward pass belongs to the same forward pass.
    net.backward(nn::view(one), workspace, nn::view(dx));
    CHECK(dx == pass * one);
    // Inference is no training pass.
    net.predict(nn::view(one), nn::view(y), workspace);
  }
  CHECK(workspace.passes() == 3);

  Workspace<double> moved = std::move(workspace);
  CHECK(moved.passes() == 3);
  CHECK(workspace.passes() == 0);
  CHECK(net.forward(nn::view(one), moved) == 4 * one);

  // A larger batch cuts the memory anew and goes on counting.
  const Matrix<double> many = Matrix<double>::Ones(3, 50);
  CHECK(net.forward(nn::view(many), moved) == 5 * many);
}

TEST_CASE("a workspace goes on counting from the pass it is given",
          "[workspace]") {
  nn::Sequential<double> net(nn::Shape{3}, 1);
  net.add(std::make_unique<TimesPass>(nn::Shape{3}));
  const Matrix<double> one = Matrix<double>::Ones(3, 2);
  Workspace<double> workspace;
  workspace.set_passes(41);
  CHECK(net.forward(nn::view(one), workspace) == 42 * one);
  CHECK(workspace.passes() == 42);
  // The pass that it holds is another one then.
  workspace.set_passes(41);
  CHECK_THROWS_AS(net.backward(nn::view(one), workspace),
                  std::invalid_argument);

  const Workspace<double> moved = std::move(workspace);
  CHECK_THROWS_WITH(workspace.set_passes(1),
                    Catch::Matchers::StartsWith("[Workspace]"));
}

TEST_CASE("the gradient check compares values of one and the same pass",
          "[workspace][gradient]") {
  nn::Sequential<double> net(nn::Shape{3}, 1);
  net.add(std::make_unique<TimesPass>(nn::Shape{3}));
  nn::Labels labels(2);
  labels << 0, 2;
  const Matrix<double> x = Matrix<double>::Identity(3, 2);
  const nn::GradientReport report =
      nn::check_gradients(net, nn::view(x), nn::view(std::as_const(labels)));
  INFO(report.to_string());
  CHECK(report.passed);
  CHECK(nn::check_gradients(net.layer(0), nn::view(x)).passed);
}
