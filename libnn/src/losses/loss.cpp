#include "nn/losses/loss.h"

#include "nn/check.h"

namespace nn {

template <typename Scalar>
double Loss<Scalar>::checked(const ConstView<Scalar>& y,
                             const ConstView<Scalar>& target,
                             Scalar* dy) const {
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
  const double share = 1.0 / static_cast<double>(y.size());
  return do_evaluate(y, target, static_cast<Scalar>(share), dy) * share;
}

template <typename Scalar>
double Loss<Scalar>::evaluate(ConstView<Scalar> y,
                              ConstView<Scalar> target) const {
  return checked(y, target, nullptr);
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
  return checked(y, target, dy.data());
}

template class Loss<float>;
template class Loss<double>;

}  // namespace nn
