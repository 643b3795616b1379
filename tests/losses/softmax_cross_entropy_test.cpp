#include "nn/losses/softmax_cross_entropy.h"

#include <cmath>
#include <initializer_list>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "nn/network/gradient_check.h"
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

TEMPLATE_TEST_CASE("class weights and label smoothing have their hand count",
                   "[losses]",
                   float,
                   double) {
  // Probabilities 1/8, 2/8, 5/8 and 3/8, 1/8, 4/8; labels 2 and 0.
  const nn::Matrix<TestType> logits = nn_test::samples<TestType>(
      {{0, TestType(std::log(2.0)), TestType(std::log(5.0))},
       {TestType(std::log(3.0)), 0, TestType(std::log(4.0))}});
  const nn::Labels labels = labels_of({2, 0});
  const double tolerance = std::is_same_v<TestType, float> ? 1e-6 : 1e-14;
  nn::Matrix<TestType> dlogits(3, 2);
  const auto check = [&](const nn::SoftmaxCrossEntropyOptions& options,
                         double expected,
                         const nn::Matrix<double>& gradient) {
    const nn::SoftmaxCrossEntropy<TestType> loss(options);
    const nn::LossResult result = loss.evaluate(logits, labels, dlogits);
    CHECK(std::abs(result.loss - expected) < tolerance);
    CHECK(result.correct == 1);
    CHECK(nn_test::relative_difference(dlogits, gradient) < tolerance);
    CHECK(loss.evaluate(logits, labels).loss == result.loss);
  };
  const auto l = [](double numerator) { return std::log(8.0 / numerator); };

  // The weights of the labels are 3 and 1, so W = 4.
  check({{1, 2, 3}, 0.0},
        (3 * l(5) + l(3)) / 4,
        nn_test::samples<double>(
            {{3. / 32, 6. / 32, -9. / 32}, {-5. / 32, 1. / 32, 4. / 32}}));
  // Half of each label goes to all three classes: 1/6, 1/6, 4/6.
  check({{}, 0.5},
        (4 * l(5) + l(1) + l(2) + 4 * l(3) + l(1) + l(4)) / 12,
        nn_test::samples<double>({{(1. / 8 - 1. / 6) / 2,
                                   (2. / 8 - 1. / 6) / 2,
                                   (5. / 8 - 4. / 6) / 2},
                                  {(3. / 8 - 4. / 6) / 2,
                                   (1. / 8 - 1. / 6) / 2,
                                   (4. / 8 - 1. / 6) / 2}}));
  // Both: what is spread is weighted by 1/6, 2/6, 3/6, one in all; the labels
  // by 3/2 and 1/2.
  check({{1, 2, 3}, 0.5},
        (1.5 * l(5) + l(1) / 6 + l(2) / 3 + l(5) / 2 + 0.5 * l(3) + l(3) / 6 +
         l(1) / 3 + l(4) / 2) /
            4,
        nn_test::samples<double>({{(2.5 / 8 - 1. / 6) / 4,
                                   (5. / 8 - 2. / 6) / 4,
                                   (12.5 / 8 - 3. / 6 - 1.5) / 4},
                                  {(4.5 / 8 - 1. / 6 - 0.5) / 4,
                                   (1.5 / 8 - 2. / 6) / 4,
                                   (6. / 8 - 3. / 6) / 4}}));
}

TEST_CASE("the gradient with weights and smoothing agrees with differences",
          "[losses][gradient]") {
  nn::Rng rng(12);
  for (const Index batch : {1, 2, 7}) {
    for (const double smoothing : {0.0, 0.1, 1.0}) {
      for (const bool is_weighted : {false, true}) {
        nn::SoftmaxCrossEntropyOptions options;
        options.label_smoothing = smoothing;
        if (is_weighted) options.class_weights = {0.5, 2.0, 0.0, 1.0, 3.0};
        const nn::SoftmaxCrossEntropy<double> loss(options);
        const nn::Matrix<double> logits =
            2.0 * nn_test::normal_matrix<double>(5, batch, rng);
        nn::Labels labels(batch);
        for (Index n = 0; n < batch; ++n) {
          labels[n] = static_cast<int>((n * 3 + 1) % 5);
        }
        CAPTURE(batch, smoothing, is_weighted);
        nn::GradientReport report = nn::check_gradients(loss, logits, labels);
        INFO(report.to_string());
        REQUIRE(report.passed);
        nn::Matrix<double> weights(batch, 1);
        for (double& weight : weights.reshaped()) {
          weight = rng.uniform(0.1, 3.0);
        }
        report = nn::check_gradients(
            [&](nn::ConstView<double> z, nn::View<double> dz) {
              return loss.evaluate(z, labels, dz, weights).loss;
            },
            logits);
        INFO(report.to_string());
        REQUIRE(report.passed);
      }
    }
  }
}

