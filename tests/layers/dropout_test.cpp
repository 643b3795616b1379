#include "nn/layers/dropout.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <thread>
#include <utility>
#include <vector>

#include "nn/layers/linear.h"
#include "nn/layers/relu.h"
#include "nn/layers/softmax.h"
#include "nn/losses/softmax_cross_entropy.h"
#include "nn/network/gradient_check.h"
#include "nn/network/layer_registry.h"
#include "nn/network/residual.h"
#include "nn/network/sequential.h"
#include "nn/optimizers/sgd.h"
#include "nn/random.h"
#include "support/catch.h"
#include "support/layer_contract.h"
#include "support/layer_runner.h"
#include "support/matrices.h"
#include "support/threads.h"

using nn::Dropout;
using nn::Index;
using nn::Matrix;
using nn::Mode;
using nn::Shape;
using nn_test::same_bits;
using nn_test::ScopedThreads;

namespace {

// What dropout multiplies a batch with in pass `pass`.
template <typename Scalar>
Matrix<Scalar> mask_of(const Dropout<Scalar>& layer,
                       Index batch,
                       std::uint64_t pass) {
  const Matrix<Scalar> ones =
      Matrix<Scalar>::Ones(layer.input_shape().features(), batch);
  Matrix<Scalar> y(ones.rows(), batch);
  layer.forward(nn::view(ones),
                nn::view(y),
                Mode::kTraining,
                nn::PassMemory{nullptr, nullptr, pass});
  return y;
}

// The share of zeros.
double dropped(const Matrix<float>& mask) {
  return double((mask.array() == 0).count()) / double(mask.size());
}

// Six standard deviations of the share of n elements of probability p.
double bound(double p, Index n) {
  return 6 * std::sqrt(p * (1 - p) / double(n));
}

nn::Sequential<double> network(std::uint64_t seed) {
  nn::Sequential<double> net(Shape{8}, seed);
  net.add<nn::Linear>(16).add<nn::ReLU>().add<Dropout>(0.5);
  net.add<nn::Linear>(12).add<nn::ReLU>().add<Dropout>(0.25);
  net.add<nn::Linear>(3).add<nn::Softmax>();
  return net;
}

}  // namespace

TEMPLATE_TEST_CASE("dropout drops or scales, and drops the same in backward",
                   "[layers][dropout]",
                   float,
                   double) {
  using Scalar = TestType;
  Dropout<Scalar> layer(Shape{40}, 0.75);
  layer.set_seed(5);
  nn::Rng rng(54);
  const auto x = nn_test::matrix_away_from_zero<double>(40, 5, rng)
                     .template cast<Scalar>()
                     .eval();
  const auto dy = nn_test::matrix_away_from_zero<double>(40, 5, rng)
                      .template cast<Scalar>()
                      .eval();
  const auto pass = nn_test::run<Scalar>(layer, x, dy);
  Index kept = 0;
  for (Index i = 0; i < x.size(); ++i) {
    const bool is_kept = pass.y.data()[i] != 0;
    kept += is_kept ? 1 : 0;
    // 1 / (1 - 3/4) = 4
    CHECK(pass.y.data()[i] == (is_kept ? 4 * x.data()[i] : Scalar(0)));
    CHECK(pass.dx.data()[i] == (is_kept ? 4 * dy.data()[i] : Scalar(0)));
  }
  CHECK(kept > 20);
  CHECK(kept < 80);
}

TEMPLATE_TEST_CASE("dropout is the identity in inference",
                   "[layers][dropout]",
                   float,
                   double) {
  const Dropout<TestType> layer(Shape{30}, 0.75);
  nn::Rng rng(55);
  const auto x = nn_test::normal_matrix<TestType>(30, 400, rng);
  CHECK(same_bits(nn_test::output_of(layer, x), x));
}

TEST_CASE("dropout drops its share everywhere, and keeps the mean",
          "[layers][dropout]") {
  constexpr Index kRows = 200;
  constexpr Index kBatch = 500;
  for (const double p : {0.1, 0.5, 0.9}) {
    CAPTURE(p);
    Dropout<float> layer(Shape{kRows}, p);
    nn::Rng rng(56);
    layer.initialize(rng);
    const Matrix<float> mask = mask_of(layer, kBatch, 3);
    CHECK(std::abs(dropped(mask) - p) < bound(p, mask.size()));
    for (Index row = 0; row < kRows; ++row) {
      REQUIRE(std::abs(dropped(mask.row(row)) - p) < bound(p, kBatch));
    }
    for (Index col = 0; col < kBatch; ++col) {
      REQUIRE(std::abs(dropped(mask.col(col)) - p) < bound(p, kRows));
    }
    // The mean of the mask is 1, and so the mean of y is that of x.
    const double mean = mask.cast<double>().mean();
    CHECK(std::abs(mean - 1) < bound(p, mask.size()) / (1 - p));
    // One sample, in pass after pass.
    double share = 0;
    for (std::uint64_t pass = 1; pass <= 100; ++pass) {
      share += dropped(mask_of(layer, 1, pass)) / 100;
    }
    CHECK(std::abs(share - p) < bound(p, 100 * kRows));
  }
}

