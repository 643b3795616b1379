#include "nn/losses/mean_squared_error.h"

#include "kernels/losses.h"
#include "losses/units.h"

namespace nn {

template <typename Scalar>
MeanSquaredError<Scalar>::MeanSquaredError(const std::vector<double>& units)
    : factors_(internal::factors_of<Scalar>("MeanSquaredError", units)) {}

template <typename Scalar>
void MeanSquaredError<Scalar>::check_target(
    const ConstView<Scalar>& target) const {
  internal::check_factors(name(), factors_, target.rows());
}

template <typename Scalar>
double MeanSquaredError<Scalar>::do_evaluate(ConstView<Scalar> y,
                                             ConstView<Scalar> target,
                                             Scalar scale,
                                             Scalar* dy) const {
  kernels::LossArgs<Scalar> args{y.data(), target.data(), scale, dy, y.size()};
  internal::set_factors(factors_, args);
  return kernels::squared_error(args);
}

template class MeanSquaredError<float>;
template class MeanSquaredError<double>;

}  // namespace nn
