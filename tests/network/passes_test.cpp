#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "nn/files/file.h"
#include "nn/files/model.h"
#include "nn/files/onnx.h"
#include "nn/files/safetensors.h"
#include "nn/layers/avg_pool2d.h"
#include "nn/layers/batch_norm.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/global_avg_pool2d.h"
#include "nn/layers/identity.h"
#include "nn/layers/layer_norm.h"
#include "nn/layers/leaky_relu.h"
#include "nn/layers/linear.h"
#include "nn/layers/max_pool2d.h"
#include "nn/layers/relu.h"
#include "nn/layers/softmax.h"
#include "nn/network/layer_registry.h"
#include "nn/network/residual.h"
#include "nn/network/sequential.h"
#include "nn/network/workspace.h"
#include "nn/parallel.h"
#include "nn/random.h"
#include "support/allocations.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/layer_examples.h"
#include "support/matrices.h"
#include "support/temporary_directory.h"
#include "support/threads.h"

// Sequences of passes in one workspace: batches that grow and shrink, training
// and inference by turns, another number of threads meanwhile.

using nn::Index;
using nn::Matrix;
using nn::Mode;
using nn::Sequential;
using nn::Shape;
using nn::Workspace;
using nn_test::message_of;
using nn_test::normal_matrix;
using nn_test::same_bits;

namespace {

struct Step {
  Matrix<float> logits;
  Matrix<float> dx;
  std::vector<Matrix<float>> gradients;
};

Step train(Sequential<float>& net,
           const Matrix<float>& x,
           const Matrix<float>& dlogits,
           Workspace<float>& workspace,
           int threads_of_backward = 0) {
  Step step;
  step.logits = net.forward(nn::view(x), workspace);
  if (threads_of_backward > 0) nn::set_num_threads(threads_of_backward);
  step.dx.resize(x.rows(), x.cols());
  net.backward(nn::view(dlogits), workspace, nn::view(step.dx));
  for (const nn::Parameter<float>* p : net.parameters()) {
    step.gradients.push_back(p->grad);
  }
  return step;
}

bool same(const Step& a, const Step& b) {
  bool same = same_bits(a.logits, b.logits) && same_bits(a.dx, b.dx) &&
              a.gradients.size() == b.gradients.size();
  for (std::size_t i = 0; same && i < a.gradients.size(); ++i) {
    same = same_bits(a.gradients[i], b.gradients[i]);
  }
  return same;
}

// Kernels with scratch memory for each worker, by themselves and fused.
Sequential<float> network_of_workers() {
  Sequential<float> net(Shape{2, 12, 12}, 3);
  net.add<nn::Conv2d>(4, 3, 1, 1).add<nn::ReLU>();
  nn::Conv2dOptions depthwise;
  depthwise.out_channels = 8;
  depthwise.kernel = 3;
  depthwise.groups = 4;
  net.add<nn::Conv2d>(depthwise).add<nn::AvgPool2d>(3, 1);
  net.add<nn::Conv2d>(8, 3, 1, 1).add<nn::ReLU>().add<nn::MaxPool2d>(2);
  net.add<nn::Residual>([](Sequential<float>& body) {
    body.add<nn::Conv2d>(8, 3, 1, 1).add<nn::LayerNorm>();
  });
  net.add<nn::Linear>(10);
  return net;
}

// What it asks for, by batch and mode.
class Wanting final : public nn::Layer<float> {
 public:
  using Needs = nn::MemoryNeeds (*)(Index batch, Mode mode);
  explicit Wanting(const Shape& shape, Needs needs)
      : Layer(shape, shape), needs_(needs) {}
  std::string name() const override { return "Wanting"; }
  nn::MemoryNeeds memory_needs(Index batch, Mode mode) const override {
    return needs_(batch, mode);
  }

