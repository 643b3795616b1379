#include "nn/network/gradient_check.h"

#include <limits>
#include <memory>
#include <stdexcept>
#include <utility>

#include "nn/layers/linear.h"
#include "nn/layers/relu.h"
#include "nn/layers/softmax.h"
#include "nn/losses/mean_squared_error.h"
#include "support/catch.h"
#include "support/matrices.h"

using nn::ConstView;
using nn::GradientCheckOptions;
using nn::GradientReport;
using nn::Index;
using nn::Matrix;
using nn::Mode;
using nn::PassMemory;
using nn::Rng;
using nn::Shape;
using nn::View;

namespace {

enum class Fault { kNone, kBiasOfLastSample, kTransposedWeight, kNanGradient };

// y = W^T x + b with as many outputs as inputs, right but for one fault.
class Square final : public nn::Layer<double> {
 public:
  explicit Square(Fault fault)
      : Layer(Shape{3}, Shape{3}),
        fault_(fault),
        weight_("weight", {3, 3}, 3, 3),
        bias_("bias", {3}, 3, 1) {}

  std::string name() const override { return "Square"; }
  using Layer::parameters;
  std::vector<nn::Parameter<double>*> parameters() override {
    return {&weight_, &bias_};
  }
  void initialize(Rng& rng) override {
    weight_.value = nn_test::normal_matrix<double>(3, 3, rng);
    bias_.value = nn_test::normal_matrix<double>(3, 1, rng);
  }

 private:
  void do_forward(ConstView<double> x,
                  View<double> y,
                  Mode,
                  PassMemory) const override {
    y = weight_.value.transpose() * x;
    y.colwise() += Eigen::VectorXd(bias_.value);
  }
  void do_backward(ConstView<double> x,
                   ConstView<double>,
                   ConstView<double> dy,
                   View<double> dx,
                   PassMemory) override {
    weight_.grad = x * dy.transpose();
    bias_.grad = dy.rowwise().sum();
    if (dx.size() > 0) dx = weight_.value * dy;
    switch (fault_) {
      case Fault::kBiasOfLastSample:
        bias_.grad = dy.rightCols(1);
        break;
      case Fault::kTransposedWeight:
        if (dx.size() > 0) dx = weight_.value.transpose() * dy;
        break;
      case Fault::kNanGradient:
        weight_.grad(1, 2) = std::numeric_limits<double>::quiet_NaN();
        break;
      case Fault::kNone:
        break;
    }
  }

  Fault fault_;
  nn::Parameter<double> weight_;
  nn::Parameter<double> bias_;
};

GradientReport check(Fault fault, Index batch) {
  Rng rng(1);
  Square layer(fault);
  layer.initialize(rng);
  const auto x = nn_test::normal_matrix<double>(3, batch, rng);
  return nn::check_gradients(layer, nn::view(x));
}

}  // namespace

TEST_CASE("the gradient check passes a right layer", "[gradient_check]") {
  for (const Index batch : {1, 2, 7}) {
    const GradientReport report = check(Fault::kNone, batch);
    INFO(report.to_string());
    CHECK(report.passed);
    CHECK(report.max_relative_error < 1e-9);
    CHECK_THAT(report.to_string(), Catch::Matchers::StartsWith("passed"));
  }
}

TEST_CASE("the gradient check catches a bias gradient of the last sample alone",
          "[gradient_check]") {
  using Catch::Matchers::StartsWith;
  // With one sample it is right: this is why batches of 2 and 7 are checked.
  CHECK(check(Fault::kBiasOfLastSample, 1).passed);
  for (const Index batch : {2, 7}) {
    const GradientReport report = check(Fault::kBiasOfLastSample, batch);
    CHECK_FALSE(report.passed);
    CHECK(report.max_relative_error > 1e-3);
    CHECK_THAT(report.worst, StartsWith("bias("));
    CHECK_THAT(report.to_string(), StartsWith("failed"));
  }
}

TEST_CASE("the gradient check catches a transposed weight",
          "[gradient_check]") {
  const GradientReport report = check(Fault::kTransposedWeight, 2);
  CHECK_FALSE(report.passed);
  CHECK_THAT(report.worst, Catch::Matchers::StartsWith("input("));
}

TEST_CASE("the gradient check fails on a NaN", "[gradient_check]") {
  const GradientReport report = check(Fault::kNanGradient, 2);
  CHECK_FALSE(report.passed);
  CHECK_THAT(report.worst, Catch::Matchers::StartsWith("weight(1, 2)"));
}

TEST_CASE("the gradient check fails at a kink, where there is no gradient",
          "[gradient_check]") {
  nn::ReLU<double> relu(Shape{2});
  const auto on_the_kink = nn_test::samples<double>({{1.0, 0.0}});
  CHECK_FALSE(nn::check_gradients(relu, nn::view(on_the_kink)).passed);
}

TEST_CASE("the gradient check shrinks a step that reaches over a kink",
          "[gradient_check]") {
  nn::ReLU<double> relu(Shape{2});
  // Closer to the kink than twice the step of 1e-3.
  const auto near = nn_test::samples<double>({{1e-3, -5e-4}});
  const GradientReport report = nn::check_gradients(relu, nn::view(near));
  INFO(report.to_string());
  CHECK(report.passed);
}