TEMPLATE_TEST_CASE("a weighted sample counts as so many in the cross-entropy",
                   "[losses]",
                   float,
                   double) {
  nn::Rng rng(14);
  const double rounding = sizeof(TestType) == 4 ? 1e-6 : 1e-14;
  for (const bool all_options : {false, true}) {
    nn::SoftmaxCrossEntropyOptions options;
    if (all_options) {
      options.class_weights = {0.5, 2, 1};
      options.label_smoothing = 0.2;
    }
    const nn::SoftmaxCrossEntropy<TestType> loss(options);
    // The second sample is of no account, the third is there three times.
    nn::Matrix<TestType> logits = nn_test::normal_matrix<TestType>(3, 3, rng);
    const nn::Labels labels = labels_of({0, 1, 2});
    nn::Matrix<TestType> repeated(3, 4);
    repeated << logits.col(0), logits.col(2), logits.col(2), logits.col(2);
    logits.col(1).setConstant(std::numeric_limits<TestType>::quiet_NaN());
    nn::Matrix<TestType> drepeated(3, 4), dlogits(3, 3);
    const nn::LossResult expected =
        loss.evaluate(repeated, labels_of({0, 2, 2, 2}), drepeated);
    const auto weights = nn_test::samples<TestType>({{0.5, 0, 1.5}});
    const nn::LossResult got = loss.evaluate(logits, labels, dlogits, weights);
    CHECK(std::abs(got.loss - expected.loss) <= rounding * expected.loss);
    CHECK(got.weight == Catch::Approx(expected.weight / 2));
    CHECK(got.sum == Catch::Approx(expected.sum / 2));
    nn::Matrix<TestType> dexpected = nn::Matrix<TestType>::Zero(3, 3);
    dexpected.col(0) = drepeated.col(0);
    dexpected.col(2) = 3 * drepeated.col(1);
    CHECK(nn_test::relative_difference(dlogits, dexpected) <= rounding);
    CHECK(
        loss.evaluate(logits, labels, nn::no_view<TestType>(), weights).loss ==
        got.loss);

    const nn::Matrix<TestType> none = nn::Matrix<TestType>::Zero(3, 1);
    const nn::LossResult nothing = loss.evaluate(logits, labels, dlogits, none);
    CHECK(nothing.loss == 0);
    CHECK(nothing.weight == 0);
    CHECK((dlogits.array() == 0).all());
  }
}

TEST_CASE("right answers are counted without weights", "[losses]") {
  const auto logits = nn_test::samples<float>({{2, 1}, {1, 2}, {2, 1}});
  const auto weights = nn_test::samples<float>({{0, 3, 1}});
  const nn::SoftmaxCrossEntropy<float> loss;
  CHECK(
      loss.evaluate(logits, labels_of({0, 1, 1}), nn::no_view<float>(), weights)
          .correct == 2);
}

TEST_CASE("the cross-entropy refuses weights that are none",
          "[losses][errors]") {
  using Error = std::invalid_argument;
  const nn::SoftmaxCrossEntropy<float> loss;
  const nn::Matrix<float> logits = nn::Matrix<float>::Zero(2, 2);
  const nn::Labels labels = labels_of({0, 1});
  const auto message = [&](const nn::Matrix<float>& weights) {
    return nn_test::message_of<Error>(
        [&] { loss.evaluate(logits, labels, nn::no_view<float>(), weights); });
  };
  CHECK(message(nn_test::samples<float>({{1, -2}})) ==
        "[SoftmaxCrossEntropy] expected finite weights of at least 0, got -2 "
        "for sample 1");
  CHECK(message(nn_test::samples<float>({{1, 2, 3}})) ==
        "[SoftmaxCrossEntropy] expected a weight for each of 2 samples, got 3");
}

