#include "nn/network/sequential.h"

#include <memory>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "nn/layers/conv2d.h"
#include "nn/layers/linear.h"
#include "nn/layers/max_pool2d.h"
#include "nn/layers/relu.h"
#include "nn/layers/softmax.h"
#include "nn/losses/softmax_cross_entropy.h"
#include "nn/network/gradient_check.h"
#include "nn/optimizers/sgd.h"
#include "support/allocations.h"
#include "support/catch.h"
#include "support/matrices.h"
#include "support/threads.h"

using Catch::Matchers::ContainsSubstring;
using nn::Index;
using nn::Labels;
using nn::Matrix;
using nn::Sequential;
using nn::Shape;
using nn::Workspace;
using nn_test::ScopedThreads;

namespace {

// The reference networks' layers, at sizes that differences can get through.
template <typename Scalar>
Sequential<Scalar> small_mlp(std::uint64_t seed = 1) {
  Sequential<Scalar> net(Shape{1, 5, 6}, seed);
  net.template add<nn::Linear>(17).template add<nn::ReLU>();
  net.template add<nn::Linear>(11).template add<nn::ReLU>();
  net.template add<nn::Linear>(10).template add<nn::Softmax>();
  return net;
}

template <typename Scalar>
Sequential<Scalar> small_cnn(std::uint64_t seed = 1) {
  Sequential<Scalar> net(Shape{1, 9, 8}, seed);
  net.template add<nn::Conv2d>(3, 5, 1, 2).template add<nn::ReLU>();
  net.template add<nn::MaxPool2d>(2);
  net.template add<nn::Conv2d>(4, 5, 1, 2).template add<nn::ReLU>();
  net.template add<nn::MaxPool2d>(2);
  net.template add<nn::Linear>(10).template add<nn::Softmax>();
  return net;
}

// The CNN at its full size.
template <typename Scalar>
Sequential<Scalar> full_cnn() {
  Sequential<Scalar> net(Shape{1, 28, 28}, 1);
  net.template add<nn::Conv2d>(16, 5, 1, 2).template add<nn::ReLU>();
  net.template add<nn::MaxPool2d>(2);
  net.template add<nn::Conv2d>(32, 5, 1, 2).template add<nn::ReLU>();
  net.template add<nn::MaxPool2d>(2);
  net.template add<nn::Linear>(10).template add<nn::Softmax>();
  return net;
}

// Every neighbourhood that may or may not be fused.
template <typename Scalar>
std::vector<Sequential<Scalar>> networks() {
  std::vector<Sequential<Scalar>> all;
  all.push_back(small_mlp<Scalar>());
  all.push_back(small_cnn<Scalar>());
  const Shape image{2, 8, 7};
  Sequential<Scalar> conv_pool(image, 2);
  conv_pool.template add<nn::Conv2d>(3, 3, 1, 1);
  conv_pool.template add<nn::MaxPool2d>(3, 2);
  conv_pool.template add<nn::Conv2d>(5, 2, 2);
  conv_pool.template add<nn::ReLU>();
  all.push_back(std::move(conv_pool));
  Sequential<Scalar> alone(image, 3);
  alone.template add<nn::ReLU>();
  alone.template add<nn::MaxPool2d>(2);
  alone.template add<nn::ReLU>();
  alone.template add<nn::Conv2d>(3, nn::Extent(3, 2), nn::Extent(2, 1));
  alone.template add<nn::Linear>(4);
  alone.template add<nn::Softmax>();
  all.push_back(std::move(alone));
  return all;
}

template <typename Scalar>
void randomize_parameters(Sequential<Scalar>& net, nn::Rng& rng) {
  for (nn::Parameter<Scalar>* p : net.parameters()) {
    p->value += Scalar(0.1) * nn_test::normal_matrix<Scalar>(
                                  p->value.rows(), p->value.cols(), rng);
  }
}

Labels random_labels(Index batch, nn::Rng& rng) {
  Labels labels(batch);
  for (Index n = 0; n < batch; ++n) labels(n) = int(rng.index(10));
  return labels;
}

template <typename Scalar>
struct Step {
  Matrix<Scalar> logits;
  Matrix<Scalar> dx;
  std::vector<Matrix<Scalar>> gradients;
};

template <typename Scalar>
Step<Scalar> step_of(Sequential<Scalar>& net,
                     const Matrix<Scalar>& x,
                     Workspace<Scalar>& workspace) {
  Step<Scalar> step;
  step.logits = net.forward(nn::view(x), workspace);
  nn::Rng rng(9);
  const auto dlogits = nn_test::normal_matrix<Scalar>(
      step.logits.rows(), step.logits.cols(), rng);
  step.dx.resize(x.rows(), x.cols());
  net.backward(nn::view(dlogits), workspace, nn::view(step.dx));
  for (nn::Parameter<Scalar>* p : net.parameters()) {
    step.gradients.push_back(p->grad);
  }
  return step;
}

template <typename Scalar>
void check_same_bits(const Step<Scalar>& a, const Step<Scalar>& b) {
  CHECK(nn_test::same_bits(a.logits, b.logits));
  CHECK(nn_test::same_bits(a.dx, b.dx));
  REQUIRE(a.gradients.size() == b.gradients.size());
  for (std::size_t i = 0; i < a.gradients.size(); ++i) {
    CHECK(nn_test::same_bits(a.gradients[i], b.gradients[i]));
  }
}

// Doubles its input; wants memory in inference too, and checks that it comes.
class Doubling final : public nn::Layer<double> {
 public:
  explicit Doubling(const Shape& shape) : Layer(shape, shape) {}
  std::string name() const override { return "Doubling"; }
  nn::MemoryNeeds memory_needs(Index batch, nn::Mode) const override {
    const auto bytes = sizeof(double) * static_cast<std::size_t>(
                                            input_shape().features() * batch);
    return {bytes, bytes};
  }

