#include "nn/files/safetensors.h"

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "nn/files/file.h"
#include "nn/random.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

namespace {

using Catch::Matchers::ContainsSubstring;
using nn::Index;
using nn_test::message_of;
using nn_test::TemporaryDirectory;
using Error = std::runtime_error;

/// A file with this header, its length before it.
std::string file_bytes(const std::string& header, const std::string& data) {
  std::string bytes;
  for (std::size_t i = 0; i < 8; ++i) {
    bytes += static_cast<char>(
        static_cast<unsigned char>((header.size() >> (8 * i)) & 0xffu));
  }
  return bytes + header + data;
}

nn::SafetensorsFile read_bytes(const std::string& bytes) {
  return nn::read_safetensors(nn::MemoryFile{bytes});
}

/// What reading these bytes complains of, without the path that leads it.
std::string complaint(const std::string& bytes) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("weights");
  nn::write_file_atomically(path, bytes);
  const std::string message =
      message_of<Error>([&path] { nn::read_safetensors(path); });
  // From memory it is the same.
  CHECK(message == message_of<Error>([&] {
          nn::read_safetensors(nn::MemoryFile{bytes, path});
        }));
  if (message.substr(0, path.size() + 2) != path + ": ") return message;
  return message.substr(path.size() + 2);
}

std::string complaint(const std::string& header, const std::string& data) {
  return complaint(file_bytes(header, data));
}

/// A header for one tensor "a".
std::string entry(const std::string& dtype,
                  const std::string& shape,
                  const std::string& offsets) {
  return "{\"a\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}}";
}

nn::SafetensorsFile two_tensors() {
  nn::SafetensorsFile file;
  file.tensors.push_back({"0.weight", "F32", {2, 1, 3}, std::string(24, 'w')});
  file.tensors.push_back({"0.bias", "F64", {2}, "0123456789abcdef"});
  file.metadata["format"] = "pt";
  return file;
}

}  // namespace

TEST_CASE("a safetensors file has the bytes that the format says",
          "[safetensors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("weights");
  nn::SafetensorsFile file;
  file.tensors.push_back({"a", "F32", {1, 2}, "12345678"});
  nn::write_safetensors(path, file);
  const std::string header =
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[1, 2],\"data_offsets\":[0,8]}}";
  const std::string padding((8 - header.size() % 8) % 8, ' ');
  REQUIRE(nn::read_file(path) == file_bytes(header + padding, "12345678"));
}

TEST_CASE("a safetensors header is padded so that the data is aligned",
          "[safetensors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("weights");
  for (std::size_t length = 1; length <= 9; ++length) {
    nn::SafetensorsFile file;
    file.tensors.push_back({std::string(length, 'n'), "F32", {1}, "1234"});
    nn::write_safetensors(path, file);
    const std::string bytes = nn::read_file(path);
    REQUIRE(static_cast<unsigned char>(bytes[0]) % 8 == 0);
    REQUIRE(bytes.size() % 8 == 4);
    REQUIRE(nn::read_safetensors(path).tensors.at(0).bytes == "1234");
  }
}

TEST_CASE("tensors and metadata come back as they were written",
          "[safetensors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("weights");
  nn::SafetensorsFile file = two_tensors();
  file.tensors.push_back({"scalar", "F32", {}, "abcd"});
  file.tensors.push_back({"empty", "F64", {3, 0}, ""});
  const std::string odd = "quote \" slash \\ tab \t line \n zero " +
                          std::string(1, '\0') + " \xc3\xa9 \xf0\x9f\x98\x80";
  file.tensors.push_back({odd, "F32", {1}, "efgh"});
  file.metadata[odd] = odd;
  nn::write_safetensors(path, file);

  const nn::SafetensorsFile back = nn::read_safetensors(path);
  REQUIRE(back.metadata == file.metadata);
  REQUIRE(back.tensors.size() == file.tensors.size());
  for (std::size_t i = 0; i < file.tensors.size(); ++i) {
    CHECK(back.tensors[i].name == file.tensors[i].name);
    CHECK(back.tensors[i].dtype == file.tensors[i].dtype);
    CHECK(back.tensors[i].dims == file.tensors[i].dims);
    CHECK(back.tensors[i].bytes == file.tensors[i].bytes);
  }
}

