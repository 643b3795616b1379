#include "nn/workspace.h"

#include <utility>

#include "nn/layers/linear.h"
#include "nn/layers/relu.h"
#include "nn/sequential.h"
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
