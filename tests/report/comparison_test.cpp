#include "mnist_report/comparison.h"

#include <cmath>
#include <stdexcept>

#include "support/catch.h"

using Catch::Approx;

namespace {

apps::Prediction prediction(int index,
                            int label,
                            int predicted,
                            double confidence) {
  apps::Prediction p;
  p.index = index;
  p.label = label;
  p.predicted = predicted;
  p.probability.assign(10, (1 - confidence) / 9);
  p.probability[static_cast<std::size_t>(predicted)] = confidence;
  return p;
}

}  // namespace

TEST_CASE("McNemar's exact p-value equals the binomial sum by hand",
          "[report]") {
  // 1 against 5: 2 * (C(6,0) + C(6,1)) / 2^6 = 14 / 64.
  CHECK(report::mcnemar_exact(1, 5) == Approx(14.0 / 64.0));
  CHECK(report::mcnemar_exact(5, 1) == Approx(14.0 / 64.0));
  // 0 against 10: 2 / 2^10.
  CHECK(report::mcnemar_exact(0, 10) == Approx(2.0 / 1024.0));
  // 2 against 3: 2 * (1 + 5 + 10) / 32 = 1.
  CHECK(report::mcnemar_exact(2, 3) == Approx(1.0));
  CHECK(report::mcnemar_exact(0, 0) == 1.0);
  CHECK_THROWS_AS(report::mcnemar_exact(-1, 2), std::invalid_argument);
}

TEST_CASE("McNemar's exact p-value holds for counts beyond 2^1024",
          "[report]") {
  // The normal approximation with continuity correction is good to a few
  // percent here: z = (|b - c| - 1) / sqrt(b + c).
  const double z = (200 - 1) / std::sqrt(4000.0);
  CHECK(report::mcnemar_exact(1900, 2100) ==
        Approx(std::erfc(z / std::sqrt(2.0))).epsilon(0.02));
}

TEST_CASE("paired results count who alone is right", "[report]") {
  const std::vector<apps::Prediction> a{prediction(0, 1, 1, 0.9),
                                        prediction(1, 2, 3, 0.9),
                                        prediction(2, 3, 3, 0.9),
                                        prediction(3, 4, 5, 0.9)};
  const std::vector<apps::Prediction> b{prediction(0, 1, 1, 0.9),
                                        prediction(1, 2, 2, 0.9),
                                        prediction(2, 3, 4, 0.9),
                                        prediction(3, 4, 6, 0.9)};
  const report::PairedResult pair = report::compare_predictions(a, b);
  CHECK(pair.images == 4);
  CHECK(pair.same_prediction == 1);
  CHECK(pair.only_first_right == 1);
  CHECK(pair.only_second_right == 1);
  CHECK(pair.p_value == 1.0);
}

TEST_CASE("predictions of other images are not compared", "[report][errors]") {
  const std::vector<apps::Prediction> a{prediction(0, 1, 1, 0.9)};
  const std::vector<apps::Prediction> b{prediction(0, 2, 1, 0.9)};
  CHECK(!report::same_images(a, b));
  CHECK(!report::same_images({}, {}));
  CHECK_THROWS_AS(report::compare_predictions(a, b), std::invalid_argument);
}

TEST_CASE("the expected calibration error equals its sum by hand", "[report]") {
  // Two bins: 0 .. 0.5 holds one wrong prediction of 0.4; 0.5 .. 1 holds 0.8
  // right, 0.9 right and 1.0 wrong. |0 - 0.4| / 4 + 3/4 |2/3 - 0.9| = 0.275.
  const std::vector<apps::Prediction> predictions{prediction(0, 0, 1, 0.4),
                                                  prediction(1, 1, 1, 0.8),
                                                  prediction(2, 2, 2, 0.9),
                                                  prediction(3, 3, 4, 1.0)};
  const report::Calibration calibration = report::calibrate(predictions, 2);
  CHECK(calibration.bins[0].count == 1);
  CHECK(calibration.bins[1].count == 3);
  CHECK(calibration.bins[1].mean_confidence == Approx(0.9));
  CHECK(calibration.bins[1].accuracy == Approx(2.0 / 3.0));
  CHECK(calibration.expected_error == Approx(0.275));
}

TEST_CASE("precision, recall and F1 equal their fractions by hand",
          "[report]") {
  // Class 0: 3 of 4 found, one of class 1 taken for it. Class 2 has no image
  // and no prediction.
  std::vector<apps::Prediction> predictions{prediction(0, 0, 0, 0.9),
                                            prediction(1, 0, 0, 0.9),
                                            prediction(2, 0, 0, 0.9),
                                            prediction(3, 0, 1, 0.9),
                                            prediction(4, 1, 0, 0.9),
                                            prediction(5, 1, 1, 0.9)};
  apps::Run run;
  run.classes = 10;
  run.predictions = predictions;
  apps::derive_tables(run);
  const auto scores = report::score_classes(run.confusion);
  CHECK(scores[0].images == 4);
  CHECK(scores[0].precision == Approx(3.0 / 4.0));
  CHECK(scores[0].recall == Approx(3.0 / 4.0));
  CHECK(scores[1].precision == Approx(0.5));
  CHECK(scores[1].recall == Approx(0.5));
  CHECK(scores[1].f1 == Approx(0.5));
  CHECK(std::isnan(scores[2].recall));
  CHECK(std::isnan(scores[2].f1));

  const auto confused = report::most_confused(run.confusion, 1);
  REQUIRE(confused.size() == 1);
  CHECK(confused[0].label == 0);
  CHECK(confused[0].predicted == 1);
}

TEST_CASE("step differences end with the shorter run", "[report]") {
  const std::vector<apps::StepRow> a{{1, 1, 2.0}, {2, 1, 1.5}, {3, 1, 1.0}};
  const std::vector<apps::StepRow> b{{1, 1, 2.0}, {2, 1, 1.75}};
  CHECK(report::step_differences(a, b) == std::vector<double>{0.0, 0.25});
}
