#include "nn/layers/standardize.h"

#include <cmath>
#include <limits>
#include <stdexcept>

#include "nn/files/model.h"
#include "nn/files/safetensors.h"
#include "nn/layers/linear.h"
#include "nn/network/layer_registry.h"
#include "nn/network/sequential.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/layer_contract.h"
#include "support/layer_runner.h"
#include "support/matrices.h"
#include "support/temporary_directory.h"

using nn::Index;
using nn::Matrix;
using nn::Moments;
using nn::Shape;
using nn::Standardize;
using nn::StandardizeForm;
using nn_test::message_of;
using nn_test::relative_difference;
using nn_test::samples;

namespace {

/// Two samples of `features` zeros.
Matrix<float> zeros(Index features) {
  return Matrix<float>::Zero(features, 2);
}

}  // namespace

TEMPLATE_TEST_CASE("standardize gives what is worked out by hand",
                   "[layers][standardize]",
                   float,
                   double) {
  using Scalar = TestType;
  // Means 5 and 7; deviations 4 and, since it is constant, 1.
  const auto x = samples<Scalar>({{1, 7}, {9, 7}});
  const auto dy = samples<Scalar>({{2, 3}, {-6, 5}});
  Standardize<Scalar> there(Shape{2}, Moments(x));
  auto pass = nn_test::run(there, x, dy);
  CHECK(pass.y == samples<Scalar>({{-1, 0}, {1, 0}}));
  CHECK(pass.dx == samples<Scalar>({{0.5, 3}, {-1.5, 5}}));

  Standardize<Scalar> back(Shape{2}, Moments(x), StandardizeForm::kInverse);
  pass = nn_test::run(back, samples<Scalar>({{-1, 0}, {0.5, 2}}), dy);
  CHECK(pass.y == samples<Scalar>({{1, 7}, {7, 9}}));
  CHECK(pass.dx == samples<Scalar>({{8, 3}, {-24, 5}}));
}

TEMPLATE_TEST_CASE("the pixels of a channel are standardized together",
                   "[layers][standardize]",
                   float,
                   double) {
  using Scalar = TestType;
  const Shape shape{2, 1, 2};
  // Channel 0 has 1 3 5 7 about 4, with variance 5; channel 1 is constant.
  const auto x = samples<Scalar>({{1, 3, 2, 2}, {5, 7, 2, 2}});
  Standardize<Scalar> layer(shape, Moments(x));
  CHECK(layer.mean().value == samples<Scalar>({{4, 2}}));
  CHECK(layer.deviation().value ==
        samples<Scalar>({{static_cast<Scalar>(std::sqrt(5.0)), 1}}));
  const auto r = static_cast<Scalar>(1 / std::sqrt(5.0));
  CHECK(relative_difference(
            nn_test::output_of(layer, x),
            samples<Scalar>({{-3 * r, -r, 0, 0}, {r, 3 * r, 0, 0}})) <= 2e-7);
  // Numbers of channels will do as well.
  CHECK(Standardize<Scalar>(shape, Moments(x).of_groups(2)).mean().value ==
        layer.mean().value);
}

TEMPLATE_TEST_CASE("what was standardized has mean 0 and deviation 1",
                   "[layers][standardize]",
                   float,
                   double) {
  using Scalar = TestType;
  nn::Rng rng(21);
  for (const double mean : {0.0, -50.0, 4096.0}) {
    const Shape shape{3, 5, 7};
    Matrix<Scalar> x = nn_test::normal_matrix<Scalar>(105, 70, rng);
    x.array() = 3 * x.array() + static_cast<Scalar>(mean);
    Standardize<Scalar> layer(shape, Moments(x));
    const Moments after = Moments(nn_test::output_of(layer, x)).of_groups(3);
    // The mean is rounded once, by half of an ulp.
    const double rounding =
        (4 + std::abs(mean)) * double(std::numeric_limits<Scalar>::epsilon());
    for (std::size_t c = 0; c < 3; ++c) {
      CHECK(std::abs(after.mean()[c]) <= rounding);
      CHECK(std::abs(after.deviation()[c] - 1) <= rounding);
    }
    // And back again.
    Standardize<Scalar> back(shape, Moments(x), StandardizeForm::kInverse);
    CHECK(relative_difference(
              nn_test::output_of(back, nn_test::output_of(layer, x)), x) <=
          8 * double(std::numeric_limits<Scalar>::epsilon()));
  }
}