 private:
  void do_forward(nn::ConstView<float> x,
                  nn::View<float> y,
                  Mode,
                  nn::PassMemory) const override {
    y = x;
  }
  void do_backward(nn::ConstView<float>,
                   nn::ConstView<float>,
                   nn::ConstView<float> dy,
                   nn::View<float> dx,
                   nn::PassMemory) override {
    if (dx.size() > 0) dx = dy;
  }

  Needs needs_;
};

// Whether anybody but the outermost network may change what an inner one runs.
template <typename Layer, typename = void>
constexpr bool has_public_fusion = false;
template <typename Layer>
constexpr bool has_public_fusion<
    Layer,
    std::void_t<decltype(std::declval<Layer&>().set_fusion(true))>> = true;
static_assert(has_public_fusion<Sequential<float>> &&
              !has_public_fusion<nn::Residual<float>> &&
              !has_public_fusion<nn::Layer<float>>);

}  // namespace

TEST_CASE("a smaller batch never needs more memory, whatever the shape",
          "[passes]") {
  // Around the sizes at which work is cut into blocks.
  for (const Index rows : {1, 7, 255, 256, 1023, 1024, 1025, 2048, 5000}) {
    for (const char* kind : {"LayerNorm", "BatchNorm1d", "Linear"}) {
      nn::LayerSpec spec;
      spec.kind = kind;
      if (spec.kind == "Linear") {
        spec.settings = {{"out_features", 300}};
      } else {
        const bool samples = spec.kind == "LayerNorm";
        spec.settings = {{"eps", 1e-5},
                         {samples ? "elementwise_affine" : "affine", 1}};
      }
      const auto layer = nn::make_layer<float>(Shape{rows}, spec);
      for (const Mode mode : {Mode::kTraining, Mode::kInference}) {
        nn::MemoryNeeds before;
        for (Index batch = 0; batch <= 700; ++batch) {
          const nn::MemoryNeeds needs = layer->memory_needs(batch, mode);
          CAPTURE(kind, rows, batch);
          REQUIRE(needs.saved_bytes >= before.saved_bytes);
          REQUIRE(needs.scratch_bytes >= before.scratch_bytes);
          REQUIRE(needs.worker_bytes >= before.worker_bytes);
          before = needs;
        }
      }
    }
  }
}

TEST_CASE("the last batch of an epoch may be of any size", "[passes]") {
  Sequential<float> net(Shape{4, 16, 16}, 1);
  net.add<nn::LayerNorm>().add<nn::LeakyReLU>();
  net.add<nn::GlobalAvgPool2d>().add<nn::Linear>(10);
  nn::Rng rng(2);
  Workspace<float> workspace;
  for (const Index batch : {300, 256, 257, 44, 1, 299, 0, 300}) {
    const auto x = normal_matrix<float>(4 * 16 * 16, batch, rng);
    const auto dy = normal_matrix<float>(10, batch, rng);
    CAPTURE(batch);
    Workspace<float> fresh;
    const Step expected = train(net, x, dy, fresh);
    CHECK(same(train(net, x, dy, workspace), expected));
  }
}

TEST_CASE("random sequences of passes give what a fresh workspace gives",
          "[passes][threads]") {
  const std::uint64_t seed = 20;
  CAPTURE(seed);
  nn::Rng rng(seed);
  const std::vector<nn_test::LayerExample> examples = nn_test::layer_examples();
  const nn_test::ScopedThreads scope(1);
  for (const nn_test::LayerExample& example : examples) {
    CAPTURE(example.spec.kind);
    Sequential<float> net = nn_test::example_network<float>(example);
    const Index in = net.input_shape().features();
    const Index out = net.output_shape().features();
    const bool has_softmax = example.spec.kind == "Softmax";
    const Index logits = has_softmax ? in : out;
    Workspace<float> workspace;
    for (int i = 0; i < 12; ++i) {
      const Index batch =
          rng.index(2) == 0 ? 2 + rng.index(20) : 2 + rng.index(599);
      CAPTURE(i, batch);
      const auto x = normal_matrix<float>(in, batch, rng);
      Workspace<float> fresh;
      fresh.set_passes(workspace.passes());
      const bool training = rng.index(2) == 0;
      const int threads = 1 + static_cast<int>(rng.index(5));
      const int later = 1 + static_cast<int>(rng.index(5));
      if (training) {
        const auto dy = normal_matrix<float>(logits, batch, rng);
        nn::set_num_threads(1);
        const Step expected = train(net, x, dy, fresh);
        nn::set_num_threads(threads);
        CHECK(same(train(net, x, dy, workspace, later), expected));
      } else {
        nn::set_num_threads(1);
        Matrix<float> expected(out, batch);
        net.predict(nn::view(x), nn::view(expected), fresh);
        nn::set_num_threads(threads);
        Matrix<float> y(out, batch);
        net.predict(nn::view(x), nn::view(y), workspace);
        CHECK(same_bits(y, expected));
      }
    }
  }
}