 private:
  void do_forward(nn::ConstView<double> x,
                  nn::View<double> y,
                  nn::Mode,
                  nn::PassMemory memory) const override {
    REQUIRE(memory.saved != nullptr);
    REQUIRE(memory.scratch != nullptr);
    nn::View<double>(
        reinterpret_cast<double*>(memory.saved), x.rows(), x.cols()) = x;
    nn::View<double>(
        reinterpret_cast<double*>(memory.scratch), x.rows(), x.cols()) = x;
    y = 2 * x;
  }
  void do_backward(nn::ConstView<double> x,
                   nn::ConstView<double>,
                   nn::ConstView<double> dy,
                   nn::View<double> dx,
                   nn::PassMemory memory) override {
    const nn::ConstView<double> saved(
        reinterpret_cast<const double*>(memory.saved), x.rows(), x.cols());
    REQUIRE(nn_test::same_bits(saved, x));
    if (dx.size() > 0) dx = 2 * dy;
  }
};

}  // namespace

TEST_CASE("sequential infers the shape of every layer", "[sequential]") {
  Sequential<float> net = full_cnn<float>();
  CHECK(net.size() == 8);
  CHECK(net.input_shape() == Shape{1, 28, 28});
  CHECK(net.layer(0).output_shape() == Shape{16, 28, 28});
  CHECK(net.layer(2).output_shape() == Shape{16, 14, 14});
  CHECK(net.layer(5).output_shape() == Shape{32, 7, 7});
  CHECK(net.layer(6).input_shape().features() == 1568);
  CHECK(net.output_shape() == Shape{10});
  CHECK(net.parameter_count() == 16 * 26 + 32 * 401 + 10 * 1569);
}

TEST_CASE("an empty sequential passes its input on", "[sequential]") {
  Sequential<double> net(Shape{3});
  CHECK(net.output_shape() == Shape{3});
  const auto x = nn_test::samples<double>({{1, 2, 3}, {4, 5, 6}});
  CHECK(net.predict(nn::view(x)) == x);
}

TEST_CASE("sequential names the layer that cannot take its input",
          "[sequential][errors]") {
  Sequential<float> net(Shape{1, 6, 6}, 1);
  net.add<nn::Conv2d>(2, 3).add<nn::MaxPool2d>(2);
  CHECK_THROWS_AS(net.add<nn::Conv2d>(4, 5), std::invalid_argument);
  CHECK_THROWS_WITH(net.add<nn::Conv2d>(4, 5),
                    ContainsSubstring("layer 2: [Conv2d] kernel 5x5 is larger "
                                      "than the padded input 2x2x2"));
  CHECK_THROWS_WITH(net.add<nn::Linear>(0),
                    ContainsSubstring("layer 2: [Linear]"));
  CHECK_THROWS_WITH(net.add(std::make_unique<nn::Linear<float>>(Shape{9}, 3)),
                    ContainsSubstring("layer 2") && ContainsSubstring("9") &&
                        ContainsSubstring("2x2x2"));
  CHECK_THROWS_WITH(net.add(std::unique_ptr<nn::Layer<float>>()),
                    ContainsSubstring("layer 2"));
  // What failed has not been added.
  CHECK(net.size() == 2);
  CHECK(net.output_shape() == Shape{2, 2, 2});
  CHECK_THROWS_AS(Sequential<float>(Shape{0, 3, 3}), std::invalid_argument);
}

