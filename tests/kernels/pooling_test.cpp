#include "kernels/pooling.h"

#include <cmath>
#include <vector>

#include "support/catch.h"
#include "support/guarded.h"
#include "support/kernel_reference.h"

namespace {

using nn::Index;
using nn::kernels::PoolGeometry;
using nn_test::Guarded;

}  // namespace

TEMPLATE_TEST_CASE("max pooling agrees with the reference to the bit",
                   "[kernels][pooling]",
                   float,
                   double) {
  nn::Rng rng(31);
  for (int i = 0; i < 400; ++i) {
    PoolGeometry g;
    g.channels = 1 + rng.index(5);
    g.height = 1 + rng.index(40);
    g.width = 1 + rng.index(70);
    g.window_h = g.window_w = g.stride_h = g.stride_w = 2;
    if (i % 2 == 1) {
      g.window_h = 1 + rng.index(4);
      g.window_w = 1 + rng.index(4);
      g.stride_h = 1 + rng.index(4);
      g.stride_w = 1 + rng.index(4);
    }
    if (g.window_h > g.height || g.window_w > g.width) continue;
    CAPTURE(i,
            g.channels,
            g.height,
            g.width,
            g.window_h,
            g.window_w,
            g.stride_h,
            g.stride_w);
    Guarded<TestType> x(g.in_features());
    Guarded<TestType> dy(g.out_features());
    x.fill(rng);
    dy.fill(rng);
    // Few different values, so that windows hold ties; now and then a NaN.
    for (Index j = 0; j < x.size(); ++j) {
      x.data()[j] = static_cast<TestType>(rng.index(4)) - TestType(1);
      if (i % 5 == 0 && rng.index(20) == 0) {
        x.data()[j] = std::numeric_limits<TestType>::quiet_NaN();
      }
    }
    Guarded<TestType> y(g.out_features());
    Guarded<std::uint8_t> argmax(g.out_features());
    std::vector<TestType> y_ref(static_cast<std::size_t>(g.out_features()));
    std::vector<std::uint8_t> argmax_ref(y_ref.size());
    nn::kernels::max_pool_image(g, x.data(), y.data(), argmax.data());
    nn_test::max_pool_reference(g, x.data(), y_ref.data(), argmax_ref.data());
    REQUIRE(y.guards_are_whole());
    REQUIRE(argmax.guards_are_whole());
    const auto same = [](TestType a, TestType b) {
      return a == b || (std::isnan(a) && std::isnan(b));
    };
    REQUIRE(std::equal(y_ref.begin(), y_ref.end(), y.data(), same));
    REQUIRE(std::equal(argmax_ref.begin(), argmax_ref.end(), argmax.data()));

    for (bool relu : {false, true}) {
      Guarded<TestType> dx(g.in_features());
      std::vector<TestType> dx_ref(static_cast<std::size_t>(g.in_features()));
      const TestType* outputs = relu ? y_ref.data() : nullptr;
      nn::kernels::max_pool_backward_image<TestType>(
          g, dy.data(), argmax_ref.data(), outputs, dx.data());
      nn_test::max_pool_backward_reference<TestType>(
          g, dy.data(), argmax_ref.data(), outputs, dx_ref.data());
      REQUIRE(dx.guards_are_whole());
      REQUIRE(std::equal(dx_ref.begin(), dx_ref.end(), dx.data(), same));
    }
  }
}

TEST_CASE("max pooling runs without a place for the winners",
          "[kernels][pooling]") {
  const float x[] = {1, 2, 3, 4, 5, 6, 7, 8};  // 2 x 4
  float y[2];
  nn::kernels::max_pool_image<float>({1, 2, 4, 2, 2, 2, 2}, x, y, nullptr);
  CHECK(y[0] == 6.0f);
  CHECK(y[1] == 8.0f);
}
