#ifndef NN_SRC_LOSSES_SAMPLE_WEIGHTS_H_
#define NN_SRC_LOSSES_SAMPLE_WEIGHTS_H_

#include <cmath>

#include "nn/check.h"
#include "nn/types.h"

namespace nn::internal {

/// The weights of a batch, added up: its size where there are none. Throws
/// std::invalid_argument, `who` in front, unless there is one for each sample
/// or none, all are finite and not negative, and double holds their sum and its
/// reciprocal.
template <typename Scalar>
double sum_of_weights(const char* who,
                      const ConstView<Scalar>& weights,
                      Index batch) {
  if (weights.size() == 0) return static_cast<double>(batch);
  check_argument(weights.size() == batch,
                 "[",
                 who,
                 "] expected a weight for each of ",
                 batch,
                 " samples, got ",
                 weights.size());
  double sum = 0.0;
  for (Index n = 0; n < batch; ++n) {
    const Scalar weight = weights.data()[n];
    check_argument(std::isfinite(weight) && weight >= 0,
                   "[",
                   who,
                   "] expected finite weights of at least 0, got ",
                   weight,
                   " for sample ",
                   n);
    sum += static_cast<double>(weight);
  }
  check_argument(
      sum == 0.0 || (std::isfinite(sum) && std::isfinite(1 / sum)),
      "[",
      who,
      "] expected weights whose sum can be divided by, got a sum of ",
      sum);
  return sum;
}

}  // namespace nn::internal

#endif  // NN_SRC_LOSSES_SAMPLE_WEIGHTS_H_
