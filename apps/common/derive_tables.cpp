#include <algorithm>
#include <cstddef>
#include <vector>

#include "common/run.h"
#include "nn/check.h"

namespace apps {

void derive_tables(Run& run) {
  const int classes = run.classes;
  const auto count = static_cast<std::size_t>(classes);
  run.confusion.assign(count * count, ConfusionCell{});
  std::vector<long> images_of_label(count);
  const auto cell = [&run, classes](int label,
                                    int predicted) -> ConfusionCell& {
    return run.confusion[static_cast<std::size_t>(label * classes + predicted)];
  };
  for (const Prediction& prediction : run.predictions) {
    const auto is_class = [classes](int value) {
      return value >= 0 && value < classes;
    };
    nn::check_argument(is_class(prediction.label) &&
                           is_class(prediction.predicted) &&
                           prediction.probability.size() == count,
                       "[derive_tables] expected classes from 0 to ",
                       classes - 1,
                       " and a probability of each, got label ",
                       prediction.label,
                       ", prediction ",
                       prediction.predicted,
                       " and ",
                       prediction.probability.size(),
                       " probabilities");
    ++images_of_label[static_cast<std::size_t>(prediction.label)];
    ++cell(prediction.label, prediction.predicted).count;
    for (int c = 0; c < classes; ++c) {
      cell(prediction.label, c).mean_probability +=
          prediction.probability[static_cast<std::size_t>(c)];
    }
  }
  for (int label = 0; label < classes; ++label) {
    const long images = images_of_label[static_cast<std::size_t>(label)];
    for (int predicted = 0; predicted < classes; ++predicted) {
      ConfusionCell& entry = cell(label, predicted);
      entry.label = label;
      entry.predicted = predicted;
      if (images == 0) continue;
      const double n = static_cast<double>(images);
      entry.share = static_cast<double>(entry.count) / n;
      // The sum's rounding may exceed n by an ulp.
      entry.mean_probability = std::min(1.0, entry.mean_probability / n);
    }
  }

  run.top3.clear();
  std::vector<const Prediction*> order;
  for (const Prediction& prediction : run.predictions) {
    order.push_back(&prediction);
  }
  const auto ranks = static_cast<std::ptrdiff_t>(
      std::min<std::size_t>(kTopImages, order.size()));
  for (int c = 0; c < classes; ++c) {
    const std::size_t column = static_cast<std::size_t>(c);
    std::partial_sort(order.begin(),
                      order.begin() + ranks,
                      order.end(),
                      [column](const Prediction* a, const Prediction* b) {
                        const double pa = a->probability[column];
                        const double pb = b->probability[column];
                        return pa != pb ? pa > pb : a->index < b->index;
                      });
    for (std::ptrdiff_t rank = 0; rank < ranks; ++rank) {
      const Prediction& best = *order[static_cast<std::size_t>(rank)];
      run.top3.push_back({c,
                          static_cast<int>(rank) + 1,
                          best.index,
                          best.label,
                          best.probability[column]});
    }
  }
}

}  // namespace apps