TEST_CASE("sequential names its parameters as PyTorch does", "[sequential]") {
  Sequential<float> net = small_cnn<float>();
  std::vector<std::string> names;
  for (const auto& named : net.named_parameters()) names.push_back(named.name);
  CHECK(names ==
        std::vector<std::string>{
            "0.weight", "0.bias", "3.weight", "3.bias", "6.weight", "6.bias"});
  CHECK(net.parameters().size() == 6);
  CHECK(net.parameters()[2] == net.named_parameters()[2].parameter);
}

TEST_CASE("the summary lists layers, shapes and parameters", "[sequential]") {
  const std::string summary = full_cnn<float>().summary();
  INFO(summary);
  for (const char* part : {"Conv2d(1 -> 16",
                           "16x28x28",
                           "416",
                           "MaxPool2d",
                           "16x14x14",
                           "Linear(1568 -> 10)",
                           "15690",
                           "Softmax",
                           "28938"}) {
    CHECK_THAT(summary, ContainsSubstring(part));
  }
}

TEST_CASE("equal seeds give equal weights, and another seed others",
          "[sequential]") {
  auto a = small_cnn<float>(1);
  auto b = small_cnn<float>(1);
  auto c = small_cnn<float>(2);
  for (std::size_t i = 0; i < a.parameters().size(); i += 2) {
    CHECK(a.parameters()[i]->value == b.parameters()[i]->value);
    CHECK(a.parameters()[i]->value != c.parameters()[i]->value);
  }
}

// A network has kinks (a ReLU's input at zero, a tie in a pooling window) that
// the drawing of inputs cannot keep away from: some of its many activations
// are always near one. check_gradients() takes smaller steps there.
TEST_CASE("the MLP's gradients agree with differences",
          "[sequential][gradient]") {
  for (const bool fuse : {true, false}) {
    for (const Index batch : {1, 2, 7}) {
      Sequential<double> net = small_mlp<double>();
      nn::Rng rng(3);
      randomize_parameters(net, rng);
      net.set_fusion(fuse);
      const auto x = nn_test::normal_matrix<double>(30, batch, rng);
      const Labels labels = random_labels(batch, rng);
      nn::GradientCheckOptions options;
      options.tolerance = 1e-7;
      const auto report =
          nn::check_gradients(net, nn::view(x), nn::view(labels), options);
      INFO("fused " << fuse << ", batch " << batch << ", "
                    << report.to_string());
      CHECK(report.passed);
    }
  }
}

TEST_CASE("the CNN's gradients agree with differences",
          "[sequential][gradient]") {
  for (const bool fuse : {true, false}) {
    for (const Index batch : {1, 2, 7}) {
      Sequential<double> net = small_cnn<double>();
      nn::Rng rng(3);
      randomize_parameters(net, rng);
      net.set_fusion(fuse);
      const auto x = nn_test::normal_matrix<double>(72, batch, rng);
      const Labels labels = random_labels(batch, rng);
      nn::GradientCheckOptions options;
      options.tolerance = 1e-7;
      options.step = 1e-4;
      const auto report =
          nn::check_gradients(net, nn::view(x), nn::view(labels), options);
      INFO("fused " << fuse << ", batch " << batch << ", "
                    << report.to_string());
      CHECK(report.passed);
    }
  }
}

