#include "nn/network/stage_list.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "nn/layers/conv2d.h"
#include "nn/layers/linear.h"
#include "nn/layers/max_pool2d.h"
#include "nn/layers/relu.h"
#include "nn/network/residual.h"
#include "nn/network/sequential.h"
#include "support/catch.h"
#include "support/layer_contract.h"
#include "support/layer_runner.h"
#include "support/matrices.h"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Equals;
using nn::ConstView;
using nn::Conv2d;
using nn::Index;
using nn::Linear;
using nn::Matrix;
using nn::MaxPool2d;
using nn::MemoryNeeds;
using nn::Mode;
using nn::PassMemory;
using nn::ReLU;
using nn::Sequential;
using nn::Shape;
using nn::StageList;
using nn::View;

namespace {

/// A user's container: y = b(a(x)), two lists, each with its stages. What is
/// between them it keeps itself.
template <typename Scalar>
class Chain final : public nn::Layer<Scalar> {
 public:
  using Fill = std::function<void(Sequential<Scalar>&)>;

  Chain(const Shape& input_shape, const Fill& fill_a, const Fill& fill_b)
      : Chain(filled(input_shape, fill_a), fill_b) {}

  std::string name() const override { return "Chain"; }
  std::vector<const nn::Layer<Scalar>*> inner_layers() const override {
    return joined(a_.inner_layers(), b_.inner_layers());
  }
  std::vector<nn::Parameter<Scalar>*> parameters() override {
    return joined(a_.parameters(), b_.parameters());
  }
  std::vector<nn::Parameter<Scalar>*> buffers() override {
    return joined(a_.buffers(), b_.buffers());
  }
  void initialize(nn::Rng& rng) override {
    a_.initialize(rng);
    b_.initialize(rng);
  }
  MemoryNeeds memory_needs(Index batch, Mode mode) const override {
    const MemoryNeeds a = a_.memory_needs(batch, mode);
    const MemoryNeeds b = b_.memory_needs(batch, mode);
    return {nn::aligned_size(a.saved_bytes) + b.saved_bytes + bytes(batch),
            std::max(a.scratch_bytes, b.scratch_bytes) + bytes(batch),
            std::max(a.worker_bytes, b.worker_bytes)};
  }

 private:
  Chain(StageList<Scalar> a, const Fill& fill_b)
      : Chain(std::move(a), filled(a.output_shape(), fill_b)) {}
  Chain(StageList<Scalar> a, StageList<Scalar> b)
      : nn::Layer<Scalar>(a.input_shape(), b.output_shape()),
        a_(std::move(a)),
        b_(std::move(b)) {}