TEST_CASE("the number of threads may change while passes run",
          "[passes][threads]") {
  const nn_test::ScopedThreads scope(2);
  Sequential<float> net = network_of_workers();
  nn::Rng rng(4);
  const auto x = normal_matrix<float>(net.input_shape().features(), 40, rng);
  const auto dy = normal_matrix<float>(10, 40, rng);
  Workspace<float> workspace;
  const Step expected = train(net, x, dy, workspace);
  Matrix<float> expected_y(10, 40);
  net.predict(nn::view(x), nn::view(expected_y), workspace);

  std::atomic<bool> done{false};
  std::thread changing([&done] {
    for (int i = 0; !done; ++i) nn::set_num_threads(1 + i * 5 % 8);
  });
  int wrong = 0;
  Matrix<float> y(10, 40);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (std::chrono::steady_clock::now() < end) {
    // A new workspace is cut for the number of threads of the moment.
    Workspace<float> fresh;
    for (Workspace<float>* w : {&workspace, &fresh}) {
      wrong += same(train(net, x, dy, *w), expected) ? 0 : 1;
      net.predict(nn::view(x), nn::view(y), *w);
      wrong += same_bits(y, expected_y) ? 0 : 1;
    }
  }
  done = true;
  changing.join();
  CHECK(wrong == 0);
}

TEST_CASE("a layer of a user's that wants more for less is refused",
          "[passes][errors]") {
  nn::Rng rng(5);
  const auto refusal = [&](Wanting::Needs needs, Mode mode) {
    Sequential<float> net(Shape{3});
    net.add<nn::Linear>(4);
    net.add(std::make_unique<Wanting>(Shape{4}, needs));
    const auto large = normal_matrix<float>(3, 300, rng);
    const auto small = normal_matrix<float>(3, 256, rng);
    Workspace<float> workspace;
    net.forward(nn::view(large), workspace);
    const std::string message = message_of<std::invalid_argument>([&] {
      if (mode == Mode::kTraining) {
        net.forward(nn::view(small), workspace);
      } else {
        Matrix<float> y(4, 256);
        net.predict(nn::view(small), nn::view(y), workspace);
      }
    });
    // The workspace is of use as before.
    CHECK_NOTHROW(net.forward(nn::view(large), workspace));
    return message;
  };
  const std::string who = "layer 1: [Wanting] expected memory_needs()";
  using Catch::Matchers::ContainsSubstring;
  CHECK_THAT(refusal(
                 [](Index batch, Mode) {
                   return nn::MemoryNeeds{batch == 300 ? 64u : 128u, 0};
                 },
                 Mode::kTraining),
             ContainsSubstring(who));
  CHECK_THAT(refusal(
                 [](Index batch, Mode) {
                   return nn::MemoryNeeds{0, batch == 300 ? 0u : 1u << 20};
                 },
                 Mode::kTraining),
             ContainsSubstring(who));
  CHECK_THAT(refusal(
                 [](Index batch, Mode) {
                   return nn::MemoryNeeds{0, 0, batch == 300 ? 0u : 1u << 20};
                 },
                 Mode::kTraining),
             ContainsSubstring(who));
  CHECK_THAT(refusal(
                 [](Index, Mode mode) {
                   return nn::MemoryNeeds{mode == Mode::kTraining ? 0u : 8u};
                 },
                 Mode::kInference),
             ContainsSubstring(who));
}