TEMPLATE_TEST_CASE("fused and single layers agree",
                   "[sequential][fusion]",
                   float,
                   double) {
  using Scalar = TestType;
  const double tolerance = sizeof(Scalar) == 4 ? 1e-5 : 1e-13;
  for (Sequential<Scalar>& net : networks<Scalar>()) {
    INFO(net.summary());
    nn::Rng rng(4);
    randomize_parameters(net, rng);
    for (const Index batch : {1, 2, 7, 33}) {
      const auto x = nn_test::normal_matrix<Scalar>(
          net.input_shape().features(), batch, rng);
      net.set_fusion(true);
      Workspace<Scalar> workspace;
      const Step<Scalar> fused = step_of(net, x, workspace);
      const Matrix<Scalar> fused_output = net.predict(nn::view(x));
      net.set_fusion(false);
      Workspace<Scalar> other;
      const Step<Scalar> single = step_of(net, x, other);
      CHECK(nn_test::relative_difference(fused.logits, single.logits) <
            tolerance);
      CHECK(nn_test::relative_difference(fused.dx, single.dx) < tolerance);
      for (std::size_t i = 0; i < single.gradients.size(); ++i) {
        CHECK(nn_test::relative_difference(fused.gradients[i],
                                           single.gradients[i]) < tolerance);
      }
      CHECK(nn_test::relative_difference(fused_output,
                                         net.predict(nn::view(x))) < tolerance);
      // activations() runs the layers one by one in either case.
      CHECK(nn_test::relative_difference(net.activations(nn::view(x)).back(),
                                         fused_output) < tolerance);
    }
  }
}

TEMPLATE_TEST_CASE("results are the same to the bit for any number of threads",
                   "[sequential][threads]",
                   float,
                   double) {
  using Scalar = TestType;
  for (const bool fuse : {true, false}) {
    for (Sequential<Scalar>& net : networks<Scalar>()) {
      net.set_fusion(fuse);
      nn::Rng rng(4);
      for (const Index batch : {1, 7, 65}) {
        const auto x = nn_test::normal_matrix<Scalar>(
            net.input_shape().features(), batch, rng);
        const ScopedThreads one(1);
        Workspace<Scalar> workspace;
        const Step<Scalar> expected = step_of(net, x, workspace);
        const Matrix<Scalar> output = net.predict(nn::view(x));
        for (const int threads : {2, 3, 8}) {
          const ScopedThreads scope(threads);
          check_same_bits(step_of(net, x, workspace), expected);
          CHECK(nn_test::same_bits(net.predict(nn::view(x)), output));
        }
      }
    }
  }
}

TEMPLATE_TEST_CASE("training twice from one seed gives the same weights",
                   "[sequential]",
                   float,
                   double) {
  using Scalar = TestType;
  std::vector<Matrix<Scalar>> first;
  for (const int threads : {1, 3}) {
    const ScopedThreads scope(threads);
    Sequential<Scalar> net = small_cnn<Scalar>();
    nn::SgdOptions options;
    options.learning_rate = 0.05;
    options.momentum = 0.9;
    nn::Sgd<Scalar> sgd(net.parameters(), options);
    nn::SoftmaxCrossEntropy<Scalar> loss;
    Workspace<Scalar> workspace;
    nn::Rng rng(6);
    for (int step = 0; step < 20; ++step) {
      const auto x = nn_test::normal_matrix<Scalar>(72, 16, rng);
      const Labels labels = random_labels(16, rng);
      Matrix<Scalar> dlogits(10, 16);
      loss.evaluate(net.forward(nn::view(x), workspace),
                    nn::view(labels),
                    nn::view(dlogits));
      net.backward(nn::view(std::as_const(dlogits)), workspace);
      sgd.step();
    }
    std::vector<Matrix<Scalar>> weights;
    for (const auto* p : net.parameters()) weights.push_back(p->value);
    if (first.empty()) first = weights;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      CHECK(nn_test::same_bits(weights[i], first[i]));
    }
  }
}

TEST_CASE("parameter gradients do not depend on a wanted input gradient",
          "[sequential]") {
  for (Sequential<double>& net : networks<double>()) {
    nn::Rng rng(4);
    const auto x =
        nn_test::normal_matrix<double>(net.input_shape().features(), 5, rng);
    Workspace<double> workspace;
    const Step<double> with = step_of(net, x, workspace);
    nn::Rng same(9);
    const auto dlogits = nn_test::normal_matrix<double>(
        with.logits.rows(), with.logits.cols(), same);
    net.forward(nn::view(x), workspace);
    net.backward(nn::view(dlogits), workspace);
    for (std::size_t i = 0; i < with.gradients.size(); ++i) {
      CHECK(nn_test::same_bits(net.parameters()[i]->grad, with.gradients[i]));
    }
  }
}

