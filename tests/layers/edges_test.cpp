// Arithmetic at the edges: NaN, infinities, huge, denormal and constant values,
// through layers and stages, at every instruction set.

#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "nn/layers/batch_norm.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/gelu.h"
#include "nn/layers/layer_norm.h"
#include "nn/layers/leaky_relu.h"
#include "nn/layers/linear.h"
#include "nn/layers/max_pool2d.h"
#include "nn/layers/relu.h"
#include "nn/layers/sigmoid.h"
#include "nn/layers/silu.h"
#include "nn/layers/softmax.h"
#include "nn/layers/tanh.h"
#include "nn/network/sequential.h"
#include "nn/network/workspace.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/layer_runner.h"
#include "support/matrices.h"

using Catch::Matchers::ContainsSubstring;
using nn::Index;
using nn::Matrix;
using nn::Sequential;
using nn::Shape;
using nn_test::message_of;

namespace {

template <typename Scalar>
using Limits = std::numeric_limits<Scalar>;

template <typename Scalar>
std::vector<std::unique_ptr<nn::Layer<Scalar>>> activations(
    const Shape& shape) {
  std::vector<std::unique_ptr<nn::Layer<Scalar>>> all;
  all.push_back(std::make_unique<nn::ReLU<Scalar>>(shape));
  all.push_back(std::make_unique<nn::LeakyReLU<Scalar>>(shape, 0.125));
  all.push_back(std::make_unique<nn::Sigmoid<Scalar>>(shape));
  all.push_back(std::make_unique<nn::Tanh<Scalar>>(shape));
  all.push_back(std::make_unique<nn::GELU<Scalar>>(shape));
  all.push_back(std::make_unique<nn::GELU<Scalar>>(shape, nn::GeluForm::kTanh));
  all.push_back(std::make_unique<nn::SiLU<Scalar>>(shape));
  return all;
}

// What an activation and its derivative tend to for x to minus infinity.
struct Limit {
  double value;
  double slope;
};
Limit limit_below(const std::string& name, double x) {
  if (name == "LeakyReLU") return {0.125 * x, 0.125};
  if (name == "Tanh") return {-1.0, 0.0};
  return {0.0, 0.0};
}
Limit limit_above(const std::string& name, double x) {
  if (name == "Sigmoid" || name == "Tanh") return {1.0, 0.0};
  return {x, 1.0};
}

}  // namespace

TEMPLATE_TEST_CASE("the gradient at a NaN is a NaN, and no other is",
                   "[layers][edges]",
                   float,
                   double) {
  for (const Index size : {1, 2, 3, 7, 16, 37, 67}) {
    for (const auto& layer : activations<TestType>(Shape{size})) {
      INFO(layer->describe() << " of " << size);
      const Matrix<TestType> dy = Matrix<TestType>::Constant(size, 1, 2);
      for (Index i = 0; i < size; ++i) {
        Matrix<TestType> x = Matrix<TestType>::Constant(size, 1, -1);
        x(i / 2, 0) = TestType(0);
        const auto of_numbers = nn_test::run(*layer, x, dy);
        x(i, 0) = Limits<TestType>::quiet_NaN();
        auto pass = nn_test::run(*layer, x, dy);
        REQUIRE(std::isnan(pass.y(i, 0)));
        REQUIRE(std::isnan(pass.dx(i, 0)));
        pass.dx(i, 0) = of_numbers.dx(i, 0);
        REQUIRE(pass.dx == of_numbers.dx);
      }
    }
  }
}

