#include "nn/training/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "nn/layers/linear.h"
#include "nn/layers/softmax.h"
#include "nn/random.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/matrices.h"

using Catch::Approx;
using nn::ConstLabels;
using nn::ConstView;
using nn::Index;
using nn::Labels;
using nn::Matrix;
using nn_test::message_of;

namespace {

// Outputs of few values, so that many are equal.
template <typename Scalar>
Matrix<Scalar> rough_matrix(Index rows, Index cols, nn::Rng& rng) {
  Matrix<Scalar> m(rows, cols);
  for (Index i = 0; i < m.size(); ++i) {
    m.data()[i] = Scalar(rng.index(7)) - Scalar(3);
  }
  return m;
}

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEMPLATE_TEST_CASE("metrics of numbers are those of their formulas",
                   "[training][metrics]",
                   float,
                   double) {
  for (const std::uint64_t seed : {1u, 2u, 3u, 4u, 5u}) {
    CAPTURE(seed);
    nn::Rng rng(seed);
    const Index rows = 1 + rng.index(4);
    const Index cols = 2 + rng.index(60);
    const auto y = nn_test::normal_matrix<TestType>(rows, cols, rng);
    const auto t = nn_test::normal_matrix<TestType>(rows, cols, rng);
    const Matrix<double> yd = y.template cast<double>();
    const Matrix<double> td = t.template cast<double>();
    using View = ConstView<TestType>;
    CHECK(nn::mean_absolute_error(View(y), View(t)) ==
          Approx((yd - td).cwiseAbs().mean()).epsilon(1e-12));
    double r2 = 0.0;
    for (Index i = 0; i < rows; ++i) {
      const double mean = td.row(i).mean();
      r2 += 1.0 - (yd.row(i) - td.row(i)).squaredNorm() /
                      (td.row(i).array() - mean).square().sum();
    }
    CHECK(nn::r_squared(View(y), View(t)) ==
          Approx(r2 / double(rows)).epsilon(1e-11));
    CHECK(nn::r_squared(View(t), View(t)) == 1.0);
  }
}

TEST_CASE("R2 of what is constant is 1 or 0", "[training][metrics]") {
  // The mean of three times 0.1 is not 0.1.
  Matrix<double> t = Matrix<double>::Constant(1, 3, 0.1);
  Matrix<double> y = t;
  CHECK(nn::r_squared<double>(y, t) == 1.0);
  y(0, 1) = 0.2;
  CHECK(nn::r_squared<double>(y, t) == 0.0);
  y(0, 1) = kNan;
  CHECK(std::isnan(nn::r_squared<double>(y, t)));
}

TEST_CASE("metrics of classes are those of their definitions",
          "[training][metrics]") {
  for (const std::uint64_t seed : {1u, 2u, 3u, 4u, 5u}) {
    CAPTURE(seed);
    nn::Rng rng(seed);
    const Index classes = 2 + rng.index(5);
    const Index samples = 1 + rng.index(80);
    const auto z = rough_matrix<double>(classes, samples, rng);
    Labels labels(samples);
    for (Index n = 0; n < samples; ++n) {
      labels(n) = static_cast<int>(rng.index(classes));
    }
    // The classes of each sample, the likeliest first.
    std::vector<std::vector<Index>> ranks;
    for (Index n = 0; n < samples; ++n) {
      std::vector<Index> order(static_cast<std::size_t>(classes));
      for (Index j = 0; j < classes; ++j) {
        order[static_cast<std::size_t>(j)] = j;
      }
      std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) {
        return z(a, n) > z(b, n);
      });
      ranks.push_back(order);
    }
    for (Index k = 1; k <= classes; ++k) {
      Index right = 0;
      for (Index n = 0; n < samples; ++n) {
        const auto& order = ranks[static_cast<std::size_t>(n)];
        right += std::count(order.begin(), order.begin() + k, labels(n));
      }
      CHECK(nn::top_k_accuracy<double>(z, labels, k) ==
            Approx(double(right) / double(samples)));
    }
    const auto scores = nn::class_scores<double>(z, labels);
    REQUIRE(static_cast<Index>(scores.size()) == classes);
    for (Index c = 0; c < classes; ++c) {
      double said = 0.0;
      double truly = 0.0;
      double both = 0.0;
      for (Index n = 0; n < samples; ++n) {
        const bool is_said = ranks[static_cast<std::size_t>(n)][0] == c;
        said += is_said;
        truly += labels(n) == c;
        both += is_said && labels(n) == c;
      }
      const double precision = said > 0 ? both / said : 0.0;
      const double recall = truly > 0 ? both / truly : 0.0;
      const auto& score = scores[static_cast<std::size_t>(c)];
      CHECK(score.precision == Approx(precision));
      CHECK(score.recall == Approx(recall));
      CHECK(score.f1 ==
            Approx(both > 0 ? 2 * precision * recall / (precision + recall)
                            : 0.0));
      CHECK(double(score.support) == truly);
    }
  }
}

