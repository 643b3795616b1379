#include "files/json.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <locale>
#include <stdexcept>

#include "nn/random.h"
#include "support/catch.h"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Equals;
using nn::internal::json_number;
using nn::internal::json_string;
using nn::internal::JsonReader;

namespace {

double read_number(const std::string& text) {
  JsonReader reader(text, "the text");
  const double value = reader.read_number();
  reader.expect_end();
  return value;
}

std::string read_string(const std::string& text) {
  JsonReader reader(text, "the text");
  return reader.read_string();
}

// Half of the world writes 1,5 for 1.5.
class CommaLocale : public std::numpunct<char> {
 protected:
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

}  // namespace

TEST_CASE("a number in JSON comes back the same to the bit", "[json]") {
  CHECK(json_number(16) == "16");
  CHECK(json_number(0.1) == "0.1");
  CHECK(json_number(-2.5) == "-2.5");
  CHECK(json_number(1e-5) == "1e-05");
  nn::Rng rng(3);
  for (int i = 0; i < 2000; ++i) {
    const double value =
        std::ldexp(rng.normal(), static_cast<int>(rng.index(600)) - 300);
    CHECK(read_number(json_number(value)) == value);
  }
  for (const double value : {0.0,
                             -0.0,
                             1.0 / 3.0,
                             std::numeric_limits<double>::max(),
                             std::numeric_limits<double>::min(),
                             9007199254740991.0}) {
    const double again = read_number(json_number(value));
    CHECK(std::memcmp(&again, &value, sizeof(value)) == 0);
  }
}

TEST_CASE("numbers in JSON do not depend on the locale", "[json]") {
  const std::locale before =
      std::locale::global(std::locale(std::locale(), new CommaLocale));
  const std::string text = json_number(1234567.5);
  const double value = read_number("1234567.5");
  std::locale::global(before);
  CHECK(text == "1234567.5");
  CHECK(value == 1234567.5);
}

TEST_CASE("numbers are read as JSON spells them", "[json][errors]") {
  CHECK(read_number(" -12.5e+1") == -125.0);
  CHECK(read_number("0") == 0.0);
  CHECK(read_number("1E2") == 100.0);
  for (const char* text : {"",
                           "+1",
                           ".5",
                           "1.",
                           "01",
                           "-",
                           "1e",
                           "1e+",
                           "nan",
                           "inf",
                           "0x10",
                           "\"1\"",
                           "1e999",
                           "-1e999"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(read_number(text), std::runtime_error);
  }
  CHECK_THROWS_WITH(
      read_number("1e999"),
      Equals("expected a number in the range of a double at byte 0 of the "
             "text, found '1'"));
  CHECK_THROWS_WITH(read_number("1,5"), ContainsSubstring("at byte 1"));
}

TEST_CASE("a string in JSON comes back the same", "[json]") {
  for (const std::string& text :
       {std::string(), std::string("a\"b\\c/d"), std::string("\n\t\x01", 3)}) {
    CHECK(read_string(json_string(text)) == text);
  }
  CHECK(read_string("\"\\u00e9\\ud83d\\ude00\"") == "\xc3\xa9\xf0\x9f\x98\x80");
}

TEST_CASE("arrays and objects are read member by member", "[json]") {
  const std::string text = R"( { "a" : [ 1, [ ], 2.5 ], "b":{}} )";
  JsonReader reader(text, "the text");
  std::vector<std::string> seen;
  reader.read_object([&](const std::string& key) {
    seen.push_back(key);
    if (key == "b") {
      reader.read_object([](const std::string&) {});
      return;
    }
    int element = 0;
    reader.read_array([&] {
      if (element++ == 1) {
        CHECK(reader.read_integers().empty());
      } else {
        seen.push_back(json_number(reader.read_number()));
      }
    });
  });
  reader.expect_end();
  CHECK(seen == std::vector<std::string>{"a", "1", "2.5", "b"});

  const std::string twice = R"({"a":1,"a":2})";
  JsonReader twice_reader(twice, "the text");
  CHECK_THROWS_WITH(twice_reader.read_object([&](const std::string&) {
    twice_reader.read_integer();
  }),
                    Equals("the text has the name \"a\" twice"));
}

TEST_CASE("integers up to 2^64 - 1 are read", "[json][errors]") {
  const auto read = [](const std::string& text) {
    return JsonReader(text, "the text").read_integer();
  };
  CHECK(read("18446744073709551615") ==
        std::numeric_limits<std::uint64_t>::max());
  CHECK(read("0") == 0);
  CHECK_THROWS_AS(read("18446744073709551616"), std::runtime_error);
  CHECK_THROWS_AS(read("99999999999999999999"), std::runtime_error);
  CHECK_THROWS_AS(read("-1"), std::runtime_error);
  CHECK_THROWS_AS(read("01"), std::runtime_error);
}