TEMPLATE_TEST_CASE("a NaN goes back through fused stages as through layers",
                   "[layers][edges]",
                   float,
                   double) {
  using Net = Sequential<TestType>;
  const std::vector<std::function<void(Net&)>> bodies = {
      [](Net& net) {
        net.template add<nn::Linear>(9).template add<nn::ReLU>();
      },
      [](Net& net) {
        net.template add<nn::Conv2d>(3, 3, 1, 1).template add<nn::ReLU>();
      },
      [](Net& net) {
        nn::Conv2dOptions depthwise;
        depthwise.out_channels = 2;
        depthwise.kernel = 3;
        depthwise.groups = 2;
        net.template add<nn::Conv2d>(depthwise).template add<nn::ReLU>();
      },
      [](Net& net) {
        net.template add<nn::Conv2d>(3, 3, 1, 1).template add<nn::ReLU>();
        net.template add<nn::MaxPool2d>(2);
      },
      [](Net& net) {
        net.template add<nn::Conv2d>(5, 3).template add<nn::ReLU>();
        net.template add<nn::MaxPool2d>(3, 2);
      },
      [](Net& net) {
        net.template add<nn::Conv2d>(4, 3, 1, 1).template add<nn::ReLU>();
        net.template add<nn::MaxPool2d>(4);
      },
      [](Net& net) {
        net.template add<nn::ReLU>().template add<nn::MaxPool2d>(2);
      },
  };
  const Shape shape{2, 11, 10};
  for (std::size_t body = 0; body < bodies.size(); ++body) {
    Net net(shape, 3);
    bodies[body](net);
    nn::Rng rng(body);
    const Index outputs = net.output_shape().features();
    const auto clean =
        nn_test::normal_matrix<TestType>(shape.features(), 3, rng);
    const auto dy = nn_test::normal_matrix<TestType>(outputs, 3, rng);
    for (Index place = 0; place < shape.features(); place += 7) {
      Matrix<TestType> x = clean;
      x(place, 1) = Limits<TestType>::quiet_NaN();
      for (const bool fuse : {false, true}) {
        INFO("body " << body << ", place " << place << ", fused " << fuse);
        net.set_fusion(fuse);
        nn::Workspace<TestType> workspace;
        const Matrix<TestType> y = net.forward(x, workspace);
        Matrix<TestType> dx(shape.features(), 3);
        net.backward(dy, workspace, dx);
        REQUIRE(dx.col(0).allFinite());
        REQUIRE(dx.col(2).allFinite());
        // Some places are in no window.
        if (!y.array().isNaN().any()) continue;
        REQUIRE(dx.col(1).array().isNaN().any());
        for (const auto* p : net.parameters()) {
          REQUIRE(p->grad.array().isNaN().any());
        }
      }
    }
    // The same of a NaN that comes from behind, at an output above 0.
    nn::Workspace<TestType> workspace;
    const Matrix<TestType> y = net.forward(clean, workspace);
    for (Index place = 0; place < outputs; place += 5) {
      if (!(y(place, 1) > 0)) continue;
      INFO("body " << body << ", output " << place);
      Matrix<TestType> damaged = dy;
      damaged(place, 1) = Limits<TestType>::quiet_NaN();
      Matrix<TestType> dx(shape.features(), 3);
      net.backward(damaged, workspace, dx);
      REQUIRE(dx.col(0).allFinite());
      REQUIRE(dx.col(1).array().isNaN().any());
      for (const auto* p : net.parameters()) {
        REQUIRE(p->grad.array().isNaN().any());
      }
    }
  }
}

