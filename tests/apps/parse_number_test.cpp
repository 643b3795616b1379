#include "common/parse_number.h"

#include <string>

#include "support/catch.h"
#include "support/hostile_locale.h"

TEST_CASE("numbers of options are read the same under every locale",
          "[options][locale]") {
  const auto check = [] {
    double value = 0;
    CHECK(apps::parse_finite("0.25", value));
    CHECK(value == 0.25);
    CHECK(apps::parse_finite("-1e-3", value));
    CHECK(value == -0.001);
    CHECK(apps::parse_finite("+2.", value));
    CHECK(value == 2.0);
    for (const char* text : {"",
                             "+",
                             "-",
                             "+-1",
                             "0,25",
                             "1 ",
                             " 1",
                             "1'000",
                             "nan",
                             "inf",
                             "1e999",
                             "one",
                             "0.5x"}) {
      CAPTURE(text);
      CHECK_FALSE(apps::parse_finite(text, value));
    }
    nn::Index whole = 0;
    CHECK(apps::parse_whole("1234567", whole));
    CHECK(whole == 1234567);
    CHECK(apps::parse_whole("-3", whole));
    CHECK(whole == -3);
    for (const char* text :
         {"", "1.0", "1,000", "9223372036854775808", "0x10", " 1"}) {
      CAPTURE(text);
      CHECK_FALSE(apps::parse_whole(text, whole));
    }
  };
  check();
  const nn_test::HostileLocale hostile;
  check();
}
