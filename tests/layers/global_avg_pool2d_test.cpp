#include "nn/layers/global_avg_pool2d.h"

#include "support/catch.h"
#include "support/layer_contract.h"
#include "support/layer_runner.h"
#include "support/matrices.h"

using nn::GlobalAvgPool2d;
using nn::Shape;

TEMPLATE_TEST_CASE("global average pooling gives the mean of every channel",
                   "[layers][global_avg_pool2d]",
                   float,
                   double) {
  using Scalar = TestType;
  GlobalAvgPool2d<Scalar> pool(Shape{2, 2, 2});
  const auto x = nn_test::samples<Scalar>(
      {{1, 2, 3, 6, 10, 20, 30, 40}, {-1, 1, -1, 1, 0, 0, 0, 4}});
  const auto dy = nn_test::samples<Scalar>({{4, 8}, {12, 16}});
  const auto pass = nn_test::run(pool, x, dy);
  CHECK(pass.y == nn_test::samples<Scalar>({{3, 25}, {0, 1}}));
  CHECK(pass.dx == nn_test::samples<Scalar>(
                       {{1, 1, 1, 1, 2, 2, 2, 2}, {3, 3, 3, 3, 4, 4, 4, 4}}));
}

TEST_CASE("global average pooling keeps the layer contract",
          "[layers][global_avg_pool2d][contract]") {
  for (const Shape& shape :
       {Shape{1}, Shape{5}, Shape{3, 4, 5}, Shape{2, 9, 7}, Shape{1, 1, 80}}) {
    CHECK(nn_test::contract_violations(nn_test::contract_of<GlobalAvgPool2d>(
              nn_test::normal_matrix<double>, shape)) ==
          nn_test::kNoViolations);
  }
}

TEST_CASE("global average pooling leaves one value per channel",
          "[layers][global_avg_pool2d]") {
  GlobalAvgPool2d<float> pool(Shape{16, 7, 9});
  CHECK(pool.output_shape() == Shape{16});
  CHECK(pool.parameters().empty());
  CHECK(pool.settings().empty());
  CHECK(pool.describe() == "GlobalAvgPool2d");
}
