#include "nn/layers/batch_norm.h"

#include <cmath>
#include <limits>
#include <stdexcept>

#include "nn/files/safetensors.h"
#include "nn/network/layer_registry.h"
#include "nn/network/sequential.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/layer_contract.h"
#include "support/layer_runner.h"
#include "support/matrices.h"
#include "support/temporary_directory.h"
#include "support/threads.h"

using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using nn::BatchNorm1d;
using nn::BatchNorm2d;
using nn::BatchNormOptions;
using nn::Index;
using nn::Matrix;
using nn::Shape;
using nn_test::message_of;
using nn_test::relative_difference;
using nn_test::samples;

namespace {

template <typename Scalar>
constexpr double kTolerance = sizeof(Scalar) == 4 ? 1e-6 : 1e-14;

template <typename Scalar>
Matrix<Scalar> column(std::initializer_list<Scalar> values) {
  return samples<Scalar>({values});
}

nn::BatchNormOptions with_eps(double eps) {
  BatchNormOptions options;
  options.eps = eps;
  return options;
}

// Two channels, of the values 1 3 5 7 and 2 2 2 2, eps 4. Channel 0: mean 4,
// variance 5, so 1/3 is the factor; channel 1: mean 2, variance 0, factor 1/2.
template <typename Scalar>
void set_up(nn::BatchNorm<Scalar>& layer) {
  nn::Rng rng(1);
  layer.initialize(rng);
  layer.weight().value = column<Scalar>({3, 5});
  layer.bias().value = column<Scalar>({10, -1});
}

// What is worked out by hand for the gradients 1 0 0 0 and 1 2 3 4:
//   dx_0 = dy - 1/4 + xhat/4,  xhat = -1 -1/3 1/3 1;  dx_1 = 5/2 (dy - 5/2)
template <typename Scalar>
void check_statistics(nn::BatchNorm<Scalar>& layer) {
  const double tolerance = kTolerance<Scalar>;
  CHECK(relative_difference(layer.weight().grad, column<Scalar>({-1, 0})) <=
        tolerance);
  CHECK(relative_difference(layer.bias().grad, column<Scalar>({1, 10})) <=
        tolerance);
  // Momentum 1/4; the batch's unbiased variances are 20/3 and 0.
  CHECK(relative_difference(layer.running_mean().value,
                            column<Scalar>({1, Scalar(0.5)})) <= tolerance);
  CHECK(relative_difference(layer.running_var().value,
                            column<Scalar>({Scalar(0.75 + 5.0 / 3),
                                            Scalar(0.75)})) <= tolerance);
  CHECK(layer.num_batches_tracked().value(0, 0) == 1);
}

}  // namespace

TEMPLATE_TEST_CASE("batch norm of vectors gives what is worked out by hand",
                   "[layers][batch_norm]",
                   float,
                   double) {
  using Scalar = TestType;
  BatchNormOptions options = with_eps(4);
  options.momentum = 0.25;
  BatchNorm1d<Scalar> layer(Shape{2}, options);
  set_up(layer);
  const auto x = samples<Scalar>({{1, 2}, {3, 2}, {5, 2}, {7, 2}});
  const auto dy = samples<Scalar>({{1, 1}, {0, 2}, {0, 3}, {0, 4}});
  const auto pass = nn_test::run(layer, x, dy);
  CHECK(relative_difference(
            pass.y, samples<Scalar>({{7, -1}, {9, -1}, {11, -1}, {13, -1}})) <=
        kTolerance<Scalar>);
  CHECK(relative_difference(pass.dx,
                            samples<double>({{0.5, -3.75},
                                             {-1.0 / 3, -1.25},
                                             {-1.0 / 6, 1.25},
                                             {0, 3.75}})) <=
        kTolerance<Scalar>);
  check_statistics(layer);

  // Inference takes the running statistics, also of a single sample.
  const Matrix<Scalar> y = nn_test::output_of(layer, samples<Scalar>({{4, 2}}));
  const auto wanted =
      samples<double>({{10 + 3 * 3 / std::sqrt(0.75 + 5.0 / 3 + 4),
                        -1 + 5 * 1.5 / std::sqrt(0.75 + 4)}});
  CHECK(relative_difference(y, wanted) <= kTolerance<Scalar>);
}