TEST_CASE("whether an element is dropped says nothing of any other",
          "[layers][dropout]") {
  constexpr Index kRows = 100;
  constexpr Index kBatch = 1000;
  Dropout<float> layer(Shape{kRows}, 0.5);
  layer.set_seed(1);
  Dropout<float> other(Shape{kRows}, 0.5);
  other.set_seed(2);
  const Matrix<float> mask = mask_of(layer, kBatch, 1);
  // Of independent halves, half agree.
  const auto agreement = [](const auto& a, const auto& b) {
    return double((a.array() == b.array()).count()) / double(a.size());
  };
  const auto check = [&](const char* with, const auto& a, const auto& b) {
    CAPTURE(with);
    CHECK(std::abs(agreement(a, b) - 0.5) < bound(0.5, a.size()));
  };
  check("the next pass", mask, mask_of(layer, kBatch, 2));
  check("another seed", mask, mask_of(other, kBatch, 1));
  check("seed and pass exchanged",
        mask_of(layer, kBatch, 2),
        mask_of(other, kBatch, 1));
  for (const Index distance : {1, 2, 8, 16}) {
    check("the next rows",
          mask.topRows(kRows - distance),
          mask.bottomRows(kRows - distance));
    check("the next samples",
          mask.leftCols(kBatch - distance),
          mask.rightCols(kBatch - distance));
  }
}

TEMPLATE_TEST_CASE("what dropout drops follows from seed and pass alone",
                   "[layers][dropout][threads]",
                   float,
                   double) {
  // Several blocks, the last one not full.
  const Shape shape{10, 10, 10};
  Dropout<TestType> layer(shape, 0.3);
  layer.set_seed(9);
  const Matrix<TestType> mask = mask_of(layer, 51, 4);
  Dropout<TestType> again(shape, 0.3);
  again.set_seed(9);
  mask_of(again, 3, 5);
  for (const int threads : {1, 2, 3, 8}) {
    const ScopedThreads scope(threads);
    CHECK(same_bits(mask_of(again, 51, 4), mask));
  }
  CHECK_FALSE(same_bits(mask_of(layer, 51, 5), mask));
  layer.set_seed(10);
  CHECK_FALSE(same_bits(mask_of(layer, 51, 4), mask));
}

TEST_CASE("float and double drop the same", "[layers][dropout]") {
  Dropout<float> single(Shape{1000}, 0.5);
  Dropout<double> twice(Shape{1000}, 0.5);
  single.set_seed(11);
  twice.set_seed(11);
  CHECK(mask_of(single, 20, 7).cast<double>() == mask_of(twice, 20, 7));
}

TEST_CASE("threads may run one dropout layer at once",
          "[layers][dropout][threads]") {
  constexpr std::size_t kThreads = 4;
  constexpr std::uint64_t kPasses = 20;
  Dropout<float> layer(Shape{300}, 0.4);
  layer.set_seed(12);
  std::vector<Matrix<float>> expected;
  for (std::uint64_t pass = 0; pass < kPasses; ++pass) {
    expected.push_back(mask_of(layer, 40, pass));
  }
  std::array<int, kThreads> right{};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint64_t pass = 0; pass < kPasses; ++pass) {
        if (same_bits(mask_of(layer, 40, pass), expected[pass])) ++right[t];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int count : right) CHECK(count == int(kPasses));
}

TEST_CASE("probabilities of zero and one drop nothing and all",
          "[layers][dropout]") {
  nn::Rng rng(57);
  const auto x = nn_test::normal_matrix<double>(50, 30, rng);
  Dropout<double> none(Shape{50}, 0);
  Dropout<double> all(Shape{50}, 1);
  const auto kept = nn_test::run(none, x, x);
  CHECK(same_bits(kept.y, x));
  CHECK(same_bits(kept.dx, x));
  const auto lost = nn_test::run(all, x, x);
  CHECK(lost.y == Matrix<double>::Zero(50, 30));
  CHECK(lost.dx == Matrix<double>::Zero(50, 30));
  CHECK(nn_test::output_of(all, x) == x);
}

TEST_CASE("dropout keeps the layer contract", "[layers][dropout][contract]") {
  for (const double p : {0.0, 0.2, 0.5, 1.0}) {
    for (const Shape& shape : {Shape{1}, Shape{5}, Shape{3, 4, 5}}) {
      nn_test::LayerContract contract = nn_test::contract_of<Dropout>(
          nn_test::normal_matrix<double>, shape, p);
      contract.same_in_inference = false;
      contract.samples_alone_give_the_same = false;
      CHECK(nn_test::contract_violations(contract) == nn_test::kNoViolations);
    }
  }
}

TEST_CASE("a network with dropout has the gradients of what it kept",
          "[layers][dropout][gradient]") {
  nn::Sequential<double> net = network(3);
  nn::Rng rng(58);
  const auto x = nn_test::normal_matrix<double>(8, 7, rng);
  nn::Labels labels(7);
  for (Index i = 0; i < 7; ++i) labels(i) = static_cast<int>(i % 3);
  const nn::GradientReport report =
      nn::check_gradients(net, nn::view(x), nn::view(std::as_const(labels)));
  INFO(report.to_string());
  CHECK(report.passed);
}

