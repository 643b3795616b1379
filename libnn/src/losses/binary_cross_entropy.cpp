#include "nn/losses/binary_cross_entropy.h"

#include "kernels/losses.h"
#include "option_checks.h"

namespace nn {

template <typename Scalar>
BinaryCrossEntropy<Scalar>::BinaryCrossEntropy(
    const std::vector<double>& positive_weights) {
  for (const double weight : positive_weights) {
    internal::check_not_negative(
        "BinaryCrossEntropy", "positive weight", weight);
    weights_.push_back(static_cast<Scalar>(weight));
  }
  if (weights_.empty()) weights_.push_back(Scalar(1));
}

template <typename Scalar>
void BinaryCrossEntropy<Scalar>::check_target(
    const ConstView<Scalar>& target) const {
  const auto count = static_cast<Index>(weights_.size());
  check_argument(count == 1 || count == target.rows(),
                 "[BinaryCrossEntropy] expected 1 positive weight or one for "
                 "each of ",
                 target.rows(),
                 " features, got ",
                 count);
  if (kernels::all_shares(target.data(), target.size())) return;
  Index i = 0;
  while (target.data()[i] >= 0 && target.data()[i] <= 1) ++i;
  check_argument(false,
                 "[BinaryCrossEntropy] expected targets from 0 to 1, got ",
                 target.data()[i],
                 " for feature ",
                 i % target.rows(),
                 " of sample ",
                 i / target.rows());
}

template <typename Scalar>
double BinaryCrossEntropy<Scalar>::do_evaluate(ConstView<Scalar> y,
                                               ConstView<Scalar> target,
                                               Scalar scale,
                                               Scalar* dy) const {
  kernels::LossArgs<Scalar> args{y.data(), target.data(), scale, dy, y.size()};
  args.weights = weights_.data();
  args.weight_count = static_cast<Index>(weights_.size());
  return kernels::binary_cross_entropy(args);
}

template class BinaryCrossEntropy<float>;
template class BinaryCrossEntropy<double>;

}  // namespace nn
