#include "nn/check.h"

#include <cmath>
#include <limits>
#include <stdexcept>

#include "support/catch.h"
#include "support/errors.h"

TEST_CASE("a message is made of its parts", "[check]") {
  CHECK(nn::concat("a ", 1, std::string(" b "), 0.5, 'c', 2.5F) ==
        "a 1 b 0.5c2.5");
  CHECK(nn::concat(-1.5, ' ', -std::numeric_limits<double>::infinity()) ==
        "-1.5 -inf");
  CHECK_NOTHROW(nn::check_argument(true, "never ", 1));
  CHECK(nn_test::message_of<std::invalid_argument>([] {
          nn::check_argument(false, "expected ", 1, ", got ", 2);
        }) == "expected 1, got 2");
}

TEMPLATE_TEST_CASE("a message has a NaN without its sign",
                   "[check]",
                   float,
                   double) {
  const TestType nan = std::numeric_limits<TestType>::quiet_NaN();
  CHECK(nn::concat(std::copysign(nan, TestType(1))) == "nan");
  CHECK(nn::concat(std::copysign(nan, TestType(-1))) == "nan");
}
