#include "nn/losses/softmax_cross_entropy.h"

#include <cmath>
#include <initializer_list>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "nn/random.h"
#include "support/allocations.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/matrices.h"

namespace {

using Catch::Approx;
using nn::Index;
using nn_test::message_of;

nn::Labels labels_of(std::initializer_list<int> values) {
  nn::Labels labels(static_cast<Index>(values.size()));
  Index i = 0;
  for (const int value : values) labels[i++] = value;
  return labels;
}

}  // namespace

TEMPLATE_TEST_CASE("the loss and its gradient have the values of a hand count",
                   "[losses]",
                   float,
                   double) {
  // exp(z) is 1, 2, 5 and 3, 1, 4: probabilities 1/8, 2/8, 5/8 and 3/8, 1/8,
  // 4/8.
  nn::Matrix<TestType> logits = nn_test::samples<TestType>(
      {{0, TestType(std::log(2.0)), TestType(std::log(5.0))},
       {TestType(std::log(3.0)), 0, TestType(std::log(4.0))}});
  const nn::Labels labels = labels_of({2, 0});
  nn::Matrix<TestType> dlogits(3, 2);

  const nn::SoftmaxCrossEntropy<TestType> loss;
  const nn::LossResult result = loss.evaluate(
      nn::view(std::as_const(logits)), nn::view(labels), nn::view(dlogits));

  const double tolerance = std::is_same_v<TestType, float> ? 1e-6 : 1e-14;
  REQUIRE(std::abs(result.loss - 0.5 * (std::log(8.0 / 5.0) +
                                        std::log(8.0 / 3.0))) < tolerance);
  REQUIRE(result.correct == 1);
  const nn::Matrix<double> expected = nn_test::samples<double>(
      {{1.0 / 16, 2.0 / 16, -3.0 / 16}, {-5.0 / 16, 1.0 / 16, 4.0 / 16}});
  REQUIRE(nn_test::relative_difference(dlogits, expected) < tolerance);
}

TEMPLATE_TEST_CASE("the loss is the same with and without its gradient",
                   "[losses]",
                   float,
                   double) {
  nn::Rng rng(1);
  const nn::Matrix<TestType> logits =
      nn_test::normal_matrix<TestType>(10, 7, rng);
  const nn::Labels labels = labels_of({0, 9, 3, 3, 5, 1, 7});
  nn::Matrix<TestType> dlogits(10, 7);
  const nn::SoftmaxCrossEntropy<TestType> loss;
  const nn::LossResult a = loss.evaluate(nn::view(logits), nn::view(labels));
  const nn::LossResult b =
      loss.evaluate(nn::view(logits), nn::view(labels), nn::view(dlogits));
  REQUIRE(a.loss == b.loss);
  REQUIRE(a.correct == b.correct);
}

TEST_CASE("the loss's gradient agrees with central differences",
          "[losses][gradient]") {
  nn::Rng rng(2);
  const nn::SoftmaxCrossEntropy<double> loss;
  for (const Index batch : {1, 2, 7}) {
    for (const Index classes : {2, 5, 10}) {
      nn::Matrix<double> logits =
          3.0 * nn_test::normal_matrix<double>(classes, batch, rng);
      nn::Labels labels(batch);
      for (Index n = 0; n < batch; ++n) {
        labels[n] = static_cast<int>(rng.index(classes));
      }
      nn::Matrix<double> analytic(classes, batch);
      loss.evaluate(nn::view(std::as_const(logits)),
                    nn::view(labels),
                    nn::view(analytic));

      nn::Matrix<double> numeric(classes, batch);
      // Error terms: step^2 / 6 times a third derivative below 1, and the
      // loss's rounding over the step.
      constexpr double kStep = 1e-5;
      for (Index i = 0; i < logits.size(); ++i) {
        const double z = logits.data()[i];
        logits.data()[i] = z + kStep;
        const double above =
            loss.evaluate(nn::view(std::as_const(logits)), nn::view(labels))
                .loss;
        logits.data()[i] = z - kStep;
        const double below =
            loss.evaluate(nn::view(std::as_const(logits)), nn::view(labels))
                .loss;
        logits.data()[i] = z;
        numeric.data()[i] = (above - below) / (2.0 * kStep);
      }
      CAPTURE(batch, classes);
      REQUIRE((analytic - numeric).norm() <=
              1e-7 * (analytic.norm() + numeric.norm()));
    }
  }
}