TEST_CASE("standardize keeps the layer contract",
          "[layers][standardize][contract]") {
  nn::Rng rng(22);
  for (const auto form :
       {StandardizeForm::kForward, StandardizeForm::kInverse}) {
    for (const Shape& shape :
         {Shape{1}, Shape{5}, Shape{3, 4, 5}, Shape{2, 40, 30}}) {
      const Matrix<double> x =
          (nn_test::normal_matrix<double>(shape.features(), 20, rng).array() *
               3 +
           7)
              .matrix();
      CHECK(nn_test::contract_violations(nn_test::contract_of<Standardize>(
                nn_test::normal_matrix<double>, shape, Moments(x), form)) ==
            nn_test::kNoViolations);
    }
  }
}

TEST_CASE("standardize says what it is and is built again",
          "[layers][standardize][layer_registry]") {
  const Shape shape{3, 2, 2};
  const Standardize<float> there(shape);
  const Standardize<float> back(shape, StandardizeForm::kInverse);
  CHECK(there.describe() == "Standardize(3)");
  CHECK(back.describe() == "Standardize(3, inverse)");
  CHECK(there.settings() == nn::Settings{{"inverse", 0}});
  for (const auto* layer : {&there, &back}) {
    CHECK(layer->parameters().empty());
    REQUIRE(layer->buffers().size() == 2);
    CHECK(layer->buffers()[0]->name == "mean");
    CHECK(layer->buffers()[1]->name == "deviation");
    CHECK(layer->buffers()[1]->dims == std::vector<Index>{3});
    CHECK(
        nn::make_layer<float>(shape, nn::spec_of<float>(*layer))->describe() ==
        layer->describe());
  }
  // Without numbers it changes nothing.
  nn::Rng rng(23);
  const auto x = nn_test::normal_matrix<float>(12, 3, rng);
  CHECK(nn_test::output_of(there, x) == x);
  CHECK(nn_test::output_of(back, x) == x);
}

TEMPLATE_TEST_CASE(
    "a network keeps its scaling through initial weights and "
    "files, to the bit",
    "[layers][standardize][files]",
    float,
    double) {
  using Scalar = TestType;
  nn::Rng rng(24);
  const nn_test::TemporaryDirectory folder;
  const Matrix<Scalar> x =
      (nn_test::normal_matrix<Scalar>(4, 30, rng).array() * 300 + 1e4).matrix();
  const Matrix<Scalar> target =
      (nn_test::normal_matrix<Scalar>(2, 30, rng).array() * 0.01 - 5).matrix();
  nn::Sequential<Scalar> net(Shape{4}, /*seed=*/1);
  net.template add<Standardize>(Moments(x)).template add<nn::Linear>(2);
  net.template add<Standardize>(Moments(target), StandardizeForm::kInverse);
  net.initialize(rng);
  const Matrix<Scalar> y = net.predict(x);
  // In the targets' units, whatever the weights: some deviations off.
  CHECK((y.array() + 5).abs().maxCoeff() < 0.1);

  const std::string path = folder.path() + "/model.safetensors";
  nn::save_model(path, net);
  CHECK(nn_test::same_bits(nn::load_model<Scalar>(path).predict(x), y));

  nn::save_weights(path, net);
  nn::Sequential<Scalar> other(Shape{4}, /*seed=*/2);
  other.template add<Standardize>().template add<nn::Linear>(2);
  other.template add<Standardize>(StandardizeForm::kInverse);
  nn::load_weights(path, other);
  CHECK(nn_test::same_bits(other.predict(x), y));
}