TEMPLATE_TEST_CASE("weights of 1 and no smoothing change no bit of the loss",
                   "[losses]",
                   float,
                   double) {
  nn::Rng rng(11);
  const nn::Matrix<TestType> logits =
      nn_test::normal_matrix<TestType>(4, 9, rng);
  const nn::Labels labels = labels_of({0, 1, 2, 3, 0, 1, 2, 3, 0});
  nn::Matrix<TestType> plain(4, 9), weighted(4, 9);
  const nn::SoftmaxCrossEntropy<TestType> loss({{1, 1, 1, 1}, 0.0});
  REQUIRE(
      loss.evaluate(logits, labels, weighted).loss ==
      nn::SoftmaxCrossEntropy<TestType>().evaluate(logits, labels, plain).loss);
  REQUIRE(nn_test::same_bits(plain, weighted));
}

TEST_CASE("samples of weight 0 count for nothing", "[losses]") {
  const nn::Matrix<double> logits =
      nn_test::samples<double>({{1, 2, 3}, {3, 1, 1}});
  const nn::SoftmaxCrossEntropy<double> loss({{1, 0, 0}, 0.0});
  nn::Matrix<double> dlogits(3, 2);
  const double lone = nn::SoftmaxCrossEntropy<double>()
                          .evaluate(logits.leftCols(1), labels_of({0}))
                          .loss;
  REQUIRE(loss.evaluate(logits, labels_of({0, 1}), dlogits).loss ==
          Approx(lone).epsilon(1e-14));
  REQUIRE(dlogits.col(1).isZero(0));
  // Nobody counts.
  dlogits.setOnes();
  const nn::LossResult result =
      loss.evaluate(logits, labels_of({2, 1}), dlogits);
  REQUIRE(result.loss == 0.0);
  REQUIRE(result.correct == 1);
  REQUIRE(dlogits.isZero(0));
}

TEST_CASE("weights and smoothing outside their range are refused",
          "[losses][errors]") {
  using Error = std::invalid_argument;
  using Loss = nn::SoftmaxCrossEntropy<float>;
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const double bad : {-0.1, kNan, kInfinity}) {
    REQUIRE_THROWS_AS(Loss({{1.0, bad}, 0.0}), Error);
    REQUIRE_THROWS_AS(Loss({{}, bad}), Error);
  }
  REQUIRE_THROWS_AS(Loss({{}, 1.1}), Error);
  REQUIRE_NOTHROW(Loss({{}, 1.0}));
  nn::Matrix<float> logits = nn::Matrix<float>::Ones(3, 1);
  REQUIRE(message_of<Error>([&] {
            Loss({{1.0, 2.0}, 0.0}).evaluate(logits, labels_of({0}), logits);
          }) ==
          "[SoftmaxCrossEntropy] expected 2 classes as there are class "
          "weights, got 3");
  REQUIRE(logits == nn::Matrix<float>::Ones(3, 1));
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

TEMPLATE_TEST_CASE("logits without a largest are no right answer",
                   "[losses][edges]",
                   float,
                   double) {
  constexpr TestType kNan = std::numeric_limits<TestType>::quiet_NaN();
  const nn::SoftmaxCrossEntropy<TestType> loss;
  for (Index label = 0; label < 4; ++label) {
    const nn::Labels labels = labels_of({static_cast<int>(label)});
    const nn::Matrix<TestType> all = nn::Matrix<TestType>::Constant(4, 1, kNan);
    REQUIRE(loss.evaluate(all, labels).correct == 0);
    REQUIRE(std::isnan(loss.evaluate(all, labels).loss));
    for (Index place = 0; place < 4; ++place) {
      nn::Matrix<TestType> one = nn::Matrix<TestType>::Zero(4, 1);
      one(label, 0) = 5;
      one(place, 0) = kNan;
      nn::Matrix<TestType> gradient(4, 1);
      const nn::LossResult result = loss.evaluate(one, labels, gradient);
      REQUIRE(result.correct == 0);
      REQUIRE(std::isnan(result.loss));
      REQUIRE(gradient.array().isNaN().all());
    }
  }
}