TEST_CASE("eight threads may predict on one network at once",
          "[sequential][threads]") {
  const ScopedThreads scope(2);
  for (const bool mlp : {true, false}) {
    const Sequential<float> net = mlp ? small_mlp<float>() : small_cnn<float>();
    constexpr int kThreads = 8;
    constexpr int kRounds = 20;
    nn::Rng rng(5);
    std::vector<Matrix<float>> inputs;
    std::vector<Matrix<float>> expected;
    for (int t = 0; t < kThreads; ++t) {
      inputs.push_back(nn_test::normal_matrix<float>(
          net.input_shape().features(), 3 + 5 * t, rng));
      expected.push_back(net.predict(nn::view(std::as_const(inputs.back()))));
    }
    std::vector<int> wrong(kThreads, 0);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        const auto i = static_cast<std::size_t>(t);
        const Matrix<float>& x = inputs[i];
        Workspace<float> workspace;
        Matrix<float> y(10, x.cols());
        for (int round = 0; round < kRounds; ++round) {
          y.setConstant(-1);
          net.predict(nn::view(x), nn::view(y), workspace);
          if (!nn_test::same_bits(y, expected[i])) ++wrong[i];
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == std::vector<int>(kThreads, 0));
  }
}

TEST_CASE("predict can be called on a const network", "[sequential]") {
  using Predict =
      Matrix<float> (Sequential<float>::*)(nn::ConstView<float>) const;
  const Predict predict = &Sequential<float>::predict;
  const Sequential<float> net = small_mlp<float>();
  const Matrix<float> x = Matrix<float>::Zero(30, 2);
  CHECK((net.*predict)(nn::view(x)).cols() == 2);
}

TEST_CASE("predict gives probabilities, and predict_logits what they are of",
          "[sequential]") {
  const Sequential<double> net = small_cnn<double>();
  nn::Rng rng(5);
  const auto x = nn_test::normal_matrix<double>(72, 4, rng);
  Workspace<double> workspace;
  Matrix<double> logits(10, 4);
  net.predict_logits(nn::view(x), nn::view(logits), workspace);
  const Matrix<double> y = net.predict(nn::view(x));
  const auto layers = net.activations(nn::view(x));
  REQUIRE(layers.size() == 8);
  CHECK(nn_test::relative_difference(layers[6], logits) < 1e-13);
  for (Index n = 0; n < 4; ++n) {
    const Eigen::ArrayXd e = logits.col(n).array().exp();
    CHECK(nn_test::relative_difference(y.col(n), (e / e.sum()).matrix()) <
          1e-13);
  }
  // forward() stops at the logits too.
  Workspace<double> training;
  CHECK(nn_test::relative_difference(net.forward(nn::view(x), training),
                                     logits) < 1e-13);
}

TEMPLATE_TEST_CASE("later training steps allocate nothing",
                   "[sequential][memory]",
                   float,
                   double) {
  using Scalar = TestType;
  for (const int threads : {1, 2}) {
    const ScopedThreads scope(threads);
    for (const bool mlp : {true, false}) {
      Sequential<Scalar> net = mlp ? small_mlp<Scalar>() : small_cnn<Scalar>();
      nn::SgdOptions options;
      options.momentum = 0.9;
      nn::Sgd<Scalar> sgd(net.parameters(), options);
      const nn::SoftmaxCrossEntropy<Scalar> loss;
      nn::Rng rng(5);
      const auto x =
          nn_test::normal_matrix<Scalar>(net.input_shape().features(), 32, rng);
      const Labels labels = random_labels(32, rng);
      Matrix<Scalar> dlogits(10, 32);
      Workspace<Scalar> workspace;
      const auto step = [&](Index batch) {
        const nn::ConstView<Scalar> part(x.data(), x.rows(), batch);
        const auto logits = net.forward(part, workspace);
        const nn::View<Scalar> d(dlogits.data(), 10, batch);
        loss.evaluate(logits, nn::ConstLabels(labels.data(), batch), d);
        net.backward(nn::as_const(d), workspace);
        sgd.step();
      };
      step(32);
      const std::size_t before = nn_test::allocation_count();
      for (int i = 0; i < 3; ++i) step(32);
      step(5);  // the last batch of an epoch
      step(32);
      const std::size_t after = nn_test::allocation_count();
      CHECK(after == before);
    }
  }
}