TEST_CASE("batches without samples pass through every layer", "[passes]") {
  for (const nn_test::LayerExample& example : nn_test::layer_examples()) {
    for (const bool fuse : {true, false}) {
      CAPTURE(example.spec.kind, fuse);
      Sequential<float> net = nn_test::example_network<float>(example);
      net.add<nn::Linear>(4).add<nn::ReLU>().add<nn::Softmax>();
      net.set_fusion(fuse);
      for (nn::Parameter<float>* p : net.parameters()) p->grad.setOnes();
      const Matrix<float> x(net.input_shape().features(), 0);
      Workspace<float> workspace;
      const nn::ConstView<float> logits = net.forward(nn::view(x), workspace);
      CHECK(logits.rows() == 4);
      CHECK(logits.cols() == 0);
      net.backward(logits, workspace);
      for (const nn::Parameter<float>* p : net.parameters()) {
        CHECK(p->grad.isZero());
      }
      CHECK(net.predict(nn::view(x)).cols() == 0);
      CHECK(net.predict_classes(nn::view(x)).size() == 0);
      CHECK(net.activations(nn::view(x)).back().cols() == 0);
    }
  }
}

TEST_CASE("a plan notices that inner layers run otherwise", "[passes]") {
  Sequential<float> net(Shape{2, 9, 8}, 1);
  net.add<nn::Residual>([](Sequential<float>& body) {
    body.add<nn::Conv2d>(2, 3, 1, 1).add<nn::ReLU>();
    body.add<nn::Residual>([](Sequential<float>& inner) {
      inner.add<nn::Conv2d>(2, 3, 1, 1).add<nn::ReLU>();
    });
  });
  nn::Rng rng(6);
  const auto x = normal_matrix<float>(144, 20, rng);
  Workspace<float> workspace;
  const Step expected = train(net, x, x, workspace);
  net.forward(nn::view(x), workspace);
  net.set_fusion(false);
  CHECK_THROWS_AS(net.backward(nn::view(x), workspace), std::invalid_argument);
  const Step plain = train(net, x, x, workspace);
  CHECK(nn_test::relative_difference(plain.logits, expected.logits) < 1e-5);
  net.set_fusion(true);
  CHECK(same(train(net, x, x, workspace), expected));
}

TEST_CASE("a parameter in a matrix of another size is refused",
          "[passes][errors]") {
  using Catch::Matchers::ContainsSubstring;
  for (const nn_test::LayerExample& example : nn_test::layer_examples()) {
    Sequential<float> net = nn_test::example_network<float>(example);
    CAPTURE(example.spec.kind);
    nn::Rng rng(7);
    const auto x = normal_matrix<float>(net.input_shape().features(), 3, rng);
    Matrix<float> y(net.output_shape().features(), 3);
    Workspace<float> workspace;
    std::vector<Matrix<float>*> matrices;
    for (nn::Parameter<float>* p : net.parameters()) {
      matrices.push_back(&p->value);
      matrices.push_back(&p->grad);
    }
    for (const auto& named : net.named_buffers()) {
      matrices.push_back(&named.parameter->value);
    }
    for (Matrix<float>* matrix : matrices) {
      const Matrix<float> kept = *matrix;
      net.predict(nn::view(x), nn::view(y), workspace);
      *matrix = Matrix<float>::Zero(kept.rows() + 1, kept.cols());
      const auto refused = [&](const auto& call) {
        return message_of<std::invalid_argument>(call);
      };
      CHECK_THAT(refused([&] { net.forward(nn::view(x), workspace); }),
                 ContainsSubstring("[Sequential] layer 0: expected ") &&
                     ContainsSubstring("to keep its size of "));
      CHECK_THAT(
          refused([&] { net.predict(nn::view(x), nn::view(y), workspace); }),
          ContainsSubstring("to keep its size of "));
      CHECK_THAT(refused([&] { net.activations(nn::view(x)); }),
                 ContainsSubstring("to keep its size of "));
      *matrix = kept;
      net.forward(nn::view(x), workspace);
      matrix->resize(0, 0);
      const Matrix<float> dy = Matrix<float>::Zero(y.rows(), 3);
      CHECK_THAT(refused([&] { net.backward(nn::view(dy), workspace); }),
                 ContainsSubstring("to keep its size of "));
      *matrix = kept;
    }
  }
}