TEST_CASE("a file without tensors is read", "[safetensors]") {
  REQUIRE(read_bytes(file_bytes("{}", "")).tensors.empty());
  const TemporaryDirectory directory;
  nn::write_safetensors(directory.file("none"), {});
  REQUIRE(nn::read_safetensors(directory.file("none")).tensors.empty());
}

TEST_CASE("the header may have spaces, escapes and any order",
          "[safetensors]") {
  const nn::SafetensorsFile file = read_bytes(file_bytes(
      " { \"b\\u00e9\\ud83d\\ude00\\/\\n\" :\n{ \"data_offsets\" : [ 4 , 12 ] "
      ",\t\"shape\":[ ],\r\"dtype\":\"F64\" } , \"a\":{\"shape\":[1],"
      "\"dtype\":\"F32\",\"data_offsets\":[0,4]}, \"__metadata__\" : { } }   ",
      "abcd01234567"));
  REQUIRE(file.tensors.size() == 2);
  // In the order of the data.
  REQUIRE(file.tensors[0].name == "a");
  REQUIRE(file.tensors[0].bytes == "abcd");
  REQUIRE(file.tensors[1].name == "b\xc3\xa9\xf0\x9f\x98\x80/\n");
  REQUIRE(file.tensors[1].bytes == "01234567");
  REQUIRE(file.tensors[1].dims.empty());
}

TEST_CASE("a header length beyond the file is refused without being believed",
          "[safetensors][errors]") {
  CHECK(complaint("") == "expected a safetensors file, found an empty file");
  CHECK(complaint("\1\2\3\4\5\6\7") ==
        "expected a safetensors file, which has at least 8 bytes, found 7");
  CHECK(complaint(std::string(8, '\xff') + "{}") ==
        "expected a header of 18446744073709551615 bytes, as the first 8 bytes "
        "say, found 2 bytes behind them");
  CHECK(complaint(std::string("\x03\0\0\0\0\0\0\0{}", 10)) ==
        "expected a header of 3 bytes, as the first 8 bytes say, found 2 bytes "
        "behind them");
}

TEST_CASE("sizes, offsets and types that disagree are refused",
          "[safetensors][errors]") {
  CHECK(complaint(entry("F32", "[2]", "[0,4]"), "abcd") ==
        "tensor \"a\": expected 8 bytes for F32 [2], found data_offsets 0 to "
        "4");
  CHECK(complaint(entry("F32", "[1]", "[4,0]"), "abcd") ==
        "tensor \"a\": expected 4 bytes for F32 [1], found data_offsets 4 to "
        "0");
  CHECK(complaint(entry("F16", "[3]", "[0,4]"), "abcd") ==
        "tensor \"a\": expected 6 bytes for F16 [3], found data_offsets 0 to "
        "4");
  CHECK(complaint(entry("F32", "[1]", "[0,4]"), "abc") ==
        "tensor \"a\": expected data up to 4, found only 3 bytes of data");
  CHECK(complaint(entry("F32", "[1]", "[0,4]"), "abcde") ==
        "expected 4 bytes of data, found 5");
  CHECK(complaint(entry("F32", "[1]", "[4,8]"), "abcdefgh") ==
        "tensor \"a\": expected its data at offset 0, where the one before it "
        "ends, found data_offsets 4 to 8");
  CHECK_THAT(complaint(entry("F32", "[1]", "[0,4,4]"), "abcd"),
             ContainsSubstring("expected 2 data_offsets, found 3"));
  // 2^62 * 4 and 2^32 * 2^32 leave 64 bits; the first would wrap to 0.
  CHECK_THAT(complaint(entry("F32", "[4611686018427387904]", "[0,0]"), ""),
             ContainsSubstring("which is too large"));
  CHECK_THAT(complaint(entry("F32", "[4294967296,4294967296]", "[0,0]"), ""),
             ContainsSubstring("which is too large"));
  CHECK_THAT(complaint(entry("F32", "[18446744073709551615]", "[0,4]"), "abcd"),
             ContainsSubstring("which is too large"));
  CHECK_THAT(complaint(entry("F32", "[1]", "[18446744073709551612,0]"), "abcd"),
             ContainsSubstring("found data_offsets 18446744073709551612 to 0"));
}