TEMPLATE_TEST_CASE("the gradient may overwrite the logits",
                   "[losses]",
                   float,
                   double) {
  nn::Rng rng(3);
  nn::Matrix<TestType> logits = nn_test::normal_matrix<TestType>(10, 5, rng);
  const nn::Labels labels = labels_of({4, 0, 9, 2, 2});
  nn::Matrix<TestType> apart(10, 5);
  const nn::SoftmaxCrossEntropy<TestType> loss;
  const nn::LossResult expected = loss.evaluate(
      nn::view(std::as_const(logits)), nn::view(labels), nn::view(apart));
  const nn::LossResult result = loss.evaluate(
      nn::view(std::as_const(logits)), nn::view(labels), nn::view(logits));
  REQUIRE(result.loss == expected.loss);
  REQUIRE(result.correct == expected.correct);
  REQUIRE(nn_test::same_bits(logits, apart));
}

TEMPLATE_TEST_CASE("the loss stays finite and right for huge logits",
                   "[losses]",
                   float,
                   double) {
  const TestType huge = TestType(1e30);
  nn::Matrix<TestType> logits =
      nn_test::samples<TestType>({{huge, -huge, 0}, {1000, 1000, -1000}});
  nn::Matrix<TestType> dlogits(3, 2);
  const nn::SoftmaxCrossEntropy<TestType> loss;

  const nn::Labels right = labels_of({0, 1});
  nn::LossResult result = loss.evaluate(
      nn::view(std::as_const(logits)), nn::view(right), nn::view(dlogits));
  REQUIRE(result.loss == Approx(std::log(2.0) / 2.0).epsilon(1e-12));
  REQUIRE(dlogits.allFinite());

  const nn::Labels wrong = labels_of({1, 2});
  result = loss.evaluate(
      nn::view(std::as_const(logits)), nn::view(wrong), nn::view(dlogits));
  REQUIRE(
      result.loss ==
      Approx((2.0 * static_cast<double>(huge) + 2000.0 + std::log(2.0)) / 2.0));
  REQUIRE(dlogits.allFinite());
  REQUIRE(dlogits(0, 0) == TestType(0.5));
  REQUIRE(dlogits(1, 0) == TestType(-0.5));
}

TEST_CASE("a float loss keeps what is tiny beside 1", "[losses]") {
  // exp(-20) is lost beside 1 in float, and is the whole loss here.
  nn::Matrix<float> logits = nn_test::samples<float>({{20, 0}});
  const nn::Labels labels = labels_of({0});
  const nn::SoftmaxCrossEntropy<float> loss;
  REQUIRE(
      loss.evaluate(nn::view(std::as_const(logits)), nn::view(labels)).loss ==
      Approx(std::exp(-20.0)).epsilon(1e-6));
}

TEST_CASE("the gradient of each sample adds up to zero", "[losses]") {
  nn::Rng rng(5);
  const nn::Matrix<double> logits = nn_test::normal_matrix<double>(10, 6, rng);
  const nn::Labels labels = labels_of({0, 1, 2, 3, 4, 5});
  nn::Matrix<double> dlogits(10, 6);
  nn::SoftmaxCrossEntropy<double>().evaluate(
      nn::view(logits), nn::view(labels), nn::view(dlogits));
  REQUIRE(dlogits.colwise().sum().cwiseAbs().maxCoeff() < 1e-15);
}