TEST_CASE("what was moved from is no network any more", "[passes][errors]") {
  using Catch::Matchers::ContainsSubstring;
  Sequential<float> net(Shape{3}, 1);
  net.add<nn::Linear>(4).add<nn::ReLU>().add<nn::Softmax>();
  nn::Rng rng(8);
  const auto x = normal_matrix<float>(3, 5, rng);
  const Matrix<float> expected = net.predict(nn::view(x));
  Workspace<float> workspace;
  Sequential<float> taken(std::move(net));
  CHECK(same_bits(taken.predict(nn::view(x)), expected));
  CHECK(net.size() == 0);
  const auto check_refused = [](const auto& call) {
    CHECK_THAT(message_of<std::invalid_argument>(call),
               ContainsSubstring("moved from"));
  };
  Matrix<float> y(4, 5);
  check_refused([&] { net.predict(nn::view(x)); });
  check_refused([&] { net.predict(nn::view(x), nn::view(y), workspace); });
  check_refused(
      [&] { net.predict_logits(nn::view(x), nn::view(y), workspace); });
  check_refused([&] { net.predict_classes(nn::view(x)); });
  check_refused([&] { net.activations(nn::view(x)); });
  check_refused([&] { net.forward(nn::view(x), workspace); });
  check_refused([&] { net.backward(nn::view(y), workspace); });
  check_refused([&] { net.add<nn::ReLU>(); });
  check_refused([&] { net.add(std::make_unique<nn::ReLU<float>>(Shape{3})); });
  check_refused([&] { net.summary(); });
  check_refused([&] { net.output_shape(); });
  check_refused([&] { net.parameters(); });
  check_refused([&] { net.named_parameters(); });
  check_refused([&] { net.named_buffers(); });
  check_refused([&] { net.parameter_count(); });
  check_refused([&] { net.initialize(rng); });
  check_refused([&] { net.set_fusion(false); });
  const nn_test::TemporaryDirectory directory;
  const std::string path = directory.file("good.safetensors");
  nn::save_model(path, taken);
  const std::string good = nn::read_file(path);
  check_refused([&] { nn::save_model(path, net); });
  check_refused([&] { nn::save_weights(path, net); });
  check_refused([&] { nn::export_onnx(path, net); });
  CHECK(nn::read_file(path) == good);
  net = std::move(taken);
  CHECK(same_bits(net.predict(nn::view(x)), expected));
  // Onto itself.
  Sequential<float>& same = net;
  net = std::move(same);
  CHECK(same_bits(net.predict(nn::view(x)), expected));
}

TEST_CASE("the time to add a layer does not depend on their number",
          "[passes]") {
  // By what is allocated, not by the clock: a stage that is planned is.
  Sequential<float> net(Shape{2});
  for (int i = 0; i < 20000; ++i) {
    auto layer = std::make_unique<nn::ReLU<float>>(Shape{2});
    const std::size_t before = nn_test::allocation_count();
    net.add(std::move(layer));
    const std::size_t allocations = nn_test::allocation_count() - before;
    if (allocations > 20) FAIL("layer " << i << ": " << allocations);
    if (i % 3 == 0) net.add<nn::Identity>();
  }
  const Matrix<float> x = Matrix<float>::Ones(2, 1);
  CHECK(net.predict(nn::view(x)) == x);
}