TEMPLATE_TEST_CASE("activations have their limits at infinities and beyond",
                   "[layers][edges]",
                   float,
                   double) {
  const TestType infinity = Limits<TestType>::infinity();
  const TestType highest = Limits<TestType>::max();
  // In the last lanes of a vector, and in the rest behind whole vectors.
  for (const Index size : {1, 5, 16, 35}) {
    const Matrix<TestType> dy = Matrix<TestType>::Constant(size, 1, 1);
    for (const auto& layer : activations<TestType>(Shape{size})) {
      for (const TestType far : {TestType(1e4),
                                 TestType(1e18),
                                 TestType(1e19),
                                 std::sqrt(highest),
                                 highest / 2,
                                 highest,
                                 infinity}) {
        INFO(layer->describe() << " of " << size << " at " << far);
        Matrix<TestType> x = Matrix<TestType>::Constant(size, 1, far);
        auto pass = nn_test::run(*layer, x, dy);
        const Limit above = limit_above(layer->name(), double(far));
        for (Index i = 0; i < size; ++i) {
          REQUIRE(double(pass.y(i, 0)) == above.value);
          REQUIRE(double(pass.dx(i, 0)) == above.slope);
        }
        x = -x;
        pass = nn_test::run(*layer, x, dy);
        const Limit below = limit_below(layer->name(), -double(far));
        for (Index i = 0; i < size; ++i) {
          REQUIRE(double(pass.y(i, 0)) == below.value);
          REQUIRE(double(pass.dx(i, 0)) == below.slope);
        }
      }
      // At denormal numbers each is its tangent at 0.
      for (const TestType tiny :
           {Limits<TestType>::denorm_min(), Limits<TestType>::min() / 4}) {
        INFO(layer->describe() << " of " << size << " at " << tiny);
        const Matrix<TestType> x = Matrix<TestType>::Constant(size, 1, tiny);
        const Matrix<TestType> zero = Matrix<TestType>::Zero(size, 1);
        const auto pass = nn_test::run(*layer, x, dy);
        const auto at_zero = nn_test::run(*layer, zero, dy);
        for (Index i = 0; i < size; ++i) {
          REQUIRE(std::abs(pass.y(i, 0) - at_zero.y(i, 0)) <= 2 * tiny);
          REQUIRE((layer->name() == "ReLU" || layer->name() == "LeakyReLU" ||
                   pass.dx(i, 0) == at_zero.dx(i, 0)));
        }
      }
    }
  }
}

TEMPLATE_TEST_CASE("softmax of huge and of infinitely small logits is a share",
                   "[layers][edges]",
                   float,
                   double) {
  const TestType highest = Limits<TestType>::max();
  nn::Softmax<TestType> softmax(Shape{3});
  Matrix<TestType> x(3, 4);
  x << highest, -highest, 1, highest,  //
      -highest, -highest, -Limits<TestType>::infinity(), highest, TestType(0),
      -highest, 1, -Limits<TestType>::infinity();
  const Matrix<TestType> y = nn_test::output_of(softmax, x);
  Matrix<TestType> expected(3, 4);
  const TestType third = TestType(1) / 3;
  expected << 1, third, TestType(0.5), TestType(0.5),  //
      0, third, 0, TestType(0.5),                      //
      0, third, TestType(0.5), 0;
  CHECK(y.isApprox(expected, TestType(1e-6)));
}

TEMPLATE_TEST_CASE("normalizing a constant gives the bias, whatever it is",
                   "[layers][edges]",
                   float,
                   double) {
  const double tiny = double(Limits<TestType>::denorm_min());
  for (const double constant :
       {0.0, tiny, 1e-40, 0.1, -1.0 / 3.0, 1e4, 1.1e6, 1e12}) {
    for (const Index batch : {2, 3, 17, 64}) {
      const Shape shape{3, 5, 7};
      std::vector<std::unique_ptr<nn::Layer<TestType>>> layers;
      layers.push_back(std::make_unique<nn::BatchNorm1d<TestType>>(shape));
      layers.push_back(std::make_unique<nn::BatchNorm2d<TestType>>(shape));
      layers.push_back(std::make_unique<nn::LayerNorm<TestType>>(shape));
      for (const auto& layer : layers) {
        nn::Rng rng(1);
        layer->initialize(rng);
        layer->parameters()[1]->value.setConstant(TestType(0.5));
        const Matrix<TestType> x = Matrix<TestType>::Constant(
            shape.features(), batch, static_cast<TestType>(constant));
        const auto dy =
            nn_test::normal_matrix<TestType>(shape.features(), batch, rng);
        const auto pass = nn_test::run(*layer, x, dy);
        INFO(layer->describe() << " of " << constant << ", batch " << batch);
        // What rounding leaves of the mean counts little: beside sqrt(eps), or
        // beside a deviation that it makes itself.
        REQUIRE(pass.y.allFinite());
        REQUIRE((pass.y.array() - TestType(0.5)).abs().maxCoeff() <=
                (std::abs(constant) < 1e4 ? TestType(1e-3) : TestType(1.01)));
        REQUIRE(pass.dx.allFinite());
        for (const auto* p : layer->parameters()) REQUIRE(p->grad.allFinite());
        for (const auto* b : layer->buffers()) REQUIRE(b->value.allFinite());
        REQUIRE(nn_test::output_of(*layer, x).allFinite());
      }
    }
  }
}

