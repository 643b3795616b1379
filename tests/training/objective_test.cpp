#include "nn/training/objective.h"

#include <cmath>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "nn/losses/mean_squared_error.h"
#include "nn/losses/smooth_l1.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/matrices.h"

using Catch::Approx;
using nn::ConstLabels;
using nn::ConstView;
using nn::Index;
using nn::Labels;
using nn::LossResult;
using nn::Matrix;
using nn::Objective;
using nn::Targets;
using nn_test::message_of;

namespace {

using View = ConstView<double>;

bool has_right_gradient(const Objective<double>& objective,
                        const Matrix<double>& y,
                        const Targets<double>& targets) {
  return nn::check_gradients(objective, y, targets).passed;
}

// Squared errors of samples that weigh as much as their first target says.
class Weighted final : public Objective<double> {
 public:
  const char* name() const override { return "Weighted"; }

 private:
  LossResult do_evaluate(ConstView<double> y,
                         const Targets<double>& targets,
                         nn::View<double> dy) const override {
    LossResult result;
    for (Index n = 0; n < y.cols(); ++n) {
      const double weight = targets.matrix()(0, n);
      result.weight += weight;
      result.sum += weight * y(0, n) * y(0, n);
    }
    for (Index n = 0; n < dy.cols(); ++n) {
      dy(0, n) = 2.0 * targets.matrix()(0, n) * y(0, n) / result.weight;
    }
    return result;
  }
};

}  // namespace

TEST_CASE("an objective of a loss has its mean over samples", "[training]") {
  const auto objective =
      nn::make_objective<double>(nn::MeanSquaredError<double>());
  CHECK(std::string(objective->name()) == "MeanSquaredError");
  CHECK_FALSE(objective->counts_correct());
  Matrix<double> y(2, 3);
  y << 1, 2, 3,  //
      0, 0, 4;
  Matrix<double> target(2, 3);
  target << 1, 0, 3,  //
      2, 0, 0;
  // Squares 0, 4, 0 and 4, 0, 16: 24 over 6 elements.
  const LossResult result = objective->evaluate(View(y), View(target));
  CHECK(result.loss == Approx(4.0));
  CHECK(result.weight == 3.0);
  CHECK(result.sum == Approx(12.0));
  CHECK(result.correct == 0);
  // Parts of other sizes have the same mean together.
  const LossResult first =
      objective->evaluate(View(y.leftCols(1)), View(target.leftCols(1)));
  const LossResult last =
      objective->evaluate(View(y.rightCols(2)), View(target.rightCols(2)));
  CHECK(first.loss == Approx(2.0));
  CHECK(last.loss == Approx(5.0));
  CHECK((first.sum + last.sum) / (first.weight + last.weight) == Approx(4.0));

  nn::Rng rng(1);
  const auto random = nn_test::matrix_away_from_zero<double>(2, 3, rng);
  CHECK(has_right_gradient(*objective, random, View(target)));
  CHECK(
      has_right_gradient(*nn::make_objective<double>(nn::SmoothL1<double>(0.5)),
                         random,
                         View(target)));
}