TEMPLATE_TEST_CASE("huge logits and those of minus infinity have finite losses",
                   "[losses][edges]",
                   float,
                   double) {
  // Of double, differences of the largest numbers are not finite.
  const TestType huge = std::numeric_limits<TestType>::max() / 2;
  const TestType infinity = std::numeric_limits<TestType>::infinity();
  const TestType tiny = std::numeric_limits<TestType>::denorm_min();
  const nn::Labels first = labels_of({0});
  const auto evaluate = [&](const nn::Matrix<TestType>& logits,
                            nn::SoftmaxCrossEntropyOptions options,
                            nn::Matrix<TestType>& gradient) {
    gradient.resize(logits.rows(), 1);
    return nn::SoftmaxCrossEntropy<TestType>(std::move(options))
        .evaluate(logits, first, gradient);
  };
  nn::Matrix<TestType> gradient;
  const auto right = nn_test::samples<TestType>({{huge, -huge, 0}});
  nn::LossResult result = evaluate(right, {}, gradient);
  CHECK(result.loss == 0.0);
  CHECK(result.correct == 1);
  CHECK(gradient.isZero(0));
  const auto wrong = nn_test::samples<TestType>({{-huge, huge, 0}});
  result = evaluate(wrong, {}, gradient);
  CHECK(result.loss == 2.0 * static_cast<double>(huge));
  CHECK(result.correct == 0);
  CHECK(gradient == nn_test::samples<TestType>({{-1, 1, 0}}));
  result = evaluate(wrong, {{}, 0.5}, gradient);
  CHECK(std::isfinite(result.loss));
  CHECK(gradient.allFinite());
  const auto impossible = nn_test::samples<TestType>({{1, -infinity, 1}});
  result = evaluate(impossible, {}, gradient);
  CHECK(result.loss == Approx(std::log(2.0)));
  CHECK(gradient.allFinite());
  CHECK(gradient(1, 0) == 0);
  // A class without weight has no part in the smoothed label.
  result = evaluate(impossible, {{1.0, 0.0, 1.0}, 0.3}, gradient);
  CHECK(result.loss == Approx((0.7 + 0.2) * std::log(2.0)));
  CHECK(gradient.allFinite());
  // A label without weight, whatever its logit.
  const auto no_label = nn_test::samples<TestType>({{-infinity, 2, 2}});
  result = evaluate(no_label, {{0.0, 1.0, 1.0}, 0.0}, gradient);
  CHECK(result.loss == 0.0);
  CHECK(gradient.isZero(0));
  // What cannot be is infinitely surprising, and still has a gradient.
  result = evaluate(no_label, {}, gradient);
  CHECK(result.loss == std::numeric_limits<double>::infinity());
  CHECK(gradient.allFinite());
  const auto small = nn_test::samples<TestType>({{tiny, -tiny, 0}});
  result = evaluate(small, {}, gradient);
  CHECK(result.loss == Approx(std::log(3.0)));
  CHECK(result.correct == 1);
  // One class is always right.
  result = evaluate(nn_test::samples<TestType>({{-huge}}), {}, gradient);
  CHECK(result.loss == 0.0);
  CHECK(result.correct == 1);
  CHECK(gradient.isZero(0));
}

TEST_CASE("losses of batches add up to that of all samples",
          "[losses][edges]") {
  nn::Rng rng(5);
  const nn::Matrix<double> logits = nn_test::normal_matrix<double>(3, 6, rng);
  const nn::Labels labels = labels_of({0, 0, 1, 2, 1, 0});
  const nn::SoftmaxCrossEntropy<double> loss({{0.0, 3.0, 0.5}, 0.2});
  const nn::LossResult whole = loss.evaluate(logits, labels);
  double sum = 0.0;
  double weight = 0.0;
  // The first batch has no weight at all.
  for (const Index first : {0, 2, 4}) {
    const nn::LossResult part =
        loss.evaluate(logits.middleCols(first, 2), labels.segment(first, 2));
    sum += part.sum;
    weight += part.weight;
  }
  CHECK(weight == 7.0 - 0.5);
  CHECK(whole.weight == weight);
  CHECK(whole.loss == Approx(sum / weight).epsilon(1e-14));
}
