#include "nn/layers/layer_norm.h"

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

using Catch::Matchers::ContainsSubstring;
using nn::Index;
using nn::LayerNorm;
using nn::LayerNormOptions;
using nn::Matrix;
using nn::Shape;
using nn_test::message_of;
using nn_test::relative_difference;
using nn_test::samples;

TEMPLATE_TEST_CASE("layer norm gives what is worked out by hand",
                   "[layers][layer_norm]",
                   float,
                   double) {
  using Scalar = TestType;
  LayerNormOptions options;
  options.eps = 4;
  LayerNorm<Scalar> layer(Shape{2, 1, 2}, options);
  layer.weight().value = samples<Scalar>({{1, 2, 3, 6}});
  layer.bias().value = samples<Scalar>({{0, 1, 2, 3}});
  // Sample 0: mean 4, variance 5, factor 1/3, so xhat = -1 -1/3 1/3 1.
  // Sample 1: mean 5, variance 0, factor 1/2, so xhat = 0.
  const auto x = samples<Scalar>({{1, 3, 5, 7}, {5, 5, 5, 5}});
  const auto dy = samples<Scalar>({{1, 0, 0, 0}, {1, 2, 3, 4}});
  const auto pass = nn_test::run(layer, x, dy);
  const double tolerance = sizeof(Scalar) == 4 ? 1e-6 : 1e-14;
  CHECK(relative_difference(
            pass.y, samples<double>({{-1, 1.0 / 3, 3, 9}, {0, 1, 2, 3}})) <=
        tolerance);
  // With g = weight * dy: dx = (g - 1/4 + xhat/4) / 3, and (g - 19/2) / 2.
  CHECK(relative_difference(pass.dx,
                            samples<double>({{0.5 / 3, -1.0 / 9, -1.0 / 18, 0},
                                             {-4.25, -2.75, -0.25, 7.25}})) <=
        tolerance);
  CHECK(relative_difference(layer.weight().grad,
                            samples<double>({{-1, 0, 0, 0}})) <= tolerance);
  CHECK(relative_difference(layer.bias().grad,
                            samples<double>({{2, 2, 3, 4}})) <= tolerance);
}

TEMPLATE_TEST_CASE("layer norm does not change when a sample is shifted",
                   "[layers][layer_norm]",
                   float,
                   double) {
  using Scalar = TestType;
  nn::Rng rng(3);
  LayerNorm<Scalar> layer(Shape{100});
  layer.initialize(rng);
  const auto x = nn_test::normal_matrix<Scalar>(100, 5, rng);
  const Matrix<Scalar> y = nn_test::output_of(layer, x);
  const Matrix<Scalar> shifted = (x.array() + 1000).matrix();
  // The shift itself costs 10 of float's 24 bits.
  CHECK(relative_difference(nn_test::output_of(layer, shifted), y) <=
        (sizeof(Scalar) == 4 ? 3e-4 : 1e-12));
  CHECK(std::abs(y.col(2).template cast<double>().mean()) <= 1e-6);
}

TEST_CASE("layer norm of a single feature is its bias",
          "[layers][layer_norm]") {
  LayerNorm<double> layer(Shape{1});
  layer.weight().value(0, 0) = 3;
  layer.bias().value(0, 0) = 0.7;
  const auto pass = nn_test::run(
      layer, samples<double>({{5}, {-8}}), samples<double>({{0.3}, {2}}));
  CHECK(pass.y == samples<double>({{0.7}, {0.7}}));
  // Of numbers around 1000: weight * dy / sqrt(eps).
  CHECK(pass.dx.cwiseAbs().maxCoeff() <= 1e-12);
}

TEST_CASE("layer norm says what it is", "[layers][layer_norm]") {
  LayerNormOptions options;
  LayerNorm<float> image(Shape{3, 4, 5}, options);
  CHECK(image.describe() == "LayerNorm(3x4x5, eps 1e-05)");
  CHECK(image.weight().dims == std::vector<Index>{3, 4, 5});
  CHECK(image.parameters().size() == 2);
  options.affine = false;
  options.eps = 0.25;
  LayerNorm<float> plain(Shape{7}, options);
  CHECK(plain.describe() == "LayerNorm(7, eps 0.25, not affine)");
  CHECK(plain.weight().value.size() == 0);
  CHECK(plain.bias().value.size() == 0);
  CHECK(plain.parameters().empty());
  const auto again = nn::make_layer<float>(Shape{7}, nn::spec_of<float>(plain));
  CHECK(again->describe() == plain.describe());
}

TEST_CASE("layer norm refuses an eps that is not positive",
          "[layers][layer_norm][errors]") {
  for (const double eps :
       {0.0, -1.0, std::numeric_limits<double>::infinity()}) {
    LayerNormOptions options;
    options.eps = eps;
    CHECK_THAT(message_of<std::invalid_argument>(
                   [&] { LayerNorm<float>(Shape{3}, options); }),
               ContainsSubstring("[LayerNorm] expected a positive eps, got "));
  }
}

TEMPLATE_TEST_CASE("a network with layer norm is the same after save and load",
                   "[layers][layer_norm][safetensors]",
                   float,
                   double) {
  using Scalar = TestType;
  const nn_test::TemporaryDirectory directory;
  const std::string path = directory.file("weights");
  nn::Sequential<Scalar> saved(Shape{2, 3, 3});
  nn::Sequential<Scalar> loaded(Shape{2, 3, 3});
  saved.template add<LayerNorm>();
  loaded.template add<LayerNorm>();
  nn::Rng rng(2);
  for (auto* p : saved.parameters()) {
    p->value = nn_test::normal_matrix<Scalar>(18, 1, rng);
  }
  nn::save_weights(path, saved);
  nn::load_weights(path, loaded);
  const auto x = nn_test::normal_matrix<Scalar>(18, 4, rng);
  CHECK(nn_test::same_bits(loaded.predict(nn::view(x)),
                           saved.predict(nn::view(x))));
}

TEST_CASE("layer norm keeps the layer contract",
          "[layers][layer_norm][contract]") {
  for (const bool affine : {true, false}) {
    LayerNormOptions options;
    options.affine = affine;
    for (const Shape& shape : {Shape{2}, Shape{5}, Shape{3, 4, 5}}) {
      // Of two features nothing but eps keeps the gradient from being zero.
      options.eps = shape.features() == 2 ? 0.1 : 1e-5;
      CHECK(nn_test::contract_violations(nn_test::contract_of<LayerNorm>(
                nn_test::normal_matrix<double>, shape, options)) ==
            nn_test::kNoViolations);
    }
  }
}
