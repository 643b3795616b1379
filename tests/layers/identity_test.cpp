#include "nn/layers/identity.h"

#include <utility>

#include "nn/layers/linear.h"
#include "nn/layers/relu.h"
#include "nn/layers/softmax.h"
#include "nn/network/residual.h"
#include "nn/network/sequential.h"
#include "nn/random.h"
#include "support/catch.h"
#include "support/layer_contract.h"
#include "support/layer_runner.h"
#include "support/matrices.h"

using nn::Identity;
using nn::Matrix;
using nn::Shape;

TEMPLATE_TEST_CASE("identity passes both directions on to the bit",
                   "[layers][identity]",
                   float,
                   double) {
  nn::Rng rng(52);
  for (const nn::Index batch : {1, 100}) {
    Identity<TestType> identity(Shape{3, 10, 10});
    const auto x = nn_test::normal_matrix<TestType>(300, batch, rng);
    const auto dy = nn_test::normal_matrix<TestType>(300, batch, rng);
    const auto pass = nn_test::run(identity, x, dy);
    CHECK(nn_test::same_bits(pass.y, x));
    CHECK(nn_test::same_bits(pass.dx, dy));
  }
}

TEST_CASE("identity keeps the layer contract", "[layers][identity][contract]") {
  for (const Shape& shape : {Shape{1}, Shape{5}, Shape{3, 4, 5}}) {
    CHECK(nn_test::contract_violations(nn_test::contract_of<Identity>(
              nn_test::normal_matrix<double>, shape)) ==
          nn_test::kNoViolations);
  }
}

TEST_CASE("identity keeps the shape and has no parameters",
          "[layers][identity]") {
  Identity<float> identity(Shape{3, 4, 5});
  CHECK(identity.output_shape() == Shape{3, 4, 5});
  CHECK(identity.parameters().empty());
  CHECK(identity.settings().empty());
  CHECK(identity.describe() == "Identity");
}

TEST_CASE("identity changes nothing and takes no memory in a network",
          "[layers][identity][sequential]") {
  nn::Sequential<double> plain(Shape{6}, 1);
  plain.add<nn::Linear>(5).add<nn::ReLU>().add<nn::Linear>(4);
  plain.add<nn::Softmax>();
  nn::Sequential<double> net(Shape{6}, 1);
  net.add<Identity>().add<nn::Linear>(5).add<nn::ReLU>().add<Identity>();
  net.add<Identity>().add<nn::Linear>(4).add<Identity>().add<nn::Softmax>();
  nn::Rng rng(53);
  const auto x = nn_test::normal_matrix<double>(6, 3, rng);
  const auto dy = nn_test::normal_matrix<double>(4, 3, rng);
  for (const bool fuse : {true, false}) {
    CAPTURE(fuse);
    plain.set_fusion(fuse);
    net.set_fusion(fuse);
    nn::Workspace<double> plain_workspace;
    nn::Workspace<double> workspace;
    const Matrix<double> expected = plain.forward(nn::view(x), plain_workspace);
    CHECK(nn_test::same_bits(net.forward(nn::view(x), workspace), expected));
    Matrix<double> expected_dx(6, 3);
    Matrix<double> dx(6, 3);
    plain.backward(nn::view(dy), plain_workspace, nn::view(expected_dx));
    net.backward(nn::view(dy), workspace, nn::view(dx));
    CHECK(nn_test::same_bits(dx, expected_dx));
    CHECK(nn_test::same_bits(net.predict(nn::view(x)),
                             plain.predict(nn::view(x))));
    if (fuse) CHECK(workspace.size_bytes() == plain_workspace.size_bytes());
  }
  CHECK(net.activations(nn::view(x)).size() == 8);
}

TEST_CASE("a network of nothing but identities passes everything on",
          "[layers][identity][sequential]") {
  nn::Sequential<double> net(Shape{3}, 1);
  net.add<Identity>().add<Identity>();
  const auto x = nn_test::samples<double>({{1, 2, 3}, {4, 5, 6}});
  const auto dy = nn_test::samples<double>({{7, 8, 9}, {1, 2, 3}});
  nn::Workspace<double> workspace;
  CHECK(net.forward(nn::view(x), workspace) == x);
  Matrix<double> dx(3, 2);
  net.backward(nn::view(dy), workspace, nn::view(dx));
  CHECK(dx == dy);
  CHECK(net.predict(nn::view(x)) == x);
}

TEST_CASE("a residual of nothing but identities doubles",
          "[layers][identity][residual]") {
  nn::Sequential<double> net(Shape{3}, 1);
  net.add<nn::Residual>([](nn::Sequential<double>& body) {
    body.add<Identity>().add<Identity>();
  });
  const auto x = nn_test::samples<double>({{1, 2, 3}, {4, 5, 6}});
  nn::Workspace<double> workspace;
  CHECK(net.forward(nn::view(x), workspace) == 2 * x);
  Matrix<double> dx(3, 2);
  net.backward(nn::view(x), workspace, nn::view(dx));
  CHECK(dx == 2 * x);
  CHECK(net.predict(nn::view(x)) == 2 * x);
}