TEST_CASE("the area under the curve is that of all pairs",
          "[training][metrics]") {
  for (const std::uint64_t seed : {1u, 2u, 3u, 4u, 5u}) {
    CAPTURE(seed);
    nn::Rng rng(seed);
    const Index samples = 10 + rng.index(60);
    const auto scores = rough_matrix<double>(1, samples, rng);
    Matrix<double> target(1, samples);
    for (Index n = 0; n < samples; ++n) target(0, n) = double(n % 3 == 0);
    double above = 0.0;
    double pairs = 0.0;
    for (Index p = 0; p < samples; ++p) {
      for (Index n = 0; n < samples; ++n) {
        if (target(0, p) < 0.5 || target(0, n) > 0.5) continue;
        pairs += 1.0;
        above += scores(0, p) > scores(0, n)    ? 1.0
                 : scores(0, p) == scores(0, n) ? 0.5
                                                : 0.0;
      }
    }
    CHECK(nn::area_under_roc<double>(scores, target) ==
          Approx(above / pairs).epsilon(1e-13));
    CHECK(nn::area_under_roc<double>(target, target) == 1.0);
    const Matrix<double> none = Matrix<double>::Zero(1, samples);
    CHECK(std::isnan(nn::area_under_roc<double>(scores, none)));
  }
}

TEST_CASE("a NaN among outputs shows in their metrics", "[training][metrics]") {
  Matrix<double> z = Matrix<double>::Identity(2, 2);
  Labels labels(2);
  labels << 0, 1;
  z(1, 0) = kNan;
  CHECK(nn::top_k_accuracy<double>(z, labels, 2) == 0.5);
  CHECK(nn::class_scores<double>(z, labels)[0].recall == 0.0);
  CHECK(nn::class_scores<double>(z, labels)[1].f1 == 1.0);
  const Matrix<double> target = Matrix<double>::Identity(2, 2);
  CHECK(std::isnan(nn::mean_absolute_error<double>(z, target)));
  CHECK(std::isnan(nn::area_under_roc<double>(z, target)));
}

TEST_CASE("metrics refuse what does not fit", "[training][metrics][errors]") {
  const auto message = [](const auto& function) {
    return message_of<std::invalid_argument>(function);
  };
  const Matrix<double> y = Matrix<double>::Zero(2, 3);
  const Matrix<double> t = Matrix<double>::Zero(2, 2);
  Labels labels = Labels::Zero(3);
  CHECK(message([&] { nn::r_squared<double>(y, t); }) ==
        "[r_squared] expected outputs and a target of one size, with at least "
        "1 element, got 2 x 3 and 2 x 2");
  CHECK(message([&] { nn::top_k_accuracy<double>(y, labels, 3); }) ==
        "[top_k_accuracy] expected k from 1 to 2, got 3");
  labels(1) = 2;
  CHECK(message([&] { nn::class_scores<double>(y, labels); }) ==
        "[class_scores] expected labels from 0 to 1, got 2 for sample 1");
  const Labels few = Labels::Zero(2);
  CHECK(message([&] { nn::class_scores<double>(y, few); }) ==
        "[class_scores] expected logits of at least 1 sample and a label for "
        "each, got 2 x 3 and 2");
}

