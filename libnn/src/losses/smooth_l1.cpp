#include "nn/losses/smooth_l1.h"

#include "kernels/losses.h"
#include "option_checks.h"

namespace nn {

template <typename Scalar>
SmoothL1<Scalar>::SmoothL1(double beta) : beta_(static_cast<Scalar>(beta)) {
  internal::check_not_negative("SmoothL1", "beta", beta);
}

template <typename Scalar>
double SmoothL1<Scalar>::do_evaluate(ConstView<Scalar> y,
                                     ConstView<Scalar> target,
                                     Scalar scale,
                                     Scalar* dy) const {
  return kernels::smooth_l1<Scalar>(
      {y.data(), target.data(), scale, dy, y.size(), beta_});
}

template class SmoothL1<float>;
template class SmoothL1<double>;

}  // namespace nn
