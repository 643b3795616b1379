#include "mnist_report/comparison.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "nn/check.h"

namespace report {

double mcnemar_exact(long b, long c) {
  nn::check_argument(b >= 0 && c >= 0,
                     "[mcnemar_exact] expected counts of at least 0, got ",
                     b,
                     " and ",
                     c);
  const double n = static_cast<double>(b + c);
  // Each term by logarithms: C(n, k) alone leaves the range of a double at
  // n = 1030.
  double sum = 0;
  for (long k = 0; k <= std::min(b, c); ++k) {
    const double kd = static_cast<double>(k);
    sum += std::exp(std::lgamma(n + 1) - std::lgamma(kd + 1) -
                    std::lgamma(n - kd + 1) - n * std::log(2.0));
  }
  return std::min(1.0, 2 * sum);
}

bool same_images(const std::vector<apps::Prediction>& first,
                 const std::vector<apps::Prediction>& second) {
  return !first.empty() && std::equal(first.begin(),
                                      first.end(),
                                      second.begin(),
                                      second.end(),
                                      [](const auto& a, const auto& b) {
                                        return a.index == b.index &&
                                               a.label == b.label;
                                      });
}

PairedResult compare_predictions(const std::vector<apps::Prediction>& first,
                                 const std::vector<apps::Prediction>& second) {
  nn::check_argument(same_images(first, second),
                     "[compare_predictions] expected predictions of the same "
                     "images, got ",
                     first.size(),
                     " and ",
                     second.size(),
                     " with other indices or labels");
  PairedResult result;
  result.images = static_cast<long>(first.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    const bool first_right = first[i].predicted == first[i].label;
    const bool second_right = second[i].predicted == second[i].label;
    result.same_prediction += first[i].predicted == second[i].predicted;
    result.only_first_right += first_right && !second_right;
    result.only_second_right += second_right && !first_right;
  }
  result.p_value =
      mcnemar_exact(result.only_first_right, result.only_second_right);
  return result;
}

Calibration calibrate(const std::vector<apps::Prediction>& predictions,
                      int bins) {
  nn::check_argument(
      bins >= 1, "[calibrate] expected at least 1 bin, got ", bins);
  Calibration result;
  result.bins.resize(static_cast<std::size_t>(bins));
  for (int b = 0; b < bins; ++b) {
    CalibrationBin& bin = result.bins[static_cast<std::size_t>(b)];
    bin.low = static_cast<double>(b) / bins;
    bin.high = static_cast<double>(b + 1) / bins;
  }
  for (const apps::Prediction& p : predictions) {
    const double confidence =
        p.probability[static_cast<std::size_t>(p.predicted)];
    const int b = static_cast<int>(std::ceil(confidence * bins)) - 1;
    CalibrationBin& bin =
        result.bins[static_cast<std::size_t>(std::clamp(b, 0, bins - 1))];
    ++bin.count;
    bin.mean_confidence += confidence;
    bin.accuracy += p.predicted == p.label ? 1 : 0;
  }
  for (CalibrationBin& bin : result.bins) {
    if (bin.count == 0) continue;
    const double count = static_cast<double>(bin.count);
    bin.mean_confidence /= count;
    bin.accuracy /= count;
    result.expected_error += count / static_cast<double>(predictions.size()) *
                             std::abs(bin.accuracy - bin.mean_confidence);
  }
  return result;
}

std::vector<ClassScore> score_classes(
    const std::vector<apps::ConfusionCell>& confusion) {
  const auto classes = static_cast<std::size_t>(
      std::lround(std::sqrt(static_cast<double>(confusion.size()))));
  nn::check_argument(confusion.size() == classes * classes,
                     "[score_classes] expected a cell for every pair of "
                     "classes, got ",
                     confusion.size());
  std::vector<ClassScore> scores(classes);
  std::vector<long> right(classes);
  for (const apps::ConfusionCell& cell : confusion) {
    const auto label = static_cast<std::size_t>(cell.label);
    const auto predicted = static_cast<std::size_t>(cell.predicted);
    scores[label].images += cell.count;
    scores[predicted].predicted += cell.count;
    if (label == predicted) right[label] = cell.count;
  }
  const auto ratio = [](double part, long whole) {
    return whole > 0 ? part / static_cast<double>(whole)
                     : std::numeric_limits<double>::quiet_NaN();
  };
  for (std::size_t c = 0; c < scores.size(); ++c) {
    const double hits = static_cast<double>(right[c]);
    ClassScore& score = scores[c];
    if (score.images == 0) {
      score.precision = score.recall = score.f1 = ratio(hits, 0);
      continue;
    }
    score.precision = ratio(hits, score.predicted);
    score.recall = ratio(hits, score.images);
    // The harmonic mean of the two, in a form that 0 hits do not upset.
    score.f1 = ratio(2 * hits, score.predicted + score.images);
  }
  return scores;
}

std::vector<apps::ConfusionCell> most_confused(
    const std::vector<apps::ConfusionCell>& confusion, std::size_t limit) {
  std::vector<apps::ConfusionCell> errors;
  for (const apps::ConfusionCell& cell : confusion) {
    if (cell.label != cell.predicted && cell.count > 0) errors.push_back(cell);
  }
  std::stable_sort(
      errors.begin(), errors.end(), [](const auto& a, const auto& b) {
        return a.count > b.count;
      });
  errors.resize(std::min(errors.size(), limit));
  return errors;
}

std::vector<double> step_differences(const std::vector<apps::StepRow>& a,
                                     const std::vector<apps::StepRow>& b) {
  std::vector<double> differences(std::min(a.size(), b.size()));
  for (std::size_t i = 0; i < differences.size(); ++i) {
    differences[i] = std::abs(a[i].loss - b[i].loss);
  }
  return differences;
}

}  // namespace report