TEST_CASE("of equal largest logits the first is the prediction", "[losses]") {
  nn::Matrix<float> logits = nn_test::samples<float>({{1, 2, 2}, {1, 2, 2}});
  const nn::Labels labels = labels_of({1, 2});
  const nn::SoftmaxCrossEntropy<float> loss;
  REQUIRE(loss.evaluate(nn::view(std::as_const(logits)), nn::view(labels))
              .correct == 1);
}

TEMPLATE_TEST_CASE("a logit that is not a number makes the loss one",
                   "[losses]",
                   float,
                   double) {
  constexpr TestType kNan = std::numeric_limits<TestType>::quiet_NaN();
  constexpr TestType kInfinity = std::numeric_limits<TestType>::infinity();
  const nn::Labels labels = labels_of({1, 1});
  const nn::SoftmaxCrossEntropy<TestType> loss;
  for (Index place = 0; place < 3; ++place) {
    for (const TestType bad : {kNan, kInfinity}) {
      nn::Matrix<TestType> logits =
          nn_test::samples<TestType>({{1, 2, 3}, {3, 2, 1}});
      logits(place, 1) = bad;
      REQUIRE(!std::isfinite(
          loss.evaluate(nn::view(std::as_const(logits)), nn::view(labels))
              .loss));
    }
  }
}

TEST_CASE("the loss allocates nothing", "[losses][allocations]") {
  nn::Rng rng(6);
  const nn::Matrix<float> logits = nn_test::normal_matrix<float>(10, 64, rng);
  const nn::Labels labels = nn::Labels::Constant(64, 3);
  nn::Matrix<float> dlogits(10, 64);
  const nn::SoftmaxCrossEntropy<float> loss;
  const std::size_t before = nn_test::allocation_count();
  loss.evaluate(nn::view(logits), nn::view(labels), nn::view(dlogits));
  const std::size_t after = nn_test::allocation_count();
  REQUIRE(after == before);
}

TEST_CASE("a label that is no class is refused before anything is written",
          "[losses][errors]") {
  nn::Matrix<float> logits = nn::Matrix<float>::Ones(10, 5);
  const nn::SoftmaxCrossEntropy<float> loss;
  const auto evaluate = [&](const nn::Labels& labels) {
    loss.evaluate(
        nn::view(std::as_const(logits)), nn::view(labels), nn::view(logits));
  };
  using Error = std::invalid_argument;
  REQUIRE(message_of<Error>([&] {
            evaluate(labels_of({0, 1, 2, 10, 4}));
          }) ==
          "[SoftmaxCrossEntropy] label 10 of sample 3 is not below the 10 "
          "classes");
  REQUIRE(message_of<Error>([&] {
            evaluate(labels_of({0, -1, 2, 3, 4}));
          }) == "[SoftmaxCrossEntropy] label -1 of sample 1 is negative");
  REQUIRE(logits == nn::Matrix<float>::Ones(10, 5));
}

TEST_CASE("sizes that disagree are refused by the loss", "[losses][errors]") {
  const nn::Matrix<float> logits = nn::Matrix<float>::Zero(3, 2);
  const nn::Matrix<float> none(3, 0);
  nn::Matrix<float> narrow(3, 1);
  nn::Matrix<float> flat(2, 2);
  const nn::Labels labels = labels_of({0, 1});
  const nn::Labels three = labels_of({0, 1, 2});
  const nn::Labels no_labels(0);
  const nn::SoftmaxCrossEntropy<float> loss;
  using Error = std::invalid_argument;
  REQUIRE_THROWS_AS(loss.evaluate(nn::view(logits), nn::view(three)), Error);
  REQUIRE_THROWS_AS(loss.evaluate(nn::view(none), nn::view(no_labels)), Error);
  REQUIRE_THROWS_AS(
      loss.evaluate(nn::view(logits), nn::view(labels), nn::view(narrow)),
      Error);
  REQUIRE_THROWS_AS(
      loss.evaluate(nn::view(logits), nn::view(labels), nn::view(flat)), Error);
}