TEMPLATE_TEST_CASE("batch norm of images gives what is worked out by hand",
                   "[layers][batch_norm]",
                   float,
                   double) {
  using Scalar = TestType;
  BatchNormOptions options = with_eps(4);
  options.momentum = 0.25;
  BatchNorm2d<Scalar> layer(Shape{2, 1, 2}, options);
  set_up(layer);
  const auto x = samples<Scalar>({{1, 3, 2, 2}, {5, 7, 2, 2}});
  const auto dy = samples<Scalar>({{1, 0, 1, 2}, {0, 0, 3, 4}});
  const auto pass = nn_test::run(layer, x, dy);
  CHECK(relative_difference(
            pass.y, samples<Scalar>({{7, 9, -1, -1}, {11, 13, -1, -1}})) <=
        kTolerance<Scalar>);
  CHECK(relative_difference(pass.dx,
                            samples<double>({{0.5, -1.0 / 3, -3.75, -1.25},
                                             {-1.0 / 6, 0, 1.25, 3.75}})) <=
        kTolerance<Scalar>);
  check_statistics(layer);

  // One sample has enough values where it has more than one pixel.
  const auto one = nn_test::run(
      layer, samples<Scalar>({{1, 3, 2, 2}}), samples<Scalar>({{1, 0, 0, 0}}));
  const double half = 1 / std::sqrt(5.0);
  CHECK(relative_difference(
            one.y, samples<double>({{10 - 3 * half, 10 + 3 * half, -1, -1}})) <=
        kTolerance<Scalar>);
}

TEMPLATE_TEST_CASE("running statistics are shares of the batches",
                   "[layers][batch_norm]",
                   float,
                   double) {
  using Scalar = TestType;
  const Matrix<Scalar> dy = Matrix<Scalar>::Zero(1, 2);
  const auto run_two = [&dy](const BatchNormOptions& options) {
    auto layer = std::make_unique<BatchNorm1d<Scalar>>(Shape{1}, options);
    nn::Rng rng(1);
    layer->initialize(rng);
    // Means 4 and 10, unbiased variances 2 and 18.
    nn_test::run<Scalar>(*layer, samples<Scalar>({{3}, {5}}), dy);
    nn_test::run<Scalar>(*layer, samples<Scalar>({{7}, {13}}), dy);
    CHECK(layer->num_batches_tracked().value(0, 0) == 2);
    return layer;
  };
  BatchNormOptions options;
  auto layer = run_two(options);
  CHECK(layer->running_mean().value(0, 0) == Approx(0.9 * 0.4 + 1));
  CHECK(layer->running_var().value(0, 0) == Approx(0.9 * (0.9 + 0.2) + 1.8));
  options.momentum = 0;
  layer = run_two(options);
  CHECK(layer->running_mean().value(0, 0) == 0);
  CHECK(layer->running_var().value(0, 0) == 1);
  options.momentum = 1;
  layer = run_two(options);
  CHECK(layer->running_mean().value(0, 0) == Approx(10));
  CHECK(layer->running_var().value(0, 0) == Approx(18));
  // Without a momentum they are averages over the batches.
  options.momentum.reset();
  layer = run_two(options);
  CHECK(layer->running_mean().value(0, 0) == Approx(7));
  CHECK(layer->running_var().value(0, 0) == Approx(10));
}

