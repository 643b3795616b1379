#ifndef NN_TESTS_SUPPORT_SCALAR_STEPS_H_
#define NN_TESTS_SUPPORT_SCALAR_STEPS_H_

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "nn/parameter.h"
#include "nn/types.h"

namespace nn_test {

/// The values of a parameter of one element, from `value`, after steps with
/// these gradients of Optimizer<Scalar>({&parameter}, options).
template <template <typename> class Optimizer,
          typename Scalar,
          typename Options>
std::vector<double> scalar_steps(const Options& options,
                                 double value,
                                 const std::vector<double>& gradients) {
  nn::Parameter<Scalar> w("w", {1}, 1, 1);
  w.value(0, 0) = static_cast<Scalar>(value);
  Optimizer<Scalar> optimizer({&w}, options);
  std::vector<double> values;
  for (const double gradient : gradients) {
    w.grad(0, 0) = static_cast<Scalar>(gradient);
    optimizer.step();
    values.push_back(static_cast<double>(w.value(0, 0)));
  }
  return values;
}

/// The largest difference; infinite where the sizes differ.
inline double largest_difference(const std::vector<double>& a,
                                 const std::vector<double>& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double largest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    // Written so that a NaN comes out.
    if (!(std::abs(a[i] - b[i]) <= largest)) largest = std::abs(a[i] - b[i]);
  }
  return largest;
}

/// What three steps from values of order 1 may differ by from a hand count.
template <typename Scalar>
constexpr double kHandCount = sizeof(Scalar) == 4 ? 1e-6 : 1e-14;

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_SCALAR_STEPS_H_
