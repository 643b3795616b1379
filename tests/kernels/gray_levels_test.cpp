#include "kernels/gray_levels.h"

#include <cmath>
#include <cstdint>

#include "support/catch.h"
#include "support/guarded.h"

TEMPLATE_TEST_CASE("gray levels are scaled wherever they lie",
                   "[kernels][gray_levels]",
                   float,
                   double) {
  const TestType scale = TestType(0.0127);
  const TestType offset = TestType(-0.42);
  const double rounding = sizeof(TestType) == 4 ? 1e-6 : 1e-15;
  for (nn::Index size : {1, 2, 7, 15, 16, 17, 31, 256, 784}) {
    CAPTURE(size);
    nn_test::Guarded<std::uint8_t> gray(size);
    nn_test::Guarded<TestType> x(size);
    // All 256 levels in turn, the highest among them.
    for (nn::Index i = 0; i < size; ++i) {
      gray.data()[i] = static_cast<std::uint8_t>(255 - i % 256);
    }
    nn::kernels::scale_gray_levels(gray.data(), scale, offset, x.data(), size);
    CHECK(x.guards_are_whole());
    for (nn::Index i = 0; i < size; ++i) {
      const double expected = gray.data()[i] * static_cast<double>(scale) +
                              static_cast<double>(offset);
      REQUIRE(std::abs(static_cast<double>(x.data()[i]) - expected) <=
              rounding);
    }
  }
}