TEST_CASE("running statistics do not depend on threads or on a wish for dx",
          "[layers][batch_norm][threads]") {
  nn::Rng rng(5);
  const Shape shape{3, 40, 30};
  const auto x = nn_test::normal_matrix<float>(shape.features(), 20, rng);
  const auto statistics = [&](int threads, bool want_dx) {
    const nn_test::ScopedThreads scope(threads);
    BatchNorm2d<float> layer(shape);
    layer.initialize(rng);
    const nn::MemoryNeeds needs =
        layer.memory_needs(x.cols(), nn::Mode::kTraining);
    nn::PassBuffers buffers;
    const nn::PassMemory memory = buffers.prepare(needs);
    Matrix<float> y(x.rows(), x.cols());
    Matrix<float> dx(x.rows(), x.cols());
    layer.forward(nn::view(x), nn::view(y), nn::Mode::kTraining, memory);
    layer.backward(nn::view(x),
                   nn::ConstView<float>(y),
                   nn::view(x),
                   want_dx ? nn::view(dx) : nn::no_view<float>(),
                   memory);
    Matrix<float> both(2 * shape.channels, 1);
    both << layer.running_mean().value, layer.running_var().value;
    return both;
  };
  const Matrix<float> reference = statistics(1, true);
  CHECK(nn_test::same_bits(statistics(1, false), reference));
  CHECK(nn_test::same_bits(statistics(2, true), reference));
  CHECK(nn_test::same_bits(statistics(5, false), reference));
  CHECK(reference.bottomRows(3).minCoeff() > 0.9f);
}

TEMPLATE_TEST_CASE("batch norm's outputs have mean 0 and variance 1",
                   "[layers][batch_norm]",
                   float,
                   double) {
  using Scalar = TestType;
  nn::Rng rng(6);
  const Shape shape{4, 5, 3};
  BatchNorm2d<Scalar> layer(shape, with_eps(1e-12));
  layer.initialize(rng);
  const Index batch = 30;
  const Matrix<Scalar> x =
      (nn_test::normal_matrix<Scalar>(60, batch, rng).array() * 3 + 50)
          .matrix();
  const Matrix<Scalar> y =
      nn_test::run<Scalar>(layer, x, Matrix<Scalar>::Zero(60, batch)).y;
  for (Index c = 0; c < 4; ++c) {
    const auto values =
        y.middleRows(15 * c, 15).template cast<double>().array().eval();
    const double tolerance = sizeof(Scalar) == 4 ? 1e-5 : 1e-12;
    CHECK(std::abs(values.mean()) < tolerance);
    CHECK(std::abs(values.square().mean() - 1) < tolerance);
  }
}

TEST_CASE("batch norm says what it is", "[layers][batch_norm]") {
  BatchNormOptions options;
  options.momentum.reset();
  options.affine = false;
  BatchNorm2d<float> plain(Shape{16, 2, 3}, options);
  CHECK(plain.describe() ==
        "BatchNorm2d(16, eps 1e-05, momentum none, not affine)");
  CHECK(plain.parameters().empty());
  CHECK(plain.buffers().size() == 3);
  BatchNorm1d<float> affine(Shape{16, 2, 3});
  CHECK(affine.describe() == "BatchNorm1d(96, eps 1e-05, momentum 0.1)");
  CHECK(affine.parameters().size() == 2);
  CHECK(affine.weight().dims == std::vector<Index>{96});
}

TEST_CASE("batch norm is built again from its settings",
          "[layers][batch_norm][layer_registry]") {
  const Shape shape{3, 2, 2};
  for (const bool has_momentum : {true, false}) {
    BatchNormOptions options;
    options.eps = 0.003;
    options.momentum = 0.4;
    if (!has_momentum) options.momentum.reset();
    options.affine = has_momentum;
    const BatchNorm1d<float> one(shape, options);
    const BatchNorm2d<float> two(shape, options);
    CHECK(nn::make_layer<float>(shape, nn::spec_of<float>(one))->describe() ==
          one.describe());
    CHECK(nn::make_layer<float>(shape, nn::spec_of<float>(two))->describe() ==
          two.describe());
  }
}

TEST_CASE("batch norm refuses options that make no sense",
          "[layers][batch_norm][errors]") {
  using Bad = std::invalid_argument;
  const auto complaint = [](const BatchNormOptions& options) {
    return message_of<Bad>([&] {
      BatchNorm2d<float>(Shape{2, 3, 3}, options);
    });
  };
  CHECK(complaint(with_eps(0)) ==
        "[BatchNorm2d] expected a positive eps, got 0");
  CHECK_THAT(complaint(with_eps(-1)), ContainsSubstring("got -1"));
  CHECK_THAT(complaint(with_eps(std::numeric_limits<double>::quiet_NaN())),
             ContainsSubstring("got nan"));
  BatchNormOptions options;
  options.momentum = 1.5;
  CHECK(complaint(options) ==
        "[BatchNorm2d] expected a momentum from 0 to 1, got 1.5");
  options.momentum = -0.1;
  CHECK_THAT(complaint(options), ContainsSubstring("got -0.1"));
  options.momentum = std::numeric_limits<double>::quiet_NaN();
  CHECK_THAT(complaint(options), ContainsSubstring("got nan"));
  CHECK_THAT(
      message_of<Bad>([&] { BatchNorm1d<float>(Shape{2}, with_eps(0)); }),
      ContainsSubstring("[BatchNorm1d]"));
}

