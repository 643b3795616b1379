#include "nn/network/residual.h"

#include <stdexcept>

#include "nn/layers/batch_norm.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/layer_norm.h"
#include "nn/layers/linear.h"
#include "nn/layers/max_pool2d.h"
#include "nn/layers/relu.h"
#include "support/catch.h"
#include "support/layer_contract.h"
#include "support/layer_runner.h"
#include "support/matrices.h"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Equals;
using nn::Conv2d;
using nn::Index;
using nn::Linear;
using nn::Matrix;
using nn::MaxPool2d;
using nn::ReLU;
using nn::Residual;
using nn::Sequential;
using nn::Shape;

namespace {

const auto kLinearBody = [](auto& body) { body.template add<Linear>(2); };

const auto kConvBody = [](auto& body) {
  body.template add<Conv2d>(5, 3, 1, 1);
  body.template add<ReLU>();
  body.template add<Conv2d>(2, 3, 1, 1);
};

// Ends in a stage of several layers, with memory saved for backward; its inner
// sizes rise and fall.
const auto kPoolBody = [](auto& body) {
  body.template add<Conv2d>(3, 3, 1, 2);
  body.template add<ReLU>();
  body.template add<MaxPool2d>(nn::Extent(3), nn::Extent(1));
  body.template add<Conv2d>(2, 3, 1, 2);
  body.template add<MaxPool2d>(nn::Extent(3), nn::Extent(1));
};

// Norms before the convolutions: a bias before a norm would have no gradient.
const auto kNormBody = [](auto& body) {
  body.template add<nn::BatchNorm2d>();
  body.template add<Conv2d>(3, 3, 1, 1);
  body.template add<nn::LayerNorm>();
  body.template add<Conv2d>(2, 3, 1, 1);
};

const auto kNestedBody = [](auto& body) {
  body.template add<Linear>(4);
  body.template add<Residual>([](auto& inner) {
    inner.template add<Linear>(9);
    inner.template add<Linear>(4);
  });
  body.template add<Linear>(6);
};

template <typename Scalar, typename Fill>
nn_test::LayerPass<Scalar> network_pass(const Shape& shape,
                                        const Fill& fill,
                                        bool fuse,
                                        const Matrix<Scalar>& x,
                                        const Matrix<Scalar>& dy,
                                        Matrix<Scalar>& gradient) {
  Sequential<Scalar> net(shape, /*seed=*/5);
  net.template add<Residual>(fill);
  net.set_fusion(fuse);
  nn::Workspace<Scalar> workspace;
  nn_test::LayerPass<Scalar> pass;
  pass.dx.resize(x.rows(), x.cols());
  pass.y = net.forward(nn::view(x), workspace);
  CHECK(nn_test::relative_difference(net.predict(nn::view(x)), pass.y) <=
        1e-13);
  net.backward(nn::view(dy), workspace, nn::view(pass.dx));
  gradient = net.parameters().front()->grad;
  return pass;
}

}  // namespace

TEMPLATE_TEST_CASE("residual adds its input to the output of its body",
                   "[layers][residual]",
                   float,
                   double) {
  using Scalar = TestType;
  Residual<Scalar> residual(Shape{2}, kLinearBody);
  REQUIRE(residual.parameters().size() == 2);
  // y = x + W^T x + b with the columns of W as the body's units.
  residual.parameters()[0]->value = nn_test::samples<Scalar>({{1, 2}, {3, 4}});
  residual.parameters()[1]->value = nn_test::samples<Scalar>({{10, 20}});
  const auto x = nn_test::samples<Scalar>({{1, 0}, {2, -1}});
  const auto dy = nn_test::samples<Scalar>({{1, 0}, {0, 2}});
  const auto pass = nn_test::run(residual, x, dy);
  CHECK(pass.y == nn_test::samples<Scalar>({{12, 23}, {12, 21}}));
  CHECK(nn_test::output_of(residual, x) == pass.y);
  // dx = dy + W dy; dW = x dy^T, db = the sum of dy.
  CHECK(pass.dx == nn_test::samples<Scalar>({{2, 2}, {6, 10}}));
  CHECK(residual.parameters()[0]->grad ==
        nn_test::samples<Scalar>({{1, 0}, {4, -2}}));
  CHECK(residual.parameters()[1]->grad == nn_test::samples<Scalar>({{1, 2}}));
}

TEST_CASE("residual keeps the layer contract", "[layers][residual][contract]") {
  const auto violations = [](const Shape& shape, const auto& fill) {
    return nn_test::contract_violations(nn_test::contract_of<Residual>(
        nn_test::normal_matrix<double>, shape, fill));
  };
  CHECK(violations(Shape{2}, kLinearBody) == nn_test::kNoViolations);
  CHECK(violations(Shape{2, 5, 4}, kConvBody) == nn_test::kNoViolations);
  CHECK(violations(Shape{2, 4, 3}, kPoolBody) == nn_test::kNoViolations);
  CHECK(violations(Shape{6}, kNestedBody) == nn_test::kNoViolations);
}

TEST_CASE("residual keeps the layer contract around normalizing layers",
          "[layers][residual][contract]") {
  auto contract = nn_test::contract_of<Residual>(
      nn_test::normal_matrix<double>, Shape{2, 5, 4}, kNormBody);
  // In training the samples of a batch depend on each other.
  contract.same_in_inference = false;
  contract.samples_alone_give_the_same = false;
  CHECK(nn_test::contract_violations(contract) == nn_test::kNoViolations);
}