  static StageList<Scalar> filled(const Shape& shape, const Fill& fill) {
    Sequential<Scalar> network(shape);
    fill(network);
    return std::move(network).release();
  }
  template <typename Vector>
  static Vector joined(Vector all, const Vector& more) {
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  // Of what is between the lists, and of its gradient.
  std::size_t bytes(Index batch) const {
    return nn::aligned_size(
        nn::array_bytes(a_.output_shape().features(), batch, sizeof(Scalar)));
  }
  View<Scalar> between(std::byte* memory, Index batch) const {
    return {
        reinterpret_cast<Scalar*>(memory), a_.output_shape().features(), batch};
  }
  PassMemory memory_of_a(PassMemory memory, Index batch) const {
    memory.saved += bytes(batch);
    memory.scratch += bytes(batch);
    return memory;
  }
  PassMemory memory_of_b(PassMemory memory, Index batch, Mode mode) const {
    memory = memory_of_a(memory, batch);
    memory.saved += nn::aligned_size(a_.memory_needs(batch, mode).saved_bytes);
    return memory;
  }

  void set_fusion(bool fuse) override {
    a_.set_fusion(fuse);
    b_.set_fusion(fuse);
  }
  void do_forward(ConstView<Scalar> x,
                  View<Scalar> y,
                  Mode mode,
                  PassMemory memory) const override {
    const View<Scalar> z = between(memory.saved, x.cols());
    a_.forward(x, z, mode, memory_of_a(memory, x.cols()));
    b_.forward(nn::as_const(z), y, mode, memory_of_b(memory, x.cols(), mode));
  }
  void do_backward(ConstView<Scalar> x,
                   ConstView<Scalar> y,
                   ConstView<Scalar> dy,
                   View<Scalar> dx,
                   PassMemory memory) override {
    const auto z = nn::as_const(between(memory.saved, x.cols()));
    const View<Scalar> dz = between(memory.scratch, x.cols());
    b_.backward(z, y, dy, dz, memory_of_b(memory, x.cols(), Mode::kTraining));
    a_.backward(x, z, nn::as_const(dz), dx, memory_of_a(memory, x.cols()));
  }

  StageList<Scalar> a_;
  StageList<Scalar> b_;
};

// One stage with memory saved for backward, and one of two layers.
const auto kConvs = [](auto& net) {
  net.template add<Conv2d>(3, 3, 1, 1).template add<ReLU>();
  net.template add<MaxPool2d>(2);
  net.template add<Conv2d>(4, 3, 1, 1).template add<ReLU>();
};
const auto kLinears = [](auto& net) {
  net.template add<Linear>(9).template add<ReLU>();
  net.template add<nn::Residual>([](auto& body) {
    body.template add<Linear>(5).template add<ReLU>().template add<Linear>(9);
  });
  net.template add<Linear>(4);
};
const auto kNothing = [](auto&) {};
const Shape kShape{2, 6, 5};

}  // namespace

TEST_CASE("a container of one's own that runs stages keeps the layer contract",
          "[stage_list][contract]") {
  const auto violations = [](const auto& fill_a, const auto& fill_b) {
    return nn_test::contract_violations(nn_test::contract_of<Chain>(
        nn_test::normal_matrix<double>, kShape, fill_a, fill_b));
  };
  CHECK(violations(kConvs, kLinears) == nn_test::kNoViolations);
  CHECK(violations(kConvs, kNothing) == nn_test::kNoViolations);
  CHECK(violations(kNothing, kLinears) == nn_test::kNoViolations);
}

TEMPLATE_TEST_CASE("layers give the same bits in whatever runs their stages",
                   "[stage_list]",
                   float,
                   double) {
  using Scalar = TestType;
  const bool fuse = GENERATE(true, false);
  nn::Rng rng(7);
  const auto x = nn_test::normal_matrix<Scalar>(kShape.features(), 5, rng);
  const auto dy = nn_test::normal_matrix<Scalar>(4, 5, rng);
  // Output, gradients by the input and by the parameters, one below the other.
  const auto results = [&](Sequential<Scalar>& net) {
    net.set_fusion(fuse);
    nn::Rng weights(8);
    net.initialize(weights);
    nn::Workspace<Scalar> workspace;
    std::vector<Matrix<Scalar>> all;
    all.emplace_back(net.predict(nn::view(x)));
    all.emplace_back(net.forward(nn::view(x), workspace));
    Matrix<Scalar> dx(x.rows(), x.cols());
    net.backward(nn::view(dy), workspace, nn::view(dx));
    all.push_back(dx);
    for (const auto* parameter : net.parameters()) {
      all.push_back(parameter->grad);
    }
    return all;
  };
  Sequential<Scalar> plain(kShape);
  kConvs(plain);
  kLinears(plain);
  Sequential<Scalar> chained(kShape);
  chained.template add<Chain>(kConvs, kLinears);
  const auto expected = results(plain);
  const auto got = results(chained);
  REQUIRE(expected.size() == 3 + 12);
  CHECK(got == expected);
  // The switch reached the inner lists.
  const auto saved_bytes = [](Sequential<Scalar>& net) {
    return net.layer(0).memory_needs(5, Mode::kTraining).saved_bytes;
  };
  const std::size_t bytes = saved_bytes(chained);
  chained.set_fusion(!fuse);
  CHECK((saved_bytes(chained) > bytes) == fuse);
}

TEST_CASE("parameters inside of a container of one's own have their places",
          "[stage_list]") {
  Sequential<float> net(kShape);
  net.add<Chain>(kConvs, kLinears);
  const auto named = net.named_parameters();
  REQUIRE(named.size() == 12);
  CHECK(named[0].name == "0.body.0.weight");
  CHECK(named[4].name == "0.body.5.weight");
  CHECK(named[6].name == "0.body.7.body.0.weight");
  CHECK(named[11].name == "0.body.8.bias");
}

TEST_CASE("stages of a list share all memory but what a training pass keeps",
          "[stage_list]") {
  Sequential<float> net(Shape{100});
  net.add<Linear>(200).add<Linear>(50).add<Linear>(80);
  const StageList<float> list = std::move(net).release();
  MemoryNeeds most;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto needs = list.layer(i).memory_needs(16, Mode::kTraining);
    CHECK(needs.saved_bytes == 0);
    most.scratch_bytes = std::max(most.scratch_bytes, needs.scratch_bytes);
  }
  const std::size_t column = 16 * sizeof(float);
  const MemoryNeeds training = list.memory_needs(16, Mode::kTraining);
  CHECK(training.saved_bytes == (200 + 50) * column);
  CHECK(training.scratch_bytes == most.scratch_bytes + 2 * 200 * column);
  CHECK(list.memory_needs(16, Mode::kInference).saved_bytes == 0);
}