TEST_CASE("training with dropout follows from the seed alone",
          "[layers][dropout][sequential][threads]") {
  const auto train = [](std::uint64_t seed, int threads) {
    const ScopedThreads scope(threads);
    nn::Sequential<double> net = network(seed);
    nn::Rng rng(59);
    const auto x = nn_test::normal_matrix<double>(8, 24, rng);
    nn::Labels labels(24);
    for (Index i = 0; i < 24; ++i) labels(i) = static_cast<int>(i % 3);
    nn::SgdOptions options;
    options.learning_rate = 0.1;
    nn::Sgd<double> sgd(net.parameters(), options);
    const nn::SoftmaxCrossEntropy<double> loss;
    nn::Workspace<double> workspace;
    Matrix<double> dlogits(3, 24);
    std::vector<double> losses;
    for (int step = 0; step < 10; ++step) {
      const auto logits = net.forward(nn::view(x), workspace);
      losses.push_back(loss.evaluate(logits,
                                     nn::view(std::as_const(labels)),
                                     nn::view(dlogits))
                           .loss);
      net.backward(nn::view(std::as_const(dlogits)), workspace);
      sgd.step();
    }
    return losses;
  };
  const std::vector<double> losses = train(1, 1);
  CHECK(train(1, 1) == losses);
  CHECK(train(1, 4) == losses);
  CHECK(train(2, 1) != losses);
}

TEST_CASE("layers of a network, and its passes, drop differently",
          "[layers][dropout][sequential]") {
  nn::Sequential<float> net(Shape{200}, 1);
  net.add<Dropout>(0.5).add<Dropout>(0.5);
  const auto& first = dynamic_cast<const Dropout<float>&>(net.layer(0));
  const auto& second = dynamic_cast<const Dropout<float>&>(net.layer(1));
  CHECK(first.seed() != second.seed());

  const Matrix<float> ones = Matrix<float>::Ones(200, 50);
  nn::Workspace<float> workspace;
  const Matrix<float> pass1 = net.forward(nn::view(ones), workspace);
  CHECK(pass1 == mask_of(first, 50, 1).cwiseProduct(mask_of(second, 50, 1)));
  const Matrix<float> pass2 = net.forward(nn::view(ones), workspace);
  CHECK(pass2 == mask_of(first, 50, 2).cwiseProduct(mask_of(second, 50, 2)));
  CHECK(net.predict(nn::view(ones)) == ones);

  // A pass is repeated by its number.
  workspace.set_passes(0);
  CHECK(net.forward(nn::view(ones), workspace) == pass1);
}

TEST_CASE("dropout inside of a residual drops by the pass as well",
          "[layers][dropout][residual]") {
  nn::Sequential<double> net(Shape{8}, 1);
  net.add<nn::Linear>(6);
  net.add<nn::Residual>([](nn::Sequential<double>& body) {
    body.add<nn::Linear>(6).add<Dropout>(0.5);
  });
  net.add<nn::Softmax>();
  nn::Rng rng(60);
  const auto x = nn_test::normal_matrix<double>(8, 7, rng);
  nn::Labels labels(7);
  for (Index i = 0; i < 7; ++i) labels(i) = static_cast<int>(i % 6);
  const nn::GradientReport report =
      nn::check_gradients(net, nn::view(x), nn::view(std::as_const(labels)));
  INFO(report.to_string());
  CHECK(report.passed);
  nn::Workspace<double> workspace;
  const Matrix<double> pass1 = net.forward(nn::view(x), workspace);
  const Matrix<double> pass2 = net.forward(nn::view(x), workspace);
  CHECK(pass1 != pass2);
  workspace.set_passes(0);
  CHECK(net.forward(nn::view(x), workspace) == pass1);
}

TEST_CASE("dropout names its probability", "[layers][dropout]") {
  const Dropout<float> layer(Shape{3, 4, 5}, 0.2);
  CHECK(layer.output_shape() == Shape{3, 4, 5});
  CHECK(layer.p() == 0.2);
  CHECK(layer.describe() == "Dropout(0.2)");
  CHECK(layer.settings() == nn::Settings{{"p", 0.2}});
  CHECK(layer.memory_needs(9, Mode::kTraining).saved_bytes == 0);
  const auto again =
      nn::make_layer<float>(Shape{3, 4, 5}, nn::spec_of<float>(layer));
  CHECK(again->describe() == layer.describe());
  CHECK(Dropout<float>(Shape{2}).p() == 0.5);
}

TEST_CASE("dropout refuses what is no probability",
          "[layers][dropout][errors]") {
  for (const double p :
       {-0.001, 1.001, std::numeric_limits<double>::quiet_NaN()}) {
    CHECK_THROWS_WITH(Dropout<double>(Shape{2}, p),
                      Catch::Matchers::StartsWith("[Dropout]"));
  }
}