TEMPLATE_TEST_CASE("residual gives the same with its body fused or not",
                   "[layers][residual][fusion]",
                   float,
                   double) {
  using Scalar = TestType;
  nn::Rng rng(6);
  const Shape shape{2, 9, 7};
  const auto x = nn_test::normal_matrix<Scalar>(shape.features(), 5, rng);
  const auto dy = nn_test::normal_matrix<Scalar>(shape.features(), 5, rng);
  const auto compare = [&](const auto& fill) {
    Matrix<Scalar> fused_gradient;
    Matrix<Scalar> gradient;
    const auto fused = network_pass(shape, fill, true, x, dy, fused_gradient);
    const auto plain = network_pass(shape, fill, false, x, dy, gradient);
    const double tolerance = sizeof(Scalar) == 4 ? 1e-5 : 1e-13;
    CHECK(nn_test::relative_difference(fused.y, plain.y) <= tolerance);
    CHECK(nn_test::relative_difference(fused.dx, plain.dx) <= tolerance);
    CHECK(nn_test::relative_difference(fused_gradient, gradient) <= tolerance);
  };
  compare(kConvBody);
  compare(kPoolBody);
  // The switch reaches a body: one stage writes less memory than three.
  Sequential<Scalar> net(shape);
  net.template add<Residual>(kPoolBody);
  const auto saved_bytes = [&net] {
    return net.layer(0).memory_needs(5, nn::Mode::kTraining).saved_bytes;
  };
  const std::size_t fused_bytes = saved_bytes();
  net.set_fusion(false);
  CHECK(saved_bytes() > fused_bytes);
}

TEST_CASE("residual names its parameters as PyTorch names those of a body",
          "[layers][residual]") {
  Sequential<float> net(Shape{6});
  net.add<Linear>(6).add<Residual>(kNestedBody);
  std::vector<std::string> names;
  for (const auto& named : net.named_parameters()) names.push_back(named.name);
  CHECK(names == std::vector<std::string>{"0.weight",
                                          "0.bias",
                                          "1.body.0.weight",
                                          "1.body.0.bias",
                                          "1.body.1.body.0.weight",
                                          "1.body.1.body.0.bias",
                                          "1.body.1.body.1.weight",
                                          "1.body.1.body.1.bias",
                                          "1.body.2.weight",
                                          "1.body.2.bias"});
  CHECK(net.layer(1).describe() ==
        "Residual(Linear(6 -> 4), Residual(Linear(4 -> 9), Linear(9 -> 4)), "
        "Linear(4 -> 6))");
  CHECK(net.layer(1).inner_layers().size() == 3);
  CHECK(net.layer(1).inner_layers()[2]->name() == "Linear");
}

TEST_CASE("residual has the buffers of its body", "[layers][residual]") {
  Sequential<float> net(Shape{2, 5, 4});
  net.add<Residual>(kNormBody);
  std::vector<std::string> names;
  for (const auto& named : net.named_buffers()) names.push_back(named.name);
  CHECK(names == std::vector<std::string>{"0.body.0.running_mean",
                                          "0.body.0.running_var",
                                          "0.body.0.num_batches_tracked"});
  nn::Rng rng(3);
  const auto x = nn_test::normal_matrix<float>(40, 3, rng);
  const auto pass = nn_test::run(net.layer(0), x, x);
  CHECK(net.layer(0).buffers()[2]->value(0, 0) == 1);
  net.initialize(rng);
  CHECK(net.layer(0).buffers()[2]->value(0, 0) == 0);
}

TEST_CASE("residual wants a body that keeps the shape",
          "[layers][residual][errors]") {
  const Shape shape{2, 5, 4};
  const auto make = [&shape](const auto& fill) {
    return Residual<float>(shape, fill);
  };
  CHECK_THROWS_AS(make([](auto&) {}), std::invalid_argument);
  CHECK_THROWS_WITH(
      make([](auto&) {}),
      Equals("[Residual] expected a body of at least 1 layer, got none"));
  CHECK_THROWS_WITH(
      make([](auto& body) { body.template add<Conv2d>(3, 3, 1, 1); }),
      Equals("[Residual] expected a body from 2x5x4 to the same shape, got one "
             "from 2x5x4 to 3x5x4"));
  CHECK_THROWS_WITH(make([](auto& body) { body.template add<Linear>(40); }),
                    ContainsSubstring("2x5x4 to 40"));
  CHECK_THROWS_WITH(
      make([](auto& body) {
        body.template add<ReLU>().template add<Conv2d>(3, 9);
      }),
      Equals("[Residual] body: [Sequential] layer 1: [Conv2d] kernel 9x9 is "
             "larger than the padded input 2x5x4"));
  // A function that replaces the network it should fill.
  CHECK_THROWS_WITH(make([](nn::Sequential<float>& body) {
                      nn::Sequential<float> other(Shape{3});
                      other.add<ReLU>();
                      body = std::move(other);
                    }),
                    ContainsSubstring("got one from 3 to 3"));
  CHECK_THROWS_WITH(
      Residual<float>(shape, std::function<void(nn::Sequential<float>&)>()),
      ContainsSubstring("got an empty one"));
  Sequential<float> net(shape);
  net.add<ReLU>();
  CHECK_THROWS_WITH(
      net.add<Residual>([](auto&) {}),
      ContainsSubstring("[Sequential] layer 1: [Residual] expected a body"));
}