TEST_CASE("standardize refuses numbers that do not fit and stays as it was",
          "[layers][standardize][errors]") {
  using Error = std::invalid_argument;
  const Shape shape{3, 2, 2};
  nn::Rng rng(25);
  Standardize<float> layer(shape,
                           Moments(nn_test::normal_matrix<float>(12, 9, rng)));
  const Matrix<float> mean = layer.mean().value;
  const Matrix<float> deviation = layer.deviation().value;
  const auto message = [&](const Moments& moments) {
    return message_of<Error>([&] { layer.fit(moments); });
  };
  CHECK(message(Moments(zeros(4))) ==
        "[Standardize] expected moments of 12 features for input 3x2x2, got "
        "those of 4");
  CHECK_THROWS_AS(layer.fit(Moments()), Error);
  // Deviations of 5e-41 and 1e39, a mean of 1e39; and one of 1.5e38, of which
  // the reciprocal would lose digits.
  CHECK(message(Moments(samples<double>({{0, 0, 0}, {1, 1e-40, 1}}))) ==
        "[Standardize] expected a mean and a deviation that float can hold and "
        "divide by, got 5e-41 and 5e-41 for channel 1; another unit of it may "
        "do");
  CHECK_THROWS_AS(layer.fit(Moments(samples<double>({{0, 0, -1e39},  //
                                                     {1, 1, 1e39}}))),
                  Error);
  CHECK_THROWS_AS(layer.fit(Moments(samples<double>({{1, 1, 1e39},  //
                                                     {2, 2, 1e39}}))),
                  Error);
  CHECK_THROWS_AS(layer.fit(Moments(samples<double>({{0, 0, -1.5e38},  //
                                                     {1, 1, 1.5e38}}))),
                  Error);
  CHECK(layer.mean().value == mean);
  CHECK(layer.deviation().value == deviation);

  nn::Sequential<float> net(Shape{2});
  CHECK(message_of<Error>([&] { net.add<Standardize>(Moments(zeros(3))); }) ==
        "[Sequential] layer 0: [Standardize] expected moments of 2 features "
        "for input 2, got those of 3");
}

TEMPLATE_TEST_CASE("standardize hands on what is not finite",
                   "[layers][standardize][edges]",
                   float,
                   double) {
  using Scalar = TestType;
  using Limits = std::numeric_limits<Scalar>;
  for (const auto form :
       {StandardizeForm::kForward, StandardizeForm::kInverse}) {
    const Standardize<Scalar> layer(
        Shape{1}, Moments(samples<Scalar>({{2}, {4}})), form);
    const auto y = nn_test::output_of(
        layer,
        samples<Scalar>({{Limits::quiet_NaN()}, {-Limits::infinity()}, {3}}));
    CHECK(std::isnan(y(0, 0)));
    CHECK(y(0, 1) == -Limits::infinity());
    CHECK(std::isfinite(y(0, 2)));
  }
}

TEST_CASE("standardize divides by no deviation that a file made up",
          "[layers][standardize][errors]") {
  nn::Sequential<float> net(nn::Shape{2}, /*seed=*/1);
  net.add<nn::Standardize>();
  const nn::Matrix<float> x = nn::Matrix<float>::Ones(2, 1);
  CHECK_NOTHROW(net.predict(x));
  for (const float bad : {0.0F,
                          -1.0F,
                          1e-42F,
                          std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::quiet_NaN()}) {
    for (const auto& named : net.named_buffers()) {
      if (named.name == "0.deviation") named.parameter->value(1, 0) = bad;
    }
    CHECK_THAT(
        nn_test::message_of<std::invalid_argument>([&] { net.predict(x); }),
        Catch::Matchers::ContainsSubstring("for channel 1"));
  }
}
