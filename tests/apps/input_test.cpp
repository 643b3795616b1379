// What is made of files from elsewhere before anybody looks at them.

#include <sys/stat.h>

#include <filesystem>
#include <stdexcept>
#include <string>

#include "common/input_file.h"
#include "common/parse_json.h"
#include "common/printable.h"
#include "nn/files/file.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

using Catch::Matchers::ContainsSubstring;

namespace {

const std::string kMark = "\uFFFD";

std::string parse_error(const std::string& text) {
  return nn_test::message_of<std::runtime_error>(
      [&text] { apps::parse_json(text); });
}

}  // namespace

TEST_CASE("printable keeps what shows and replaces what does not", "[apps]") {
  CHECK(apps::printable("T-shirt/top 98 %") == "T-shirt/top 98 %");
  // Umlauts, Greek, Chinese, an emoji of four bytes, an accent on its own.
  const std::string shown =
      "\u00FC\u03B1\u4E2D\U0001F600"
      "e\u0301";
  CHECK(apps::printable(shown) == shown);
  CHECK(apps::printable("a\x1B[31mb") == "a" + kMark + "[31mb");
  CHECK(apps::printable(std::string("\0\n\r\t\x7F", 5)) ==
        kMark + kMark + kMark + kMark + kMark);
  CHECK(apps::printable("\u0085\u009B") == kMark + kMark);
  CHECK(apps::printable("\u202Egnp.exe") == kMark + "gnp.exe");
  CHECK(apps::printable("\u2066\u2069\u200B\uFEFF\u2028") ==
        kMark + kMark + kMark + kMark + kMark);
  CHECK(apps::printable("\U000E0041\uE000\uFDD0") == kMark + kMark + kMark);
}

TEST_CASE("printable gives valid UTF-8 for any bytes", "[apps]") {
  // A byte without its beginning, a beginning without its end, forms longer
  // than need be, surrogates, numbers beyond the last.
  for (const char* bytes : {"\x80",
                            "\xC3",
                            "\xE4\xB8",
                            "\xF0\x9F\x98",
                            "\xC0\xAF",
                            "\xE0\x80\xAF",
                            "\xF0\x80\x80\xAF",
                            "\xED\xA0\x80",
                            "\xF4\x90\x80\x80",
                            "\xFF"}) {
    const std::string text = bytes;
    CAPTURE(text.size());
    std::string marks;
    for (std::size_t i = 0; i < text.size(); ++i) marks += kMark;
    CHECK(apps::printable(text) == marks);
    CHECK(apps::printable("a" + text + "b") == "a" + marks + "b");
  }
  // It finds nothing to do in what it made, whatever the bytes were.
  unsigned state = 1;
  for (int round = 0; round < 2000; ++round) {
    std::string bytes;
    for (int i = 0; i < 12; ++i) {
      state = state * 1664525U + 1013904223U;
      bytes += static_cast<char>(state >> 24U);
    }
    const std::string once = apps::printable(bytes);
    CHECK(apps::printable(once) == once);
  }
}

TEST_CASE("printable cuts what is too long between characters", "[apps]") {
  CHECK(apps::printable("abcd", 4) == "abcd");
  CHECK(apps::printable("abcde", 4) == "abc\u2026");
  CHECK(apps::printable("\u4E2D\u4E2D\u4E2D", 2) == "\u4E2D\u2026");
  CHECK(apps::printable(std::string(1 << 20, 'W')).size() <
        apps::kMostText + 4);
  // Accents without end are higher than any page.
  std::string tower = "a";
  for (int i = 0; i < 1000; ++i) tower += "\u0301";
  CHECK(apps::printable(tower).size() < 12);
}

TEST_CASE("JSON is bounded in depth before anything is built of it",
          "[apps][errors]") {
  const auto nested = [](int depth) {
    const auto count = static_cast<std::size_t>(depth);
    return std::string(count, '[') + std::string(count, ']');
  };
  CHECK(apps::parse_json(nested(apps::kMostJsonDepth)).is_array());
  CHECK_THAT(parse_error(nested(apps::kMostJsonDepth + 1)),
             ContainsSubstring("32 deep"));
  // Whoever copied or printed these would call itself as many times.
  CHECK_THAT(parse_error(nested(1'000'000)), ContainsSubstring("32 deep"));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  CHECK_THAT(parse_error(objects), ContainsSubstring("32 deep"));
}

TEST_CASE("JSON from elsewhere is refused where it is not clear",
          "[apps][errors]") {
  CHECK_THAT(parse_error("{\"a\":1,\"b\":{\"a\":2},\"a\":3}"),
             ContainsSubstring("'a' twice"));
  CHECK(apps::parse_json("[{\"a\":1},{\"a\":{\"a\":2}}]").size() == 2);
  for (const char* text : {"",
                           "{",
                           "nan",
                           "[NaN]",
                           "[Infinity]",
                           "[1e999]",
                           "{\"a\":\"\xFF\"}",
                           "{} {}",
                           "[1,]"}) {
    CAPTURE(text);
    const std::string message = parse_error(text);
    CHECK(!message.empty());
    CHECK(apps::printable(message) == message);
  }
}

TEST_CASE("texts and keys of JSON are printable", "[apps]") {
  const nlohmann::json json =
      apps::parse_json("{\"\\u001b[31m\":[{\"a\":\"x\\u202ey\\u0000\"}]}");
  CHECK(json.at(kMark + "[31m").at(0).at("a") == "x" + kMark + "y" + kMark);
}

TEST_CASE("an input is a regular file of bounded size", "[apps][errors]") {
  const nn_test::TemporaryDirectory folder;
  const auto complaint = [&](const std::string& path, std::size_t most) {
    return nn_test::message_of<std::runtime_error>(
        [&] { apps::read_input(path, most); });
  };
  const std::string path = folder.file("file");
  nn::write_file_atomically(path, std::string(100'000, 'x'));
  CHECK(apps::read_input(path, 100'000) == std::string(100'000, 'x'));
  CHECK_THAT(complaint(path, 99'999),
             ContainsSubstring(path + ": expected at most 99999 bytes") &&
                 ContainsSubstring("100000"));
  nn::write_file_atomically(folder.file("empty"), "");
  CHECK(apps::read_input(folder.file("empty"), 10).empty());
  // It says that it is empty, and is not.
  if (std::filesystem::exists("/proc/self/status")) {
    CHECK(apps::read_input("/proc/self/status", 1 << 16).size() > 100);
    CHECK_THAT(complaint("/proc/self/status", 10),
               ContainsSubstring("at most 10 bytes"));
  }
  CHECK_THAT(complaint(folder.path(), 10), ContainsSubstring("a folder"));
  CHECK_THAT(complaint("/dev/zero", 10), ContainsSubstring("a device"));
  CHECK_THAT(complaint(folder.file("none"), 10), ContainsSubstring("none: "));
  // Nobody ever writes to this pipe.
  const std::string pipe = folder.file("pipe");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK_THAT(complaint(pipe, 10), ContainsSubstring("a pipe"));
}