TEST_CASE("a list without layers hands on what it gets", "[stage_list]") {
  StageList<double> list(Shape{3}, "Block");
  CHECK(list.output_shape() == Shape{3});
  const Matrix<double> x = nn_test::samples<double>({{1, 2, 3}, {4, 5, 6}});
  const Matrix<double> dy = 2 * x;
  Matrix<double> y(3, 2);
  Matrix<double> dx(3, 2);
  list.forward(nn::view(x), nn::view(y), Mode::kTraining, {});
  CHECK(y == x);
  list.backward(
      nn::view(x), nn::as_const(nn::view(y)), nn::view(dy), nn::view(dx), {});
  CHECK(dx == dy);
  CHECK_NOTHROW(list.backward(nn::view(x),
                              nn::as_const(nn::view(y)),
                              nn::view(dy),
                              nn::no_view<double>(),
                              {}));
}

TEST_CASE("an empty batch makes the gradients of a list zero", "[stage_list]") {
  StageList<double> list(Shape{3}, "Block");
  list.add(std::make_unique<Linear<double>>(Shape{3}, 2));
  list.layer(0).parameters()[0]->grad.setOnes();
  const Matrix<double> none(3, 0);
  const Matrix<double> no_dy(2, 0);
  list.backward(nn::view(none),
                nn::view(no_dy),
                nn::view(no_dy),
                nn::no_view<double>(),
                {});
  CHECK(list.parameters()[0]->grad.isZero(0));
}

TEST_CASE("a list says in its owner's name what does not fit",
          "[stage_list][errors]") {
  CHECK_THROWS_WITH(StageList<float>(Shape{0}, "Block"),
                    ContainsSubstring("[Block] "));
  StageList<float> list(Shape{3}, "Block");
  list.add(std::make_unique<Linear<float>>(Shape{3}, 2));
  CHECK_THROWS_WITH(list.add(nullptr),
                    Equals("[Block] layer 1: expected a layer, got null"));
  CHECK_THROWS_WITH(list.add(std::make_unique<Linear<float>>(Shape{3}, 2)),
                    Equals("[Block] layer 1: [Linear] takes input 3, got 2"));
  CHECK(list.size() == 1);
  CHECK(list.output_shape() == Shape{2});

  const Matrix<float> x(3, 4);
  const Matrix<float> wrong(5, 4);
  Matrix<float> y(2, 4);
  CHECK_THROWS_WITH(
      list.forward(nn::view(wrong), nn::view(y), Mode::kInference, {}),
      Equals("[Block] expected 3 x 4 for x, got 5 x 4"));
  Matrix<float> narrow(2, 3);
  CHECK_THROWS_WITH(
      list.forward(nn::view(x), nn::view(narrow), Mode::kInference, {}),
      Equals("[Block] expected 2 x 4 for y, got 2 x 3"));
  const auto backward = [&](const Matrix<float>& dy, Matrix<float>& dx) {
    list.backward(
        nn::view(x), nn::as_const(nn::view(y)), nn::view(dy), nn::view(dx), {});
  };
  Matrix<float> dx(3, 4);
  CHECK_THROWS_WITH(backward(narrow, dx),
                    Equals("[Block] expected 2 x 4 for dy, got 2 x 3"));
  CHECK_THROWS_WITH(backward(y, narrow),
                    Equals("[Block] expected 3 x 4 for dx, got 2 x 3"));
}

TEST_CASE("a list that was moved from has no layers, and takes none",
          "[stage_list]") {
  StageList<float> list(Shape{3}, "Block");
  list.add(std::make_unique<Linear<float>>(Shape{3}, 2));
  const std::uint64_t plan = list.plan_number();
  StageList<float> taken = std::move(list);
  CHECK(taken.plan_number() == plan);
  CHECK(taken.output_shape() == Shape{2});
  CHECK(list.size() == 0);
  CHECK_THROWS_AS(list.add(std::make_unique<Linear<float>>(Shape{3}, 2)),
                  std::invalid_argument);
  list = std::move(taken);
  list.add(std::make_unique<ReLU<float>>(Shape{2}));
  CHECK(list.stages().size() == 1);
  CHECK(list.plan_number() != plan);
}

TEST_CASE("a network that gave its stages away is none any more",
          "[stage_list][errors]") {
  Sequential<float> net(Shape{3});
  net.add<Linear>(2);
  const StageList<float> list = std::move(net).release();
  CHECK(list.size() == 1);
  CHECK(net.size() == 0);
  CHECK_THROWS_WITH(
      net.parameters(),
      Equals("[Sequential] expected a network, got one moved from"));
  net = Sequential<float>(Shape{4});
  net.add<Linear>(2);
  const Matrix<float> x = Matrix<float>::Ones(4, 2);
  CHECK(net.predict(nn::view(x)).rows() == 2);
}