TEST_CASE("batch norm refuses to train on one value a channel",
          "[layers][batch_norm][errors]") {
  BatchNorm1d<float> layer(Shape{3});
  const Matrix<float> x = Matrix<float>::Ones(3, 1);
  CHECK(message_of<std::invalid_argument>(
            [&] { nn_test::run<float>(layer, x, x); }) ==
        "[BatchNorm1d] expected more than one value of a channel in training, "
        "got a batch of 1 for input 3");
  nn::Rng rng(1);
  layer.initialize(rng);
  CHECK(nn_test::output_of(layer, x).allFinite());
}

TEMPLATE_TEST_CASE("a network with batch norm is the same after save and load",
                   "[layers][batch_norm][safetensors]",
                   float,
                   double) {
  using Scalar = TestType;
  const nn_test::TemporaryDirectory directory;
  const std::string path = directory.file("weights");
  const auto make = [](std::uint64_t seed) {
    nn::Sequential<Scalar> net(Shape{2, 3, 3}, seed);
    net.template add<BatchNorm2d>().template add<BatchNorm1d>();
    return net;
  };
  auto trained = make(1);
  nn::Rng rng(2);
  nn::Workspace<Scalar> workspace;
  const auto x = nn_test::normal_matrix<Scalar>(18, 6, rng);
  for (int step = 0; step < 3; ++step) {
    const Matrix<Scalar> dy = trained.forward(nn::view(x), workspace);
    trained.backward(nn::view(dy), workspace);
    for (auto* p : trained.parameters()) p->value -= Scalar(0.01) * p->grad;
  }
  nn::save_weights(path, trained);
  CHECK(nn::read_safetensors(path).tensors.size() == 10);

  auto loaded = make(3);
  CHECK_FALSE(nn_test::same_bits(loaded.predict(nn::view(x)),
                                 trained.predict(nn::view(x))));
  nn::load_weights(path, loaded);
  CHECK(nn_test::same_bits(loaded.predict(nn::view(x)),
                           trained.predict(nn::view(x))));
  CHECK(loaded.named_buffers().at(2).name == "0.num_batches_tracked");
  CHECK(loaded.named_buffers().at(2).parameter->value(0, 0) == 3);
}

TEST_CASE("batch norm of vectors keeps the layer contract",
          "[layers][batch_norm][contract]") {
  // Of two samples nothing but eps keeps the gradient from being zero.
  BatchNormOptions options = with_eps(0.1);
  for (const bool affine : {true, false}) {
    options.affine = affine;
    for (const Shape& shape : {Shape{1}, Shape{5}, Shape{3, 4, 5}}) {
      auto contract = nn_test::contract_of<BatchNorm1d>(
          nn_test::normal_matrix<double>, shape, options);
      contract.same_in_inference = false;
      contract.samples_alone_give_the_same = false;
      contract.smallest_batch = 2;
      CHECK(nn_test::contract_violations(contract) == nn_test::kNoViolations);
    }
  }
}

TEST_CASE("batch norm of images keeps the layer contract",
          "[layers][batch_norm][contract]") {
  BatchNormOptions options;
  for (const bool affine : {true, false}) {
    options.affine = affine;
    for (const Shape& shape :
         {Shape{1, 3, 3}, Shape{3, 4, 5}, Shape{20, 2, 2}}) {
      auto contract = nn_test::contract_of<BatchNorm2d>(
          nn_test::normal_matrix<double>, shape, options);
      contract.same_in_inference = false;
      contract.samples_alone_give_the_same = false;
      CHECK(nn_test::contract_violations(contract) == nn_test::kNoViolations);
    }
  }
}
