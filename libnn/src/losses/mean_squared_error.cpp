#include "nn/losses/mean_squared_error.h"

#include "kernels/losses.h"

namespace nn {

template <typename Scalar>
double MeanSquaredError<Scalar>::do_evaluate(ConstView<Scalar> y,
                                             ConstView<Scalar> target,
                                             Scalar scale,
                                             Scalar* dy) const {
  return kernels::squared_error<Scalar>(
      {y.data(), target.data(), scale, dy, y.size()});
}

template class MeanSquaredError<float>;
template class MeanSquaredError<double>;

}  // namespace nn