TEMPLATE_TEST_CASE(
    "running statistics stay finite, and a batch that is not "
    "ends the pass",
    "[layers][edges][errors]",
    float,
    double) {
  for (const double bad : {double(Limits<TestType>::quiet_NaN()),
                           double(Limits<TestType>::infinity()),
                           -double(Limits<TestType>::infinity()),
                           // of which the square is not
                           double(Limits<TestType>::max()) / 2}) {
    for (const bool of_images : {false, true}) {
      const Shape shape{3, 4, 5};
      std::unique_ptr<nn::BatchNorm<TestType>> layer;
      if (of_images) {
        layer = std::make_unique<nn::BatchNorm2d<TestType>>(shape);
      } else {
        layer = std::make_unique<nn::BatchNorm1d<TestType>>(shape);
      }
      nn::Rng rng(2);
      layer->initialize(rng);
      Matrix<TestType> x = nn_test::normal_matrix<TestType>(60, 4, rng);
      const auto dy = nn_test::normal_matrix<TestType>(60, 4, rng);
      nn_test::run(*layer, x, dy);
      std::vector<Matrix<TestType>> before;
      for (const auto* b : layer->buffers()) before.push_back(b->value);
      for (const auto* p : layer->parameters()) before.push_back(p->grad);
      x(27, 2) = static_cast<TestType>(bad);
      CHECK_THAT(
          message_of<std::runtime_error>([&] { nn_test::run(*layer, x, dy); }),
          ContainsSubstring("expected a batch of finite mean and "
                            "variance, got ") &&
              ContainsSubstring(of_images ? "in channel 1 of 3"
                                          : "in channel 27 of 60") &&
              ContainsSubstring("stay as they were"));
      std::size_t i = 0;
      for (const auto* b : layer->buffers()) {
        CHECK(nn_test::same_bits(b->value, before[i++]));
      }
      for (const auto* p : layer->parameters()) {
        CHECK(nn_test::same_bits(p->grad, before[i++]));
      }
    }
  }
}

TEST_CASE("an eps that is 0 in the arithmetic of a layer is refused",
          "[layers][edges][errors]") {
  const auto message = [](const auto& function) {
    return message_of<std::invalid_argument>(function);
  };
  nn::BatchNormOptions batch;
  batch.eps = 1e-46;
  nn::LayerNormOptions sample;
  sample.eps = 1e-46;
  const Shape shape{2, 3, 3};
  CHECK(message([&] { nn::BatchNorm1d<float>(shape, batch); }) ==
        "[BatchNorm1d] eps 1e-46 rounds to 0 in float");
  CHECK(message([&] { nn::BatchNorm2d<float>(shape, batch); }) ==
        "[BatchNorm2d] eps 1e-46 rounds to 0 in float");
  CHECK(message([&] { nn::LayerNorm<float>(shape, sample); }) ==
        "[LayerNorm] eps 1e-46 rounds to 0 in float");
  batch.eps = sample.eps = 1e39;
  CHECK(message([&] { nn::BatchNorm1d<float>(shape, batch); }) ==
        "[BatchNorm1d] eps 1e+39 rounds to infinity in float");
  CHECK(message([&] { nn::LayerNorm<float>(shape, sample); }) ==
        "[LayerNorm] eps 1e+39 rounds to infinity in float");
  batch.eps = sample.eps = 1e-46;
  CHECK_NOTHROW(nn::BatchNorm1d<double>(shape, batch));
  CHECK_NOTHROW(nn::LayerNorm<double>(shape, sample));
  batch.eps = sample.eps = 1e-45;
  CHECK_NOTHROW(nn::BatchNorm1d<float>(shape, batch));
  CHECK_NOTHROW(nn::LayerNorm<float>(shape, sample));
}
