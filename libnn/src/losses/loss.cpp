#include "nn/losses/loss.h"

#include <algorithm>

#include "losses/sample_weights.h"
#include "nn/check.h"

namespace nn {

template <typename Scalar>
double Loss<Scalar>::checked(const ConstView<Scalar>& y,
                             const ConstView<Scalar>& target,
                             Scalar* dy,
                             const ConstView<Scalar>& weights) const {
  check_argument(y.size() > 0,
                 "[",
                 name(),
                 "] expected at least 1 feature and 1 sample, got an output "
                 "of ",
                 y.rows(),
                 " x ",
                 y.cols());
  check_argument(target.rows() == y.rows() && target.cols() == y.cols(),
                 "[",
                 name(),
                 "] expected a target of ",
                 y.rows(),
                 " x ",
                 y.cols(),
                 " as the output is, got ",
                 target.rows(),
                 " x ",
                 target.cols());
  const double total = internal::sum_of_weights(name(), weights, y.cols());
  check_target(target);
  const double divisor = static_cast<double>(y.rows()) * total;
  const double share = divisor > 0.0 ? 1.0 / divisor : 0.0;
  if (weights.size() == 0) {
    return do_evaluate(y, target, static_cast<Scalar>(share), dy) * share;
  }
  double sum = 0.0;
  for (Index n = 0; n < y.cols(); ++n) {
    const auto weight = static_cast<double>(weights.data()[n]);
    Scalar* const column = dy == nullptr ? nullptr : dy + n * y.rows();
    if (weight > 0.0) {
      sum += weight * do_evaluate(ConstView<Scalar>(y.col(n)),
                                  ConstView<Scalar>(target.col(n)),
                                  static_cast<Scalar>(share * weight),
                                  column);
    } else if (column != nullptr) {
      std::fill_n(column, y.rows(), Scalar(0));
    }
  }
  return sum * share;
}

template <typename Scalar>
double Loss<Scalar>::evaluate(ConstView<Scalar> y,
                              ConstView<Scalar> target) const {
  return checked(y, target, nullptr, ConstView<Scalar>(nullptr, 0, 0));
}

template <typename Scalar>
double Loss<Scalar>::evaluate(ConstView<Scalar> y,
                              ConstView<Scalar> target,
                              View<Scalar> dy) const {
  check_argument(dy.rows() == y.rows() && dy.cols() == y.cols(),
                 "[",
                 name(),
                 "] expected a gradient of ",
                 y.rows(),
                 " x ",
                 y.cols(),
                 " as the output is, got ",
                 dy.rows(),
                 " x ",
                 dy.cols());
  return checked(y, target, dy.data(), ConstView<Scalar>(nullptr, 0, 0));
}

template <typename Scalar>
double Loss<Scalar>::evaluate(ConstView<Scalar> y,
                              ConstView<Scalar> target,
                              View<Scalar> dy,
                              ConstView<Scalar> weights) const {
  const bool wants_gradient = dy.size() > 0;
  check_argument(
      !wants_gradient || (dy.rows() == y.rows() && dy.cols() == y.cols()),
      "[",
      name(),
      "] expected a gradient of ",
      y.rows(),
      " x ",
      y.cols(),
      " as the output is, got ",
      dy.rows(),
      " x ",
      dy.cols());
  return checked(y, target, wants_gradient ? dy.data() : nullptr, weights);
}

template class Loss<float>;
template class Loss<double>;

}  // namespace nn