TEST_CASE("a plan that grows layer by layer is the plan of the whole",
          "[passes]") {
  nn::Rng rng(9);
  for (int i = 0; i < 200; ++i) {
    Sequential<float> net(Shape{2, 8, 8}, 1);
    const Index layers = 1 + rng.index(7);
    for (Index l = 0; l < layers; ++l) {
      switch (rng.index(5)) {
        case 0:
          net.add<nn::Identity>();
          break;
        case 1:
          net.add<nn::ReLU>();
          break;
        case 2:
          net.add<nn::Conv2d>(2, 3, 1, 1);
          break;
        case 3:
          if (net.output_shape().height >= 2) {
            net.add<nn::MaxPool2d>(2);
          } else {
            net.add<nn::Identity>();
          }
          break;
        default:
          net.add<nn::Linear>(128);
          break;
      }
      if (net.output_shape().height == 1 && rng.index(2) == 0) break;
    }
    const auto x = normal_matrix<float>(128, 3, rng);
    const Matrix<float> grown = net.predict(nn::view(x));
    net.set_fusion(true);
    CAPTURE(net.summary());
    CHECK(same_bits(net.predict(nn::view(x)), grown));
  }
}

TEST_CASE("sizes that no memory holds are refused before a pass",
          "[passes][errors]") {
  using Catch::Matchers::ContainsSubstring;
  const auto message = [](const Shape& shape, const nn::Conv2dOptions& conv) {
    return message_of<std::invalid_argument>(
        [&] { Sequential<float>(shape).add<nn::Conv2d>(conv); });
  };
  nn::Conv2dOptions options;
  options.out_channels = 1;
  options.kernel = 1;
  for (const Index large :
       {Index{1} << 29, Index{1} << 31, Index{1} << 40, Index{1} << 61}) {
    CAPTURE(large);
    nn::Conv2dOptions padded = options;
    padded.padding = large;
    CHECK_THAT(message(Shape{1, 4, 4}, padded),
               ContainsSubstring("[Sequential] layer 0: [Conv2d] expected "));
    // The output is small, what lies around the input is not.
    padded.stride = std::min(large, Index{1} << 31);
    CHECK_THAT(message(Shape{1, 4, 4}, padded),
               ContainsSubstring("[Sequential] layer 0: [Conv2d] expected "));
    nn::Conv2dOptions dilated = options;
    dilated.kernel = 3;
    dilated.dilation = large;
    CHECK_THAT(message(Shape{1, 4, 4}, dilated),
               ContainsSubstring("[Sequential] layer 0: [Conv2d] "));
    nn::Conv2dOptions many = options;
    many.out_channels = large * 2;
    CHECK_THROWS(Sequential<float>(Shape{1 << 10, 4, 4}).add<nn::Conv2d>(many));
    if (large > Index{1} << 31) {
      CHECK_THROWS_AS(Sequential<float>(Shape{1, 4, 4})
                          .add<nn::AvgPool2d>(large, 1, large / 2, true),
                      std::invalid_argument);
    }
    CHECK_THROWS_AS(Sequential<float>(Shape{large, large, 1}),
                    std::invalid_argument);
  }
  // A stride past the image has one place to stand on.
  nn::Conv2dOptions far;
  far.out_channels = 4;
  far.kernel = 2;
  far.groups = 2;
  far.stride = Index{1} << 31;
  Sequential<float> net(Shape{2, 4, 4}, 1);
  net.add<nn::Conv2d>(far);
  const Matrix<float> x = Matrix<float>::Ones(32, 2);
  Workspace<float> workspace;
  const Matrix<float> dy = Matrix<float>::Ones(4, 2);
  CHECK(train(net, x, dy, workspace).logits.rows() == 4);
}
