#include "files/safetensors_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "files/half.h"
#include "files/little_endian.h"
#include "nn/check.h"
#include "nn/files/model.h"
#include "nn/layers/linear.h"
#include "support/allocations.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

namespace {

using Catch::Matchers::ContainsSubstring;
using nn::Index;
using nn::MemoryFile;
using nn::read_safetensors;
using nn_test::message_of;
using nn_test::TemporaryDirectory;
using Error = std::runtime_error;

std::string length_bytes(std::uint64_t length) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) {
    bytes += static_cast<char>(
        static_cast<unsigned char>((length >> (8 * i)) & 0xffu));
  }
  return bytes;
}

std::string file_bytes(const std::string& header, const std::string& data) {
  return length_bytes(header.size()) + header + data;
}

std::string entry(const std::string& name,
                  const std::string& dtype,
                  const std::string& shape,
                  std::uint64_t begin,
                  std::uint64_t end) {
  return nn::concat("\"",
                    name,
                    "\":{\"dtype\":\"",
                    dtype,
                    "\",\"shape\":",
                    shape,
                    ",\"data_offsets\":[",
                    begin,
                    ",",
                    end,
                    "]}");
}

std::string complaint(const std::string& bytes,
                      const nn::ReadLimits& limits = {}) {
  try {
    read_safetensors(MemoryFile{bytes}, limits);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

/// A sparse file: its first bytes, and zeros up to a size.
void write_sparse(const std::string& path,
                  const std::string& head,
                  off_t size) {
  nn::write_file_atomically(path, head);
  REQUIRE(::truncate(path.c_str(), size) == 0);
}

std::size_t bytes_taken_by(const std::function<void()>& work) {
  const std::size_t before = nn_test::allocated_bytes();
  work();
  return nn_test::allocated_bytes() - before;
}

}  // namespace

TEST_CASE("tensors of every type are carried as they are", "[safetensors]") {
  for (const char* dtype : {"BOOL",
                            "U8",
                            "I8",
                            "F8_E4M3",
                            "F8_E5M2",
                            "I16",
                            "U16",
                            "F16",
                            "BF16",
                            "I32",
                            "U32",
                            "F32",
                            "I64",
                            "U64",
                            "F64",
                            "C64"}) {
    CAPTURE(dtype);
    const std::uint64_t bytes = 3 * nn::internal::element_bits(dtype) / 8;
    REQUIRE(bytes > 0);
    const std::string data(bytes, 'x');
    const std::string header = "{" + entry("a", dtype, "[3]", 0, bytes) + "}";
    const auto file = read_safetensors(MemoryFile{file_bytes(header, data)});
    REQUIRE(file.tensors.size() == 1);
    CHECK(file.tensors[0].dtype == dtype);
    CHECK(file.tensors[0].bytes == data);

    const TemporaryDirectory directory;
    nn::write_safetensors(directory.file("again"), file);
    CHECK(read_safetensors(directory.file("again")).tensors[0].bytes == data);

    const std::string wrong = "{" + entry("a", dtype, "[2]", 0, bytes) + "}";
    CHECK_THAT(complaint(file_bytes(wrong, data)),
               ContainsSubstring(nn::concat(" for ", dtype, " [2]")));
  }
  // Half a byte an element.
  const std::string nibbles = "{" + entry("a", "F4", "[2,3]", 0, 3) + "}";
  CHECK(complaint(file_bytes(nibbles, "abc")).empty());
  const std::string odd = "{" + entry("a", "F4", "[3]", 0, 2) + "}";
  CHECK_THAT(complaint(file_bytes(odd, "ab")), ContainsSubstring("F4 [3]"));
  // A type of the future: its size is not checked, its place is.
  const std::string unknown = "{" + entry("a", "X3", "[5]", 0, 2) + "}";
  CHECK(complaint(file_bytes(unknown, "ab")).empty());
  CHECK_THAT(complaint(file_bytes(unknown, "abc")),
             ContainsSubstring("expected 2 bytes of data, found 3"));
}

TEST_CASE("numbers of 16 bits are the floats that they stand for",
          "[safetensors]") {
  using nn::internal::BFloat16;
  using nn::internal::Float16;
  const auto half = [](unsigned bits) {
    return static_cast<float>(Float16{static_cast<std::uint16_t>(bits)});
  };
  const auto brain = [](unsigned bits) {
    return static_cast<float>(BFloat16{static_cast<std::uint16_t>(bits)});
  };
  CHECK(half(0x3c00) == 1.0F);
  CHECK(half(0xc000) == -2.0F);
  CHECK(half(0x7bff) == 65504.0F);
  CHECK(half(0x0400) == std::ldexp(1.0F, -14));
  CHECK(half(0x0001) == std::ldexp(1.0F, -24));
  CHECK(half(0x3555) == 0.333251953125F);
  CHECK(half(0x7c00) == std::numeric_limits<float>::infinity());
  CHECK(half(0xfc00) == -std::numeric_limits<float>::infinity());
  CHECK(std::isnan(half(0x7e01)));
  CHECK(std::signbit(half(0x8000)));
  CHECK(brain(0x3f80) == 1.0F);
  CHECK(brain(0xc040) == -3.0F);
  CHECK(brain(0x7f7f) == 3.38953139e38F);
  CHECK(brain(0x0001) == std::ldexp(1.0F, -133));
  CHECK(std::isnan(brain(0x7fc0)));
  // All of them: they grow with their bits, and none is another's.
  float before = -1;
  for (unsigned bits = 0; bits < 0x7c00; ++bits) {
    REQUIRE(half(bits) > before);
    REQUIRE(half(bits | 0x8000) == -half(bits));
    before = half(bits);
  }
}

TEMPLATE_TEST_CASE("a network takes weights of 16 bits",
                   "[safetensors]",
                   float,
                   double) {
  nn::Sequential<TestType> network(nn::Shape{2});
  network.template add<nn::Linear>(1);
  const std::string header = "{" + entry("0.weight", "F16", "[1,2]", 0, 4) +
                             "," + entry("0.bias", "BF16", "[1]", 4, 6) + "}";
  // 1.5, -0.25; 100
  const std::string data("\x00\x3e\x00\xb4\xc8\x42", 6);
  nn::load_weights(MemoryFile{file_bytes(header, data)}, network);
  const auto parameters = network.parameters();
  CHECK(parameters[0]->value(0, 0) == TestType(1.5));
  CHECK(parameters[0]->value(1, 0) == TestType(-0.25));
  CHECK(parameters[1]->value(0, 0) == TestType(100));
}

TEST_CASE("a tensor of a type that is no number is refused where it is wanted",
          "[safetensors][errors]") {
  nn::Sequential<float> network(nn::Shape{2});
  network.add<nn::Linear>(1);
  const std::string header = "{" + entry("0.weight", "I8", "[1,2]", 0, 2) +
                             "," + entry("0.bias", "F32", "[1]", 2, 6) + "}";
  const std::string bytes = file_bytes(header, "abcdef");
  CHECK(read_safetensors(MemoryFile{bytes}).tensors.size() == 2);
  CHECK(message_of<Error>(
            [&] { nn::load_weights(MemoryFile{bytes}, network); }) ==
        "memory: parameter \"0.weight\": expected the type F32, F64, F16 or "
        "BF16, found \"I8\"");
}

TEST_CASE("a missing tensor is told with those that are there",
          "[safetensors][errors]") {
  // A module with a Flatten between, whose Linear has the place 1.
  nn::Sequential<float> network(nn::Shape{2});
  network.add<nn::Linear>(1);
  const std::string header = "{" + entry("steps", "I64", "[]", 0, 8) + "," +
                             entry("1.bias", "F32", "[1]", 8, 12) + "," +
                             entry("1.weight", "F32", "[1,2]", 12, 20) + "}";
  CHECK(message_of<Error>([&] {
          nn::load_weights(MemoryFile{file_bytes(header, std::string(20, 'a'))},
                           network);
        }) ==
        "memory: expected the network's parameter \"0.weight\" [1, 2], found "
        "no such tensor; the file has \"1.weight\" [1, 2], \"steps\" [], "
        "\"1.bias\" [1]");
  CHECK_THAT(message_of<Error>([&] {
               nn::load_weights(MemoryFile{file_bytes("{}", "")}, network);
             }),
             ContainsSubstring("; the file has no tensors"));

  std::string many = "{";
  for (int i = 0; i < 20; ++i) {
    many += (i == 0 ? "" : ",") +
            entry(nn::concat("a", i, "\\u001b\\u009b"), "F32", "[0]", 0, 0);
  }
  const std::string message = message_of<Error>([&] {
    nn::load_weights(MemoryFile{file_bytes(many + "}", "")}, network);
  });
  // What a terminal would obey does not get there.
  CHECK_THAT(message, ContainsSubstring("\"a7??\" [0] and 12 more"));
}

TEST_CASE("a file of another format is called by its name",
          "[safetensors][errors]") {
  using namespace std::string_literals;
  CHECK(message_of<Error>([] {
          nn::load_model<float>(MemoryFile{"\x08\x08\x12\x05libnn graph"s});
        }) == "memory: expected a safetensors file, found an ONNX model");
  CHECK_THAT(complaint("<html><body>404 Not Found</body></html>"),
             ContainsSubstring("found an HTML page"));
  CHECK_THAT(complaint("PK\x03\x04\0\0\0\0archive/data.pkl"s),
             ContainsSubstring("found a file of torch.save()"));
  CHECK_THAT(complaint("version https://git-lfs.github.com/spec/v1\n"),
             ContainsSubstring("found a pointer of Git LFS"));
  CHECK_THAT(complaint("\x1f\x8b\x08\0\0\0\0\0\0\3"s),
             ContainsSubstring("found a gzip file"));
  CHECK_THAT(complaint(std::string(100, '\0')),
             ContainsSubstring("found a file that begins with zeros"));
  // Of this format, but damaged.
  CHECK_THAT(complaint(file_bytes("[]      ", "")),
             ContainsSubstring("expected '{' at byte 0 of the JSON header"));
}

TEST_CASE("shapes that no memory holds are refused", "[safetensors][errors]") {
  const auto with_shape = [](const std::string& shape) {
    return complaint(
        file_bytes("{" + entry("a", "F32", shape, 0, 4) + "}", "abcd"));
  };
  CHECK_THAT(with_shape("[4294967296,4294967296]"),
             ContainsSubstring("which is too large"));
  CHECK_THAT(with_shape("[0,4294967296,4294967296]"),
             ContainsSubstring("which is too large"));
  CHECK_THAT(with_shape("[18446744073709551615]"),
             ContainsSubstring("which is too large"));
  std::string ones = "[1";
  for (int i = 1; i < 64; ++i) ones += ",1";
  CHECK(with_shape(ones + "]").empty());
  CHECK_THAT(with_shape(ones + ",1]"),
             ContainsSubstring("at most 64 dimensions, found 65"));
}

TEST_CASE("a header is bounded, and its bound can be raised",
          "[safetensors][errors]") {
  const std::string header = "{" + std::string(1000, ' ') + "}";
  nn::ReadLimits limits;
  CHECK(complaint(file_bytes(header, ""), limits).empty());
  limits.header_bytes = 1001;
  CHECK_THAT(
      complaint(file_bytes(header, ""), limits),
      ContainsSubstring("expected a header of at most 1001 bytes "
                        "(ReadLimits::header_bytes), found one of 1002"));
  limits.header_bytes = std::numeric_limits<std::uint64_t>::max();
  CHECK(complaint(file_bytes(header, ""), limits).empty());
  CHECK_THAT(complaint(length_bytes(~std::uint64_t{0}) + "{}", limits),
             ContainsSubstring("found 2 bytes behind them"));
}

TEST_CASE("a sparse file of gigabytes takes no memory before it is refused",
          "[safetensors][errors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("sparse");
  constexpr off_t kGigabytes = off_t{3} << 30;
  nn::Sequential<float> network(nn::Shape{2});
  network.add<nn::Linear>(1);
  const std::string headers[] = {
      "",                                          // zeros alone
      length_bytes(2) + "{}",                      // data that no tensor has
      length_bytes(std::uint64_t{3} << 29) + "{",  // a header of gigabytes
      // A tensor of another network.
      file_bytes("{" + entry("a", "F32", "[700000000]", 0, 2800000000u) + "}",
                 ""),
  };
  for (const std::string& head : headers) {
    write_sparse(path, head, kGigabytes);
    std::string message;
    CHECK(bytes_taken_by([&] {
            message =
                message_of<Error>([&] { nn::load_weights(path, network); });
          }) < 200000);
    CHECK_THAT(message, ContainsSubstring(path + ": "));
  }
  const std::string header = "{" +
                             entry("b", "F32", "[700000000]", 12, 2800000012u) +
                             "," + entry("0.weight", "F32", "[1,2]", 0, 8) +
                             "," + entry("0.bias", "F32", "[1]", 8, 12) + "}";
  write_sparse(path,
               file_bytes(header, ""),
               static_cast<off_t>(8 + header.size()) + 2800000012);
  // Not even where it fits but for one tensor too many.
  std::string message;
  CHECK(bytes_taken_by([&] {
          message = message_of<Error>([&] { nn::load_weights(path, network); });
        }) < 200000);
  CHECK_THAT(message, ContainsSubstring("found also \"b\" [700000000]"));
}

TEST_CASE("a file comes through a pipe, and an endless one is refused",
          "[safetensors][threads]") {
  const TemporaryDirectory directory;
  const std::string pipe = directory.file("pipe");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const std::string bytes =
      file_bytes("{" + entry("a", "F32", "[2]", 0, 8) + "}", "12345678");
  std::thread writer([&] { nn::write_file_atomically(pipe, bytes); });
  const auto file = read_safetensors(pipe);
  writer.join();
  CHECK(file.tensors.at(0).bytes == "12345678");

  std::string message;
  CHECK(bytes_taken_by([&] {
          message = message_of<Error>([] { read_safetensors("/dev/zero"); });
        }) < 5000000);
  CHECK_THAT(message, ContainsSubstring("/dev/zero: "));
}

TEST_CASE("what reading a file takes is in proportion to its size",
          "[safetensors]") {
  // Headers that ask for much with few bytes.
  std::string tensors = "{";
  std::string metadata = "{\"__metadata__\":{";
  std::string dims = "{";
  std::string ones = "[1";
  for (int i = 1; i < 64; ++i) ones += ",1";
  ones += "]";
  for (int i = 0; i < 4000; ++i) {
    const std::string comma = i == 0 ? "" : ",";
    tensors += comma + entry(nn::concat(i), "U8", "[0]", 0, 0);
    metadata += nn::concat(comma, "\"", i, "\":\"\"");
    dims += comma + entry(nn::concat(i), "U8", ones, i, i + 1);
  }
  const std::string files[] = {file_bytes(tensors + "}", ""),
                               file_bytes(metadata + "}}", ""),
                               file_bytes(dims + "}", std::string(4000, 'a'))};
  for (const std::string& bytes : files) {
    const std::size_t taken =
        bytes_taken_by([&] { CHECK(complaint(bytes).empty()); });
    INFO(taken << " for " << bytes.size());
    CHECK(taken <= 64 * bytes.size());
  }
}
