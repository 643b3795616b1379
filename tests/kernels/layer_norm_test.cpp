#include "kernels/layer_norm.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "nn/buffer.h"
#include "support/catch.h"
#include "support/guarded.h"
#include "support/threads.h"

namespace {

using nn::Index;
using nn_test::Guarded;
using nn_test::kRounding;
using nn_test::relative_difference;

template <typename T>
std::vector<T> random_numbers(Index size, nn::Rng& rng) {
  Guarded<T> values(size);
  values.fill(rng);
  return {values.data(), values.data() + size};
}

}  // namespace

TEMPLATE_TEST_CASE("sample loops agree with their definition",
                   "[kernels][layer_norm]",
                   float,
                   double) {
  using T = TestType;
  nn::Rng rng(73);
  const std::vector<std::pair<Index, Index>> sizes = {
      {1, 1}, {2, 3}, {15, 1}, {16, 40}, {33, 9}, {1100, 20}, {10000, 2}};
  for (const auto& [rows, cols] : sizes) {
    for (const bool affine : {true, false}) {
      CAPTURE(rows, cols, affine);
      const auto x = random_numbers<T>(rows * cols, rng);
      const auto dy = random_numbers<T>(rows * cols, rng);
      auto weight = random_numbers<T>(rows, rng);
      auto bias = random_numbers<T>(rows, rng);
      const T eps = T(0.1);
      Guarded<T> y(rows * cols), dx(rows * cols), mean(cols), inverse_std(cols),
          dweight(rows), dbias(rows);
      nn::Buffer scratch;
      scratch.reserve(nn::kernels::sample_scratch_bytes<T>(rows, cols));
      nn::kernels::sample_normalize<T>({rows,
                                        cols,
                                        x.data(),
                                        eps,
                                        affine ? weight.data() : nullptr,
                                        affine ? bias.data() : nullptr,
                                        y.data(),
                                        mean.data(),
                                        inverse_std.data()});
      const nn::kernels::SampleNormGradientArgs<T> args{
          rows,
          cols,
          x.data(),
          dy.data(),
          affine ? weight.data() : nullptr,
          mean.data(),
          inverse_std.data(),
          dx.data(),
          dweight.data(),
          dbias.data(),
          scratch.data()};
      nn::kernels::sample_normalize_backward(args);
      nn::kernels::sample_normalize_parameters(args);
      for (const auto* array : {&y, &dx, &mean, &inverse_std, &dweight}) {
        CHECK(array->guards_are_whole());
      }
      CHECK(dbias.guards_are_whole());

      // The formulas of docs/math/layer_norm.md in double, with Eigen.
      using Array = Eigen::ArrayXXd;
      const auto to_double = [](const std::vector<T>& v, Index r, Index c) {
        const nn::ConstView<T> view(v.data(), r, c);
        return Array(view.template cast<double>());
      };
      const Array x64 = to_double(x, rows, cols);
      const Array dy64 = to_double(dy, rows, cols);
      if (!affine) {
        std::fill(weight.begin(), weight.end(), T(1));
        std::fill(bias.begin(), bias.end(), T(0));
      }
      const Array w = to_double(weight, rows, 1).replicate(1, cols);
      const Array b = to_double(bias, rows, 1).replicate(1, cols);
      const Array centered = x64 - x64.colwise().mean().replicate(rows, 1);
      const Array r = (centered.square().colwise().mean() + double(eps))
                          .rsqrt()
                          .replicate(rows, 1);
      const Array xhat = centered * r;
      const Array g = dy64 * w;
      const Array gx = g * xhat;
      const nn::Matrix<T> wanted_y = (xhat * w + b).matrix().template cast<T>();
      const nn::Matrix<T> wanted_dx =
          (r * (g - g.colwise().mean().replicate(rows, 1) -
                xhat * gx.colwise().mean().replicate(rows, 1)))
              .matrix()
              .template cast<T>();
      const nn::Matrix<T> wanted_dw =
          (dy64 * xhat).rowwise().sum().matrix().template cast<T>();
      const nn::Matrix<T> wanted_db =
          dy64.rowwise().sum().matrix().template cast<T>();
      const nn::Matrix<T> scale = (dy64.abs() * (1 + xhat.abs()))
                                      .rowwise()
                                      .sum()
                                      .matrix()
                                      .template cast<T>();
      const nn::Matrix<T> dx_scale = (r * g.abs()).matrix().template cast<T>();
      CHECK(relative_difference(y.data(), wanted_y.data(), y.size()) <=
            kRounding<T>);
      CHECK(relative_difference(
                dx.data(), wanted_dx.data(), dx.size(), dx_scale.data()) <=
            kRounding<T>);
      CHECK(relative_difference(
                dweight.data(), wanted_dw.data(), rows, scale.data()) <=
            kRounding<T>);
      CHECK(relative_difference(
                dbias.data(), wanted_db.data(), rows, scale.data()) <=
            kRounding<T>);
    }
  }
}

TEST_CASE("sums over samples are the same bits for any number of threads",
          "[kernels][layer_norm][threads]") {
  constexpr Index kRows = 1100;
  constexpr Index kCols = 70;
  nn::Rng rng(74);
  const auto x = random_numbers<float>(kRows * kCols, rng);
  const auto dy = random_numbers<float>(kRows * kCols, rng);
  const auto mean = random_numbers<float>(kCols, rng);
  const auto inverse_std = random_numbers<float>(kCols, rng);
  const auto run = [&](int threads) {
    const nn_test::ScopedThreads scope(threads);
    std::vector<std::vector<float>> results(2, std::vector<float>(kRows));
    nn::Buffer scratch;
    scratch.reserve(nn::kernels::sample_scratch_bytes<float>(kRows, kCols));
    nn::kernels::sample_normalize_parameters<float>({kRows,
                                                     kCols,
                                                     x.data(),
                                                     dy.data(),
                                                     /*weight=*/nullptr,
                                                     mean.data(),
                                                     inverse_std.data(),
                                                     /*dx=*/nullptr,
                                                     results[0].data(),
                                                     results[1].data(),
                                                     scratch.data()});
    return results;
  };
  const auto alone = run(1);
  CHECK(run(2) == alone);
  CHECK(run(5) == alone);
}
