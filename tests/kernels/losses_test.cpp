#include "kernels/losses.h"

#include <cmath>
#include <vector>

#include "support/catch.h"
#include "support/guarded.h"

namespace {

using nn::Index;
using nn_test::Guarded;

}  // namespace

TEMPLATE_TEST_CASE("the sums of losses follow their formulas at every length",
                   "[kernels][losses]",
                   float,
                   double) {
  nn::Rng rng(61);
  const double rounding = sizeof(TestType) == 4 ? 1e-5 : 1e-13;
  for (const Index size : {1, 15, 17, 255, 257, 8193, 700001}) {
    Guarded<TestType> y(size), target(size), dy(size);
    y.fill(rng);
    target.fill(rng);
    for (Index i = 0; i < size; ++i) {
      y.data()[i] *= TestType(4);
      target.data()[i] = std::abs(target.data()[i]);
    }
    const std::vector<TestType> weights = {
        TestType(0.5), TestType(2), TestType(3)};
    const TestType scale = TestType(0.25);
    const TestType beta = TestType(1.5);
    // The first two also with the weights as factors of the error.
    double squares[2] = {}, smooth[2] = {}, entropy = 0.0;
    std::vector<TestType> dsquares[2], dsmooth[2], dentropy;
    const auto push = [](std::vector<TestType>& values, double value) {
      values.push_back(static_cast<TestType>(value));
    };
    for (Index i = 0; i < size; ++i) {
      const auto z = static_cast<double>(y.data()[i]);
      const auto t = static_cast<double>(target.data()[i]);
      const auto p =
          static_cast<double>(weights[static_cast<std::size_t>(i % 3)]);
      for (const int weighted : {0, 1}) {
        const double factor = weighted == 1 ? p : 1.0;
        const double e = factor * (z - t);
        squares[weighted] += e * e;
        push(dsquares[weighted], 0.5 * factor * e);
        const bool is_near = std::abs(e) < 1.5;
        smooth[weighted] += is_near ? e * e / 3.0 : std::abs(e) - 0.75;
        push(dsmooth[weighted],
             0.25 * factor *
                 (is_near ? e / 1.5
                  : e > 0 ? 1.0
                          : -1.0));
      }
      const double s = 1.0 / (1.0 + std::exp(-z));
      entropy -= p * t * std::log(s) + (1.0 - t) * std::log(1.0 - s);
      push(dentropy, 0.25 * ((1.0 - t) * s - p * t * (1.0 - s)));
    }
    const auto check = [&](double sum,
                           double expected,
                           const std::vector<TestType>& gradient) {
      CHECK(std::abs(sum - expected) <= rounding * expected);
      CHECK(dy.guards_are_whole());
      CHECK(nn_test::relative_difference(dy.data(), gradient.data(), size) <=
            rounding);
    };
    CAPTURE(size);
    namespace kernels = nn::kernels;
    kernels::LossArgs<TestType> args{
        y.data(), target.data(), scale, dy.data(), size, beta};
    check(kernels::squared_error(args), squares[0], dsquares[0]);
    check(kernels::smooth_l1(args), smooth[0], dsmooth[0]);
    args.weights = weights.data();
    args.weight_count = 3;
    check(kernels::squared_error(args), squares[1], dsquares[1]);
    check(kernels::smooth_l1(args), smooth[1], dsmooth[1]);
    check(kernels::binary_cross_entropy(args), entropy, dentropy);
    CHECK(kernels::all_shares(target.data(), size));
    for (const Index place : {Index{0}, size / 2, size - 1}) {
      const TestType kept = target.data()[place];
      for (const double bad : {-1e-9, 1.0 + 1e-6, std::nan("")}) {
        target.data()[place] = static_cast<TestType>(bad);
        CHECK_FALSE(kernels::all_shares(target.data(), size));
      }
      target.data()[place] = kept;
    }
  }
}
