#include "nn/losses/smooth_l1.h"

#include "kernels/losses.h"
#include "losses/units.h"
#include "option_checks.h"

namespace nn {

template <typename Scalar>
SmoothL1<Scalar>::SmoothL1(double beta, const std::vector<double>& units)
    : beta_(static_cast<Scalar>(beta)),
      factors_(internal::factors_of<Scalar>("SmoothL1", units)) {
  internal::check_not_negative("SmoothL1", "beta", beta);
}

template <typename Scalar>
void SmoothL1<Scalar>::check_target(const ConstView<Scalar>& target) const {
  internal::check_factors(name(), factors_, target.rows());
}

template <typename Scalar>
double SmoothL1<Scalar>::do_evaluate(ConstView<Scalar> y,
                                     ConstView<Scalar> target,
                                     Scalar scale,
                                     Scalar* dy) const {
  kernels::LossArgs<Scalar> args{
      y.data(), target.data(), scale, dy, y.size(), beta_};
  internal::set_factors(factors_, args);
  return kernels::smooth_l1(args);
}

template class SmoothL1<float>;
template class SmoothL1<double>;

}  // namespace nn
