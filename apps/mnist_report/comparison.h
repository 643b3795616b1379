#ifndef NN_APPS_MNIST_REPORT_COMPARISON_H_
#define NN_APPS_MNIST_REPORT_COMPARISON_H_

#include <vector>

#include "common/run.h"

namespace report {

/// How two classifiers do on the same images.
struct PairedResult {
  long images = 0;
  long same_prediction = 0;
  long only_first_right = 0;
  long only_second_right = 0;
  /// Of McNemar's exact test (1947): with equally good classifiers, how likely
  /// a split of the images that one alone gets right is, as uneven as this or
  /// more so.
  double p_value = 1;

  /// Whether the difference is more than chance, at the usual level.
  bool is_decided() const { return p_value < 0.05; }
};

/// The two-sided exact binomial p-value for `b` against `c` at even odds:
/// min(1, 2 sum_{k <= min(b, c)} C(b + c, k) / 2^(b + c)).
/// Throws std::invalid_argument if one is negative.
double mcnemar_exact(long b, long c);

/// Whether both tables are of the same images with the same labels, without
/// which there is nothing to pair.
bool same_images(const std::vector<apps::Prediction>& first,
                 const std::vector<apps::Prediction>& second);
/// Throws std::invalid_argument unless same_images().
PairedResult compare_predictions(const std::vector<apps::Prediction>& first,
                                 const std::vector<apps::Prediction>& second);

/// Predictions of similar confidence: the probability of the predicted class.
struct CalibrationBin {
  double low = 0;
  double high = 0;
  long count = 0;
  double mean_confidence = 0;  ///< 0 if the bin is empty
  double accuracy = 0;
};
struct Calibration {
  std::vector<CalibrationBin> bins;
  /// Mean of |accuracy - mean_confidence|, bins weighted by their counts.
  double expected_error = 0;
};
/// `bins` of equal width over 0 .. 1; a confidence on an edge belongs to the
/// lower one, as 1 does to the last.
Calibration calibrate(const std::vector<apps::Prediction>& predictions,
                      int bins = 15);

/// Of one class. Without images of it in the test set none of the three is a
/// number; the precision is none where nothing was predicted as it.
struct ClassScore {
  long images = 0;
  long predicted = 0;
  double precision = 0;
  double recall = 0;
  double f1 = 0;
};
/// From the cells' counts. Throws std::invalid_argument unless there are
/// as many as the square of a number of classes.
std::vector<ClassScore> score_classes(
    const std::vector<apps::ConfusionCell>& confusion);

/// The cells off the diagonal with errors, most first, at most `limit`.
std::vector<apps::ConfusionCell> most_confused(
    const std::vector<apps::ConfusionCell>& confusion, std::size_t limit);

/// |a - b| step by step, over as many steps as both have.
std::vector<double> step_differences(const std::vector<apps::StepRow>& a,
                                     const std::vector<apps::StepRow>& b);

}  // namespace report

#endif  // NN_APPS_MNIST_REPORT_COMPARISON_H_