TEST_CASE("a report has the confusion matrix and the numbers of classes",
          "[training][metrics]") {
  // Said: 0 1 1 2 0, and nothing of the last one.
  const auto z = nn_test::samples<double>(
      {{9, 1, 2}, {0, 3, 1}, {0, 3, 3}, {1, 2, 4}, {5, 5, 5}, {1, kNan, 2}});
  Labels labels(6);
  labels << 0, 1, 2, 2, 1, 1;
  const auto report = nn::classification_report<double>(z, ConstLabels(labels));
  Matrix<Index> expected(3, 3);
  expected << 1, 0, 0,  //
      1, 1, 0,          //
      0, 1, 1;
  CHECK(report.confusion == expected);
  CHECK(report.correct == 3);
  CHECK(report.accuracy == 0.5);
  REQUIRE(report.scores.size() == 3);
  CHECK(report.scores[1].support == 3);
  CHECK(report.scores[1].recall == Approx(1.0 / 3));
  CHECK(report.scores[1].precision == 0.5);
  CHECK(report.scores[2].f1 == Approx(2.0 / 3));
}

TEST_CASE("a network's report is that of its outputs", "[training][metrics]") {
  // More samples than are seen at a time, and more classes than figures show.
  nn::Rng rng(8);
  const Index count = 700;
  const Index classes = 47;
  const auto x = nn_test::normal_matrix<float>(6, count, rng);
  Labels labels(count);
  for (Index n = 0; n < count; ++n) {
    labels(n) = static_cast<int>(rng.index(classes));
  }
  nn::Sequential<float> net(nn::Shape{6}, /*seed=*/2);
  net.add<nn::Linear>(classes).add<nn::Softmax>();
  const nn::Samples<float> samples(x, labels);
  const auto report = nn::classification_report<float>(net, samples);
  const auto expected =
      nn::classification_report<float>(net.predict(x), ConstLabels(labels));
  CHECK(report.confusion == expected.confusion);
  CHECK(report.confusion.sum() == count);
  CHECK(report.correct ==
        (net.predict_classes(x).array() == labels.array()).count());
  CHECK(report.scores[46].f1 == expected.scores[46].f1);
  CHECK(nn::classification_report<float>(net, samples.subset({5, 5}))
            .confusion.sum() == 2);

  // Images as they are gathered.
  nn::ImageSet set;
  set.shape = nn::Shape{1, 2, 3};
  for (int i = 0; i < 12; ++i) {
    set.images.push_back(static_cast<std::uint8_t>(20 * i));
  }
  set.labels = {3, 5};
  nn::Sequential<float> of_images(set.shape, /*seed=*/2);
  of_images.add<nn::Linear>(classes);
  const nn::Normalization normalization{0.3, 0.2};
  const auto on_images = nn::classification_report<float>(
      of_images, nn::Samples<float>(set, normalization));
  CHECK(on_images.confusion.row(3).sum() == 1);
  CHECK(on_images.scores[5].support == 1);

  const auto message = [](const auto& function) {
    return message_of<std::invalid_argument>(function);
  };
  labels(30) = 47;
  CHECK(message([&] { nn::classification_report<float>(net, samples); }) ==
        "[classification_report] expected labels from 0 to 46, got 47 for "
        "sample 30");
  CHECK(message([&] {
          nn::classification_report<float>(net, nn::Samples<float>(x, x));
        }) ==
        "[classification_report] expected samples of 6 features with labels, "
        "got 6 with a matrix of targets");
}