TEST_CASE("a workspace can go from one network to another", "[sequential]") {
  Sequential<double> mlp = small_mlp<double>();
  Sequential<double> cnn = small_cnn<double>();
  nn::Rng rng(5);
  const auto a = nn_test::normal_matrix<double>(30, 9, rng);
  const auto b = nn_test::normal_matrix<double>(72, 4, rng);
  Workspace<double> fresh_a;
  Workspace<double> fresh_b;
  const auto expected_a = step_of(mlp, a, fresh_a);
  const auto expected_b = step_of(cnn, b, fresh_b);
  Workspace<double> shared;
  for (int round = 0; round < 2; ++round) {
    check_same_bits(step_of(mlp, a, shared), expected_a);
    check_same_bits(step_of(cnn, b, shared), expected_b);
  }
}

TEST_CASE("predictions between training steps do not disturb them",
          "[sequential]") {
  Sequential<double> net = small_cnn<double>();
  nn::Rng rng(5);
  const auto x = nn_test::normal_matrix<double>(72, 6, rng);
  const auto more = nn_test::normal_matrix<double>(72, 20, rng);
  Workspace<double> workspace;
  const auto expected = step_of(net, x, workspace);
  Matrix<double> y(10, 20);
  net.predict(nn::view(more), nn::view(y), workspace);
  check_same_bits(step_of(net, x, workspace), expected);
}

TEST_CASE("a moved network works on", "[sequential]") {
  Sequential<double> net = small_cnn<double>();
  nn::Rng rng(5);
  const auto x = nn_test::normal_matrix<double>(72, 6, rng);
  const Matrix<double> expected = net.predict(nn::view(x));
  Sequential<double> moved = std::move(net);
  CHECK(nn_test::same_bits(moved.predict(nn::view(x)), expected));
}

TEST_CASE("a layer of one's own gets the memory it asks for in every mode",
          "[sequential]") {
  Sequential<double> net(Shape{3}, 1);
  net.add(std::make_unique<Doubling>(Shape{3}));
  net.add(std::make_unique<Doubling>(Shape{3}));
  nn::Rng rng(5);
  const auto x = nn_test::normal_matrix<double>(3, 4, rng);
  CHECK(net.predict(nn::view(x)) == 4 * x);
  Workspace<double> workspace;
  const auto step = step_of(net, x, workspace);
  CHECK(step.logits == 4 * x);
  CHECK(net.activations(nn::view(x)).back() == 4 * x);
}

TEST_CASE("a batch without samples gives an output without samples",
          "[sequential]") {
  for (Sequential<float>& net : networks<float>()) {
    const Matrix<float> x(net.input_shape().features(), 0);
    const Matrix<float> y = net.predict(nn::view(x));
    CHECK(y.rows() == net.output_shape().features());
    CHECK(y.cols() == 0);
  }
}

TEST_CASE("sequential refuses inputs that do not fit", "[sequential][errors]") {
  Sequential<float> net = small_mlp<float>();
  Workspace<float> workspace;
  const Matrix<float> wrong = Matrix<float>::Zero(31, 2);
  const Matrix<float> x = Matrix<float>::Zero(30, 2);
  CHECK_THROWS_AS(net.forward(nn::view(wrong), workspace),
                  std::invalid_argument);
  CHECK_THROWS_WITH(net.forward(nn::view(wrong), workspace),
                    ContainsSubstring("30") && ContainsSubstring("31"));
  CHECK_THROWS_WITH(net.predict(nn::view(wrong)),
                    ContainsSubstring("30") && ContainsSubstring("31"));
  CHECK_THROWS_AS(net.activations(nn::view(wrong)), std::invalid_argument);
  Matrix<float> y(10, 3);
  CHECK_THROWS_AS(net.predict(nn::view(x), nn::view(y), workspace),
                  std::invalid_argument);

  const Matrix<float> dlogits = Matrix<float>::Zero(10, 2);
  Workspace<float> unused;
  CHECK_THROWS_AS(net.backward(nn::view(dlogits), unused),
                  std::invalid_argument);
  net.forward(nn::view(x), workspace);
  const Matrix<float> other = Matrix<float>::Zero(10, 3);
  CHECK_THROWS_AS(net.backward(nn::view(other), workspace),
                  std::invalid_argument);
  Matrix<float> dx(30, 3);
  CHECK_THROWS_AS(net.backward(nn::view(dlogits), workspace, nn::view(dx)),
                  std::invalid_argument);
  CHECK_NOTHROW(net.backward(nn::view(dlogits), workspace));
}