TEST_CASE("tensors that overlap or leave a gap are refused",
          "[safetensors][errors]") {
  const auto two = [](const std::string& first, const std::string& second) {
    return "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":" + first +
           "},\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":" +
           second + "}}";
  };
  CHECK(complaint(two("[0,4]", "[4,8]"), "abcdefgh") == "(nothing was thrown)");
  CHECK(complaint(two("[4,8]", "[0,4]"), "abcdefgh") == "(nothing was thrown)");
  CHECK_THAT(complaint(two("[0,4]", "[2,6]"), "abcdefgh"),
             ContainsSubstring("\"b\": expected its data at offset 4"));
  CHECK_THAT(complaint(two("[0,4]", "[0,4]"), "abcd"),
             ContainsSubstring("\"b\": expected its data at offset 4"));
  CHECK_THAT(complaint(two("[0,4]", "[5,9]"), "abcdefghi"),
             ContainsSubstring("\"b\": expected its data at offset 4"));
}

TEST_CASE("incomplete, doubled and unknown entries are refused",
          "[safetensors][errors]") {
  const std::string a =
      "\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}";
  CHECK(complaint("{" + a + "," + a + "}", "") ==
        "the JSON header has the name \"a\" twice");
  CHECK(complaint("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", "") ==
        "the JSON header has the name \"dtype\" twice");
  CHECK(complaint("{\"a\":{\"dtype\":\"F32\",\"shape\":[0]}}", "") ==
        "tensor \"a\" has no data_offsets");
  CHECK(complaint("{\"a\":{\"shape\":[0],\"data_offsets\":[0,0]}}", "") ==
        "tensor \"a\" has no dtype");
  CHECK(complaint("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,0]}}", "") ==
        "tensor \"a\" has no shape");
  CHECK_THAT(complaint("{\"a\":{\"color\":\"red\"}}", ""),
             ContainsSubstring("found \"color\""));
}

TEST_CASE("json outside the format's subset is refused with its place",
          "[safetensors][errors]") {
  CHECK(complaint("", "") ==
        "expected a safetensors file, found a file that begins with zeros");
  CHECK(complaint("[]", "") ==
        "expected '{' at byte 0 of the JSON header, found '['");
  CHECK(complaint("{} x", "") ==
        "expected nothing but spaces behind the object at byte 3 of the JSON "
        "header, found 'x'");
  for (const std::string& header :
       {std::string("{"),
        std::string("{\"a\""),
        std::string("{\"a\":"),
        std::string("{\"a\":1}"),
        std::string("{\"a\":null}"),
        std::string("{\"a\":[]}"),
        std::string("{,}"),
        std::string("{}\n"),
        std::string("{}") + '\0',
        std::string("{\"__metadata__\":{\"a\":1}}"),
        std::string("{\"__metadata__\":{\"a\":\"b\",}}"),
        std::string("{\"__metadata__\":{\"\t\":\"b\"}}"),
        std::string("{\"__metadata__\":{\"\xff\":\"b\"}}"),
        std::string("{\"__metadata__\":{\"\xc0\x80\":\"b\"}}"),
        std::string("{\"__metadata__\":{\"\xed\xa0\x80\":\"b\"}}"),
        std::string("{\"__metadata__\":{\"\\x\":\"b\"}}"),
        std::string("{\"__metadata__\":{\"\\u12g4\":\"b\"}}"),
        std::string("{\"__metadata__\":{\"\\ud800\":\"b\"}}"),
        std::string("{\"__metadata__\":{\"\\ud800\\u0041\":\"b\"}}"),
        std::string("{\"__metadata__\":{\"\\udc00\":\"b\"}}"),
        std::string("{\"__metadata__\":{\"\\u00"),
        entry("F32", "[-1]", "[0,0]"),
        entry("F32", "[1.0]", "[0,4]"),
        entry("F32", "[1e0]", "[0,4]"),
        entry("F32", "[01]", "[0,4]"),
        entry("F32", "[1,]", "[0,4]"),
        entry("F32", "[[1]]", "[0,4]"),
        entry("F32", "[\"1\"]", "[0,4]"),
        entry("F32", "1", "[0,4]"),
        entry("F32", "[18446744073709551616]", "[0,0]"),
        entry("F32", "[99999999999999999999999]", "[0,0]")}) {
    CAPTURE(header);
    CHECK_THAT(complaint(header, "abcd"),
               ContainsSubstring("of the JSON header, found"));
  }
  // Depth cannot exhaust the stack.
  CHECK_THAT(complaint(std::string(1000000, '['), ""),
             ContainsSubstring("of the JSON header, found '['"));
}

