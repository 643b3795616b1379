#ifndef NN_TESTS_SUPPORT_LOSS_GRADIENT_H_
#define NN_TESTS_SUPPORT_LOSS_GRADIENT_H_

#include "nn/types.h"

namespace nn_test {

/// The gradient of loss(x) by every element of x, by the differences of fourth
/// order that check_gradients() uses (docs/math/README.md). x is as it was when
/// it returns.
template <typename Loss>
nn::Matrix<double> numeric_gradient(nn::Matrix<double>& x, const Loss& loss) {
  constexpr double kStep = 1e-3;
  nn::Matrix<double> gradient(x.rows(), x.cols());
  for (nn::Index i = 0; i < x.size(); ++i) {
    const double middle = x.data()[i];
    const auto at = [&](double steps) {
      x.data()[i] = middle + steps * kStep;
      const double value = loss(x);
      x.data()[i] = middle;
      return value;
    };
    gradient.data()[i] =
        (8.0 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12.0 * kStep);
  }
  return gradient;
}

/// The distance of two gradients over their size.
inline double gradient_error(const nn::Matrix<double>& analytic,
                             const nn::Matrix<double>& numeric) {
  return (analytic - numeric).norm() / (analytic.norm() + numeric.norm());
}

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_LOSS_GRADIENT_H_