TEST_CASE("several labels at once are binary cross-entropies of logits",
          "[training]") {
  Matrix<double> z(2, 3);
  z << 1.5, -0.3, 2.0,  //
      -1.0, 0.2, -0.7;
  Matrix<double> target(2, 3);
  target << 1, 0, 1,  //
      0, 0, 0;
  const std::vector<double> weights{1.0, 3.0};
  const nn::MultiLabelObjective<double> objective(weights);
  double sum = 0.0;
  for (Index n = 0; n < 3; ++n) {
    for (Index i = 0; i < 2; ++i) {
      const double s = 1.0 / (1.0 + std::exp(-z(i, n)));
      sum -= target(i, n) > 0
                 ? weights[static_cast<std::size_t>(i)] * std::log(s)
                 : std::log(1.0 - s);
    }
  }
  const LossResult result = objective.evaluate(View(z), View(target));
  CHECK(result.loss == Approx(sum / 6.0).epsilon(1e-13));
  // The second one answers 0.2, yes, where no is right.
  CHECK(result.correct == 2);
  CHECK(objective.counts_correct());
  CHECK(has_right_gradient(objective, z, View(target)));

  // The gradient may stand in the logits' own memory.
  Matrix<double> dz(2, 3);
  objective.evaluate(View(z), View(target), nn::view(dz));
  Matrix<double> in_place = z;
  CHECK(objective.evaluate(View(in_place), View(target), nn::view(in_place))
            .correct == 2);
  CHECK(nn_test::same_bits(in_place, dz));

  // A NaN is no answer.
  z(1, 0) = std::numeric_limits<double>::quiet_NaN();
  CHECK(objective.evaluate(View(z), View(target)).correct == 1);
}

TEST_CASE("classes are told apart by the softmax cross-entropy", "[training]") {
  nn::Rng rng(2);
  const auto z = nn_test::normal_matrix<double>(3, 5, rng);
  Labels labels(5);
  labels << 0, 2, 1, 2, 2;
  nn::SoftmaxCrossEntropyOptions options;
  options.class_weights = {1.0, 2.0, 0.5};
  options.label_smoothing = 0.1;
  const nn::CrossEntropyObjective<double> objective(options);
  const nn::SoftmaxCrossEntropy<double> loss(options);
  Matrix<double> dz(3, 5);
  Matrix<double> expected_dz(3, 5);
  const auto result =
      objective.evaluate(View(z), ConstLabels(labels), nn::view(dz));
  const auto expected =
      loss.evaluate(View(z), ConstLabels(labels), nn::view(expected_dz));
  CHECK(result.loss == expected.loss);
  CHECK(result.sum == expected.sum);
  CHECK(result.weight == 1.0 + 0.5 + 2.0 + 0.5 + 0.5);
  CHECK(result.correct == expected.correct);
  CHECK(nn_test::same_bits(dz, expected_dz));
  CHECK(has_right_gradient(objective, z, ConstLabels(labels)));
}

TEST_CASE("an objective of one's own says sum and weight", "[training]") {
  const auto objective = nn::make_objective<double>(Weighted());
  Matrix<double> y(1, 2);
  y << 2, 3;
  Matrix<double> weights(1, 2);
  weights << 1, 3;
  CHECK(objective->evaluate(View(y), View(weights)).loss ==
        Approx((4.0 + 27.0) / 4.0));
  CHECK(has_right_gradient(*objective, y, View(weights)));
  weights.setZero();
  CHECK(objective->evaluate(View(y), View(weights)).loss == 0.0);
}

TEST_CASE("objectives weigh samples, and parts of a batch add up to it",
          "[training]") {
  nn::Rng rng(3);
  const Index batch = 7;
  const auto y = nn_test::normal_matrix<double>(3, batch, rng);
  const Matrix<double> target =
      nn_test::normal_matrix<double>(3, batch, rng).array().abs().min(1.0);
  Labels labels(batch);
  labels << 0, 2, 1, 2, 2, 0, 1;
  Matrix<double> weights(1, batch);
  weights << 2, 0, 1, 0.5, 3, 0, 1;
  const nn::CrossEntropyObjective<double> classes({{1.0, 2.0, 0.5}, 0.1});
  const nn::MultiLabelObjective<double> several({1.0, 3.0, 0.5});
  const auto numbers =
      nn::make_objective<double>(nn::MeanSquaredError<double>({2, 3, 4}));
  for (const Objective<double>* objective :
       std::vector<const Objective<double>*>{
           &classes, &several, numbers.get()}) {
    CAPTURE(objective->name());
    CHECK(objective->takes_weights());
    const bool has_labels = objective == &classes;
    const Targets<double> plain = has_labels
                                      ? Targets<double>(ConstLabels(labels))
                                      : Targets<double>(View(target));
    const Targets<double> targets = plain.weighted(weights.data());
    CHECK(has_right_gradient(*objective, y, targets));
    const LossResult whole = objective->evaluate(View(y), targets);
    CHECK(whole.loss != objective->evaluate(View(y), plain).loss);
    CHECK(whole.correct == objective->evaluate(View(y), plain).correct);
    if (!has_labels) CHECK(whole.weight == weights.sum());
    LossResult sum;
    for (const auto& [first, count] :
         std::vector<std::pair<Index, Index>>{{0, 3}, {3, 3}, {6, 1}}) {
      const LossResult part = objective->evaluate(
          View(y.middleCols(first, count)), targets.middle(first, count));
      sum.sum += part.sum;
      sum.weight += part.weight;
    }
    CHECK(sum.sum / sum.weight == Approx(whole.loss).epsilon(1e-13));
  }
  // One that does not heed them refuses them.
  CHECK(message_of<std::invalid_argument>([&] {
          Weighted().evaluate(
              View(y), Targets<double>(View(target)).weighted(weights.data()));
        }) ==
        "[Weighted] expected samples without weights, got some with them");
}