TEST_CASE("a safetensors file cut short anywhere is refused",
          "[safetensors][errors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("weights");
  nn::write_safetensors(path, two_tensors());
  const std::string bytes = nn::read_file(path);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    nn::write_file_atomically(path, bytes.substr(0, size));
    CAPTURE(size);
    REQUIRE_THROWS_AS(nn::read_safetensors(path), Error);
  }
}

TEST_CASE("a safetensors file with changed bytes is read or refused",
          "[safetensors][errors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("weights");
  nn::write_safetensors(path, two_tensors());
  const std::string bytes = nn::read_file(path);
  nn::Rng rng(1);
  int refused = 0;
  for (int round = 0; round < 600; ++round) {
    std::string damaged = bytes;
    const Index changes = 1 + rng.index(3);
    for (Index k = 0; k < changes; ++k) {
      // JSON's own characters reach deeper into the parser than random bytes.
      static const std::string kMarks = "{}[]\",:\\u0129 -.";
      const auto place =
          static_cast<std::size_t>(rng.index(static_cast<Index>(bytes.size())));
      damaged[place] = rng.index(2) == 0
                           ? static_cast<char>(rng.index(256))
                           : kMarks[static_cast<std::size_t>(
                                 rng.index(static_cast<Index>(kMarks.size())))];
    }
    nn::write_file_atomically(path, damaged);
    try {
      const nn::SafetensorsFile file = nn::read_safetensors(path);
      std::size_t size_bytes = 0;
      for (const nn::Tensor& tensor : file.tensors) {
        size_bytes += tensor.bytes.size();
      }
      REQUIRE(size_bytes == 40);
    } catch (const Error&) {
      ++refused;
    }
  }
  REQUIRE(refused > 300);
  REQUIRE(refused < 600);
}

TEST_CASE("tensors that no reader could take are not written",
          "[safetensors][errors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("weights");
  const auto write = [&path](const std::vector<nn::Tensor>& tensors) {
    nn::SafetensorsFile file;
    file.tensors = tensors;
    nn::write_safetensors(path, file);
  };
  using Bad = std::invalid_argument;
  CHECK_THROWS_AS(write({{"a", "F32", {2}, "abcd"}}), Bad);
  CHECK_THROWS_AS(write({{"a", "I31", {1}, "abcd"}}), Bad);
  CHECK_THROWS_AS(write({{"a", "I64", {1}, "abcd"}}), Bad);
  CHECK_THROWS_AS(write({{"a", "F32", {-1, -1}, "abcd"}}), Bad);
  CHECK_THROWS_AS(write({{"\xff", "F32", {1}, "abcd"}}), Bad);
  CHECK_THROWS_AS(write({{"__metadata__", "F32", {1}, "abcd"}}), Bad);
  CHECK_THROWS_AS(write({{"a", "F32", {1}, "abcd"}, {"a", "F32", {1}, "abcd"}}),
                  Bad);
  CHECK_THROWS_AS(nn::read_file(path), Error);
}
