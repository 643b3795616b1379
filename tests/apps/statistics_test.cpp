#include "common/statistics.h"

#include <stdexcept>

#include "support/catch.h"

TEST_CASE("wilson_interval gives values computed by hand",
          "[apps][statistics]") {
  // With z = 2, 50 of 100: center 0.5 + 2/100 = 0.52, half
  // 2 sqrt(0.25/100 + 1/10000) = 2 sqrt(0.0026), scale 1.04.
  const apps::Interval half = apps::wilson_interval(50, 100, 2.0);
  CHECK(half.low == Catch::Approx(0.40194193243090774).epsilon(1e-12));
  CHECK(half.high == Catch::Approx(0.5980580675690922).epsilon(1e-12));

  // With z = 2, 8 of 10: center 0.8 + 0.2, half 2 sqrt(0.016 + 0.01), scale
  // 1.4.
  const apps::Interval most = apps::wilson_interval(8, 10, 2.0);
  CHECK(most.low == Catch::Approx(0.4839354929057557).epsilon(1e-12));
  CHECK(most.high == Catch::Approx(0.9446359356656729).epsilon(1e-12));
}

TEST_CASE("wilson_interval has its closed form at none and all right",
          "[apps][statistics]") {
  const double z2 = apps::kNormal95 * apps::kNormal95;
  const apps::Interval none = apps::wilson_interval(0, 10000);
  CHECK(none.low == 0.0);
  CHECK(none.high == Catch::Approx(z2 / (10000 + z2)).epsilon(1e-12));
  const apps::Interval all = apps::wilson_interval(10000, 10000);
  CHECK(all.low == Catch::Approx(10000 / (10000 + z2)).epsilon(1e-12));
  CHECK(all.high == 1.0);
}

TEST_CASE("wilson_interval refuses counts that are none",
          "[apps][statistics][errors]") {
  CHECK_THROWS_AS(apps::wilson_interval(1, 0), std::invalid_argument);
  CHECK_THROWS_AS(apps::wilson_interval(-1, 10), std::invalid_argument);
  CHECK_THROWS_AS(apps::wilson_interval(11, 10), std::invalid_argument);
}

TEST_CASE("the median is the middle", "[apps]") {
  CHECK(apps::median({3, 1, 2}) == 2);
  CHECK(apps::median({4, 1, 2, 3}) == 2.5);
  CHECK(apps::median({}) == 0);
}
