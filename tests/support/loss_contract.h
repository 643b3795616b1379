#ifndef NN_TESTS_SUPPORT_LOSS_CONTRACT_H_
#define NN_TESTS_SUPPORT_LOSS_CONTRACT_H_

#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "nn/losses/loss.h"
#include "nn/network/gradient_check.h"
#include "nn/random.h"
#include "support/allocations.h"
#include "support/matrices.h"
#include "support/threads.h"

namespace nn_test {

/// What every nn::Loss promises, for a loss that takes any output and targets
/// in 0 .. 1. Returns the promises that are broken. Outputs are drawn so that
/// they are off their targets by 0.05 to 1.5, and in gradient checks off a kink
/// there.
template <typename Scalar>
std::vector<std::string> loss_violations(const nn::Loss<Scalar>& loss) {
  std::vector<std::string> violations;
  const auto expect = [&violations](bool holds, const char* promise) {
    if (!holds) violations.emplace_back(promise);
  };
  const auto refuses = [&](const nn::Matrix<Scalar>& y,
                           const nn::Matrix<Scalar>& target,
                           nn::Matrix<Scalar>& dy) {
    try {
      loss.evaluate(y, target, dy);
    } catch (const std::invalid_argument& error) {
      return std::string(error.what())
                 .rfind("[" + std::string(loss.name()) + "] ", 0) == 0;
    }
    return false;
  };
  nn::Rng rng(3);
  const auto draw = [&rng](nn::Index rows, nn::Index cols, auto& target) {
    target.resize(rows, cols);
    for (nn::Index i = 0; i < target.size(); ++i) {
      target.data()[i] = static_cast<Scalar>(rng.uniform());
    }
    nn::Matrix<Scalar> y = matrix_away_from_zero<Scalar>(rows, cols, rng);
    return nn::Matrix<Scalar>(y + target);
  };

  nn::Matrix<Scalar> target;
  for (const nn::Index rows : {1, 3, 17}) {
    for (const nn::Index cols : {1, 7, 40}) {
      const nn::Matrix<Scalar> y = draw(rows, cols, target);
      nn::Matrix<Scalar> dy(rows, cols);
      const double with = loss.evaluate(y, target, dy);
      expect(loss.evaluate(y, target) == with,
             "the loss is the same with and without its gradient");
      nn::Matrix<Scalar> in_place = y;
      expect(loss.evaluate(in_place, target, in_place) == with &&
                 same_bits(in_place, dy),
             "the gradient may overwrite the output");
      // Twice the batch, with the same samples twice.
      nn::Matrix<Scalar> y2(rows, 2 * cols), target2(rows, 2 * cols);
      nn::Matrix<Scalar> dy2(rows, 2 * cols);
      y2 << y, y;
      target2 << target, target;
      expect(std::abs(loss.evaluate(y2, target2, dy2) - with) <=
                 1e-6 * std::abs(with),
             "the loss is a mean over the batch");
      expect(relative_difference((2 * dy2.leftCols(cols)).eval(), dy) <= 1e-6,
             "the gradient is divided by the batch size");
    }
  }
  if constexpr (sizeof(Scalar) == sizeof(double)) {
    for (const nn::Index cols : {1, 2, 7}) {
      const nn::Matrix<double> y = draw(5, cols, target);
      expect(nn::check_gradients(loss, y, target).passed,
             "the gradient agrees with differences of the loss");
      nn::Matrix<double> weights(cols, 1);
      for (double& weight : weights.reshaped()) {
        weight = rng.uniform(0.1, 3.0);
      }
      expect(nn::check_gradients(
                 [&](nn::ConstView<double> at, nn::View<double> dy) {
                   return loss.evaluate(at, target, dy, weights);
                 },
                 y)
                 .passed,
             "the weighted gradient agrees with differences of the loss");
    }
  }
  {
    // Weights 2 0 1 3 are the first sample twice, none of the second, and so
    // on, whatever the second is.
    nn::Matrix<Scalar> y = draw(3, 4, target);
    const std::vector<nn::Index> repeated = {0, 0, 2, 3, 3, 3};
    nn::Matrix<Scalar> y_repeated(3, 6), target_repeated(3, 6),
        dy_repeated(3, 6);
    for (nn::Index n = 0; n < 6; ++n) {
      const nn::Index from = repeated[static_cast<std::size_t>(n)];
      y_repeated.col(n) = y.col(from);
      target_repeated.col(n) = target.col(from);
    }
    y.col(1).setConstant(std::numeric_limits<Scalar>::quiet_NaN());
    const nn::Matrix<Scalar> weights = samples<Scalar>({{2, 0, 1, 3}});
    const double expected =
        loss.evaluate(y_repeated, target_repeated, dy_repeated);
    nn::Matrix<Scalar> dy_expected = nn::Matrix<Scalar>::Zero(3, 4);
    for (nn::Index n = 0; n < 6; ++n) {
      dy_expected.col(repeated[static_cast<std::size_t>(n)]) +=
          dy_repeated.col(n);
    }
    nn::Matrix<Scalar> dy(3, 4);
    const std::size_t before = allocation_count();
    const double got = loss.evaluate(y, target, dy, weights);
    expect(allocation_count() == before, "a weighted loss allocates nothing");
    expect(std::abs(got - expected) <= 1e-6 * std::abs(expected) &&
               relative_difference(dy, dy_expected) <= 1e-6,
           "a sample of weight 2 counts as two, one of weight 0 not at all");
    expect(loss.evaluate(y, target, nn::no_view<Scalar>(), weights) == got,
           "the weighted loss is the same with and without its gradient");
    nn::Matrix<Scalar> in_place = y;
    loss.evaluate(in_place, target, in_place, weights);
    expect(same_bits(in_place, dy),
           "the weighted gradient may overwrite the output");
    const nn::Matrix<Scalar> none = nn::Matrix<Scalar>::Zero(1, 4);
    expect(loss.evaluate(y, target, dy, none) == 0 && (dy.array() == 0).all(),
           "without a sample that counts, loss and gradient are 0");

    dy.setOnes();
    const auto refuses_weights = [&](const nn::Matrix<Scalar>& bad) {
      try {
        loss.evaluate(y, target, dy, bad);
      } catch (const std::invalid_argument& error) {
        return std::string(error.what())
                       .rfind("[" + std::string(loss.name()) + "] ", 0) == 0 &&
               (dy.array() == 1).all();
      }
      return false;
    };
    const auto with_last = [&](Scalar last) {
      nn::Matrix<Scalar> bad = weights;
      bad(3, 0) = last;
      return bad;
    };
    using Limits = std::numeric_limits<Scalar>;
    expect(refuses_weights(with_last(-1)) &&
               refuses_weights(with_last(Limits::quiet_NaN())) &&
               refuses_weights(with_last(Limits::infinity())) &&
               refuses_weights(nn::Matrix<Scalar>(weights.topRows(3))),
           "weights that are negative, not finite or too few are refused");
  }
  {
    const nn::Matrix<Scalar> y = draw(99, 700, target);
    nn::Matrix<Scalar> one(99, 700), three(99, 700);
    double loss_one = 0.0, loss_three = 1.0;
    {
      const ScopedThreads threads(1);
      loss_one = loss.evaluate(y, target, one);
    }
    {
      const ScopedThreads threads(3);
      loss_three = loss.evaluate(y, target, three);
      const std::size_t before = allocation_count();
      loss.evaluate(y, target, three);
      expect(allocation_count() == before, "a loss allocates nothing");
    }
    expect(loss_one == loss_three && same_bits(one, three),
           "results do not depend on the number of threads");
  }
  for (const nn::Index place : {0, 20, 22}) {
    nn::Matrix<Scalar> y = draw(1, 23, target);
    y(0, place) = std::numeric_limits<Scalar>::quiet_NaN();
    nn::Matrix<Scalar> dy(1, 23);
    target(0, place) = Scalar(1);
    expect(
        std::isnan(loss.evaluate(y, target, dy)) && std::isnan(dy(0, place)),
        "an output that is not a number makes the loss and its gradient one");
  }
  {
    const nn::Matrix<Scalar> y = draw(3, 2, target);
    nn::Matrix<Scalar> dy = nn::Matrix<Scalar>::Ones(3, 2);
    nn::Matrix<Scalar> flat(2, 3), none(3, 0);
    expect(refuses(y, flat, dy) && refuses(flat, target, flat) &&
               refuses(y, none, dy),
           "a target of another size is refused");
    expect(refuses(y, target, flat) && refuses(y, target, none),
           "a gradient of another size is refused");
    expect(refuses(none, none, none), "an empty batch is refused");
    expect((dy.array() == 1).all(), "a refused call writes nothing");
  }
  return violations;
}

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_LOSS_CONTRACT_H_