TEST_CASE("objectives refuse what does not fit", "[training][errors]") {
  const auto message = [](const auto& function) {
    return message_of<std::invalid_argument>(function);
  };
  const nn::MultiLabelObjective<double> several;
  const nn::CrossEntropyObjective<double> classes({{1.0, 2.0}, 0.0});
  const auto numbers =
      nn::make_objective<double>(nn::MeanSquaredError<double>());
  const Matrix<double> y = Matrix<double>::Zero(2, 3);
  const Labels labels = Labels::Zero(3);
  Matrix<double> target = Matrix<double>::Zero(2, 3);
  CHECK(message([&] { numbers->evaluate(View(y), ConstLabels(labels)); }) ==
        "[MeanSquaredError] expected a matrix of targets, got labels");
  CHECK(message([&] { classes.evaluate(View(y), View(target)); }) ==
        "[SoftmaxCrossEntropy] expected labels, got a matrix of targets");
  CHECK(
      message([&] { numbers->evaluate(View(y), View(target.leftCols(2))); }) ==
      "[MeanSquaredError] expected outputs of at least 1 sample and as many "
      "targets, got 2 x 3 and 2");
  Matrix<double> dy(2, 2);
  CHECK(message(
            [&] { numbers->evaluate(View(y), View(target), nn::view(dy)); }) ==
        "[MeanSquaredError] expected a gradient of 2 x 3 as the outputs are, "
        "got 2 x 2");

  CHECK(message([&] { classes.check_outputs("Trainer", 1); }) ==
        "[Trainer] expected a network with an output for each of at least 2 "
        "classes, got 1");
  CHECK(message([&] { classes.check_outputs("Trainer", 3); }) ==
        "[Trainer] expected 3 class weights, one for each class, got 2");
  const nn::Samples<double> with_labels(y, labels);
  const nn::Samples<double> with_targets(y, target);
  CHECK(message([&] { classes.check_samples("training", with_targets, 2); }) ==
        "[Trainer] expected training samples with labels, got a matrix of "
        "targets (a trainer takes a loss for them)");
  CHECK(message([&] { several.check_samples("test", with_labels, 2); }) ==
        "[Trainer] expected test samples with a matrix of targets, got labels");
  CHECK(message([&] { numbers->check_samples("test", with_targets, 3); }) ==
        "[Trainer] expected test targets of 3 features as the network's "
        "output, got 2");
  target(1, 2) = 1.5;
  CHECK(message([&] { several.check_samples("training", with_targets, 2); }) ==
        "[Trainer] expected training targets from 0 to 1, got another for "
        "sample 2");
  CHECK(message([&] { nn::LossObjective<double>(nullptr); }) ==
        "[LossObjective] expected a loss, got a null pointer");
}