TEST_CASE("the gradient check leaves parameters as they were",
          "[gradient_check]") {
  Rng rng(1);
  nn::Linear<double> linear(Shape{4}, 3);
  linear.initialize(rng);
  const Matrix<double> weight = linear.weight().value;
  const Matrix<double> bias = linear.bias().value;
  const auto x = nn_test::normal_matrix<double>(4, 2, rng);
  CHECK(nn::check_gradients(linear, nn::view(x)).passed);
  CHECK(nn_test::same_bits(linear.weight().value, weight));
  CHECK(nn_test::same_bits(linear.bias().value, bias));
}

TEST_CASE("the gradient check of a network names the parameter",
          "[gradient_check]") {
  nn::Sequential<double> net(Shape{3}, 1);
  net.add<nn::Linear>(4);
  net.add(std::make_unique<nn::Linear<double>>(Shape{4}, 3));
  net.add(std::make_unique<Square>(Fault::kBiasOfLastSample));
  net.add<nn::Softmax>();
  Rng rng(2);
  const auto x = nn_test::normal_matrix<double>(3, 4, rng);
  nn::Labels labels(4);
  labels << 0, 1, 2, 1;
  const GradientReport report =
      nn::check_gradients(net, nn::view(x), nn::view(labels));
  CHECK_FALSE(report.passed);
  CHECK_THAT(report.worst, Catch::Matchers::StartsWith("2.bias("));
}

TEST_CASE("the gradient check can be limited to some elements",
          "[gradient_check]") {
  Rng rng(1);
  Square layer(Fault::kNanGradient);
  layer.initialize(rng);
  const auto x = nn_test::normal_matrix<double>(3, 2, rng);
  // One element of nine is wrong: some draws meet it, others do not.
  GradientCheckOptions options;
  options.max_elements = 4;
  int caught = 0;
  for (options.seed = 1; options.seed <= 40; ++options.seed) {
    if (!nn::check_gradients(layer, nn::view(x), options).passed) ++caught;
  }
  CHECK(caught > 0);
  CHECK(caught < 40);
  options.max_elements = 9;
  CHECK_FALSE(nn::check_gradients(layer, nn::view(x), options).passed);
}

TEST_CASE("the gradient check refuses what it cannot check",
          "[gradient_check][errors]") {
  using Catch::Matchers::ContainsSubstring;
  nn::Linear<double> linear(Shape{4}, 3);
  const Matrix<double> empty(4, 0);
  CHECK_THROWS_AS(nn::check_gradients(linear, nn::view(empty)),
                  std::invalid_argument);
  const Matrix<double> wrong = Matrix<double>::Zero(5, 2);
  CHECK_THROWS_WITH(nn::check_gradients(linear, nn::view(wrong)),
                    ContainsSubstring("[Linear]") && ContainsSubstring("5"));

  const Matrix<double> x = Matrix<double>::Zero(4, 2);
  GradientCheckOptions options;
  options.step = 0;
  CHECK_THROWS_AS(nn::check_gradients(linear, nn::view(x), options),
                  std::invalid_argument);
  options = {};
  options.tolerance = -1;
  CHECK_THROWS_AS(nn::check_gradients(linear, nn::view(x), options),
                  std::invalid_argument);
  options = {};
  options.max_elements = -1;
  CHECK_THROWS_AS(nn::check_gradients(linear, nn::view(x), options),
                  std::invalid_argument);
}

TEST_CASE("the gradient check tells right losses from wrong ones",
          "[gradient_check]") {
  Rng rng(5);
  const auto y = nn_test::normal_matrix<double>(4, 6, rng);
  const auto target = nn_test::normal_matrix<double>(4, 6, rng);
  CHECK(nn::check_gradients(nn::MeanSquaredError<double>(), y, target).passed);
  nn::Labels labels(6);
  labels << 0, 1, 2, 3, 0, 1;
  CHECK(
      nn::check_gradients(nn::SoftmaxCrossEntropy<double>(), y, labels).passed);

  // A factor that is off by a millionth, and one element that is forgotten.
  const auto check = [&](double factor, Index forgotten) {
    return nn::check_gradients(
        [&](ConstView<double> x, View<double> dx) {
          if (dx.size() > 0) dx = 3 * factor * x.cwiseProduct(x);
          if (dx.size() > 0 && forgotten >= 0) dx.data()[forgotten] = 0;
          return x.array().cube().sum();
        },
        y);
  };
  CHECK(check(1, -1).passed);
  CHECK_FALSE(check(1.000001, -1).passed);
  const GradientReport report = check(1, 9);
  CHECK_FALSE(report.passed);
  CHECK_THAT(report.to_string(),
             Catch::Matchers::Contains("argument(1, 2): analytic 0"));
  CHECK_THROWS_AS(nn::check_gradients(nn::ValueAndGradient(), y),
                  std::invalid_argument);
}

TEST_CASE("what a function does not write of its gradient is wrong",
          "[gradient_check]") {
  const nn::Matrix<double> x = nn::Matrix<double>::Ones(2, 3);
  for (const bool whole : {true, false}) {
    const nn::GradientReport report = nn::check_gradients(
        [&](ConstView<double> at, View<double> dx) {
          if (dx.size() > 0) dx.leftCols(2) = 2 * at.leftCols(2);
          if (dx.size() > 0 && whole) dx.col(2) = 2 * at.col(2);
          return at.squaredNorm();
        },
        x);
    CHECK(report.passed == whole);
  }
}
