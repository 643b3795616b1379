#include "nn/layers/activation.h"

#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "nn/layers/gelu.h"
#include "nn/layers/leaky_relu.h"
#include "nn/layers/sigmoid.h"
#include "nn/layers/silu.h"
#include "nn/layers/tanh.h"
#include "nn/network/layer_registry.h"
#include "nn/random.h"
#include "support/catch.h"
#include "support/layer_runner.h"
#include "support/matrices.h"
#include "support/threads.h"

using nn::Index;
using nn::Matrix;
using nn::Shape;

namespace {

template <typename Scalar>
std::vector<std::unique_ptr<nn::Activation<Scalar>>> activations(
    const Shape& shape) {
  std::vector<std::unique_ptr<nn::Activation<Scalar>>> all;
  all.push_back(std::make_unique<nn::LeakyReLU<Scalar>>(shape, 0.125));
  all.push_back(std::make_unique<nn::Sigmoid<Scalar>>(shape));
  all.push_back(std::make_unique<nn::Tanh<Scalar>>(shape));
  all.push_back(std::make_unique<nn::GELU<Scalar>>(shape));
  all.push_back(std::make_unique<nn::GELU<Scalar>>(shape, nn::GeluForm::kTanh));
  all.push_back(std::make_unique<nn::SiLU<Scalar>>(shape));
  return all;
}

}  // namespace

TEMPLATE_TEST_CASE("a NaN goes through every activation, and no further",
                   "[layers][activation]",
                   float,
                   double) {
  // Long enough that whole vectors and the rest behind them are both met.
  for (const Index size : {1, 3, 37}) {
    for (const auto& layer : activations<TestType>(Shape{size})) {
      INFO(layer->describe());
      for (Index i = 0; i < size; ++i) {
        Matrix<TestType> x = Matrix<TestType>::Constant(size, 1, 1);
        const Matrix<TestType> of_numbers = nn_test::output_of(*layer, x);
        x(i, 0) = std::numeric_limits<TestType>::quiet_NaN();
        Matrix<TestType> y = nn_test::output_of(*layer, x);
        REQUIRE(std::isnan(y(i, 0)));
        y(i, 0) = of_numbers(i, 0);
        REQUIRE(y == of_numbers);
      }
    }
  }
}

TEMPLATE_TEST_CASE("large activations are the same for any number of threads",
                   "[layers][activation][threads]",
                   float,
                   double) {
  nn::Rng rng(50);
  // Several blocks, the last one not full.
  const auto x = nn_test::normal_matrix<TestType>(1000, 51, rng);
  const auto dy = nn_test::normal_matrix<TestType>(1000, 51, rng);
  for (const auto& layer : activations<TestType>(Shape{10, 10, 10})) {
    INFO(layer->describe());
    nn_test::LayerPass<TestType> reference;
    for (const int threads : {1, 2, 3, 8}) {
      const nn_test::ScopedThreads scope(threads);
      const auto pass = nn_test::run<TestType>(*layer, x, dy);
      if (threads == 1) reference = pass;
      CHECK(nn_test::same_bits(pass.y, reference.y));
      CHECK(nn_test::same_bits(pass.dx, reference.dx));
    }
  }
}

TEMPLATE_TEST_CASE("activations save nothing and are built from their settings",
                   "[layers][activation]",
                   float,
                   double) {
  nn::Rng rng(51);
  const Shape shape{2, 3, 4};
  const auto x = nn_test::normal_matrix<TestType>(24, 3, rng);
  for (const auto& layer : activations<TestType>(shape)) {
    INFO(layer->describe());
    const nn::MemoryNeeds needs = layer->memory_needs(7, nn::Mode::kTraining);
    CHECK(needs.saved_bytes == 0);
    CHECK(needs.scratch_bytes == 0);
    const auto again =
        nn::make_layer<TestType>(shape, nn::spec_of<TestType>(*layer));
    CHECK(again->describe() == layer->describe());
    CHECK(nn_test::same_bits(nn_test::output_of(*again, x),
                             nn_test::output_of(*layer, x)));
  }
}
