#include "nn/safetensors.h"

#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "nn/file.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/linear.h"
#include "nn/layers/relu.h"
#include "nn/random.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/matrices.h"
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
  const TemporaryDirectory directory;
  const std::string path = directory.file("weights");
  nn::write_file_atomically(path, bytes);
  return nn::read_safetensors(path);
}

/// What reading these bytes complains of, without the path that leads it.
std::string complaint(const std::string& bytes) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("weights");
  nn::write_file_atomically(path, bytes);
  const std::string message =
      message_of<Error>([&path] { nn::read_safetensors(path); });
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

template <typename Scalar>
nn::Sequential<Scalar> small_network(std::uint64_t seed) {
  nn::Sequential<Scalar> network(nn::Shape{1, 6, 5}, seed);
  network.template add<nn::Conv2d>(3, 3)
      .template add<nn::ReLU>()
      .template add<nn::Linear>(4);
  // Biases start at zero; here they must show whether they are carried along.
  nn::Rng rng(seed + 100);
  for (nn::Parameter<Scalar>* parameter : network.parameters()) {
    parameter->value = nn_test::normal_matrix<Scalar>(
        parameter->value.rows(), parameter->value.cols(), rng);
  }
  return network;
}

/// y = x, with a parameter, a buffer of numbers and a counter.
template <typename Scalar>
class Tracker final : public nn::Layer<Scalar> {
 public:
  explicit Tracker(const nn::Shape& input)
      : nn::Layer<Scalar>(input, input),
        weight_("weight", {2}, 2, 1),
        mean_(nn::Parameter<Scalar>::buffer("running_mean", {3}, 3, 1)),
        steps_(nn::Parameter<Scalar>::counter("steps")) {}

  std::string name() const override { return "Tracker"; }
  using nn::Layer<Scalar>::parameters;
  using nn::Layer<Scalar>::buffers;
  std::vector<nn::Parameter<Scalar>*> parameters() override {
    return {&weight_};
  }
  std::vector<nn::Parameter<Scalar>*> buffers() override {
    return {&mean_, &steps_};
  }

 private:
  void do_forward(nn::ConstView<Scalar> x,
                  nn::View<Scalar> y,
                  nn::Mode,
                  nn::PassMemory) const override {
    y = x;
  }
  void do_backward(nn::ConstView<Scalar>,
                   nn::ConstView<Scalar>,
                   nn::ConstView<Scalar> dy,
                   nn::View<Scalar> dx,
                   nn::PassMemory) override {
    if (dx.size() > 0) dx = dy;
  }

  nn::Parameter<Scalar> weight_;
  nn::Parameter<Scalar> mean_;
  nn::Parameter<Scalar> steps_;
};

template <typename Scalar>
nn::Sequential<Scalar> tracking_network(double steps) {
  nn::Sequential<Scalar> network(nn::Shape{2});
  network.template add<nn::ReLU>().template add<Tracker>();
  const auto buffers = network.named_buffers();
  buffers.at(0).parameter->value << Scalar(0.1), Scalar(-2), Scalar(3);
  buffers.at(1).parameter->value(0, 0) = static_cast<Scalar>(steps);
  return network;
}

template <typename Scalar>
std::vector<nn::Matrix<Scalar>> values_of(nn::Sequential<Scalar>& network) {
  std::vector<nn::Matrix<Scalar>> values;
  for (const nn::Parameter<Scalar>* parameter : network.parameters()) {
    values.push_back(parameter->value);
  }
  return values;
}

template <typename Scalar>
bool same_values(const std::vector<nn::Matrix<Scalar>>& a,
                 const std::vector<nn::Matrix<Scalar>>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!nn_test::same_bits(a[i], b[i])) return false;
  }
  return true;
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
  CHECK(complaint("") ==
        "expected a safetensors file, which has at least 8 bytes, found 0");
  CHECK(complaint("1234567") ==
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
  CHECK(complaint(entry("F16", "[2]", "[0,4]"), "abcd") ==
        "tensor \"a\": expected the type F32, F64 or I64, found \"F16\"");
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
        "expected '{' at byte 0 of the JSON header, found its end");
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
  CHECK_THROWS_AS(write({{"a", "I32", {1}, "abcd"}}), Bad);
  CHECK_THROWS_AS(write({{"a", "I64", {1}, "abcd"}}), Bad);
  CHECK_THROWS_AS(write({{"a", "F32", {-1, -1}, "abcd"}}), Bad);
  CHECK_THROWS_AS(write({{"\xff", "F32", {1}, "abcd"}}), Bad);
  CHECK_THROWS_AS(write({{"__metadata__", "F32", {1}, "abcd"}}), Bad);
  CHECK_THROWS_AS(write({{"a", "F32", {1}, "abcd"}, {"a", "F32", {1}, "abcd"}}),
                  Bad);
  CHECK_THROWS_AS(nn::read_file(path), Error);
}

TEMPLATE_TEST_CASE("reloaded weights are the same to the bit",
                   "[safetensors]",
                   float,
                   double) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("weights");
  nn::Sequential<TestType> saved = small_network<TestType>(1);
  // Values that a detour over text or another type would not survive.
  using Limits = std::numeric_limits<TestType>;
  auto* weight = saved.parameters()[0]->value.data();
  weight[0] = Limits::denorm_min();
  weight[1] = -TestType(0);
  weight[2] = Limits::infinity();
  weight[3] = Limits::quiet_NaN();
  weight[4] = Limits::max();
  nn::save_weights(path, saved);

  nn::Sequential<TestType> loaded = small_network<TestType>(2);
  REQUIRE(!same_values(values_of(saved), values_of(loaded)));
  nn::load_weights(path, loaded);
  REQUIRE(same_values(values_of(saved), values_of(loaded)));
}

TEST_CASE("weights are saved under pytorch's names and shapes",
          "[safetensors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("weights");
  nn::Sequential<float> network = small_network<float>(1);
  nn::save_weights(path, network);
  const nn::SafetensorsFile file = nn::read_safetensors(path);
  const std::vector<std::pair<std::string, std::vector<Index>>> expected = {
      {"0.weight", {3, 1, 3, 3}},
      {"0.bias", {3}},
      {"2.weight", {4, 36}},
      {"2.bias", {4}}};
  REQUIRE(file.tensors.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK(file.tensors[i].name == expected[i].first);
    CHECK(file.tensors[i].dims == expected[i].second);
    CHECK(file.tensors[i].dtype == "F32");
  }
  // Row 1, column 2 of the (out, in) array is weight(2, 1) here.
  float value = 0.0f;
  std::memcpy(&value,
              file.tensors[2].bytes.data() + (1 * 36 + 2) * sizeof(float),
              sizeof(float));
  CHECK(value == network.parameters()[2]->value(2, 1));
}

TEMPLATE_TEST_CASE("buffers are saved and reloaded to the bit",
                   "[safetensors][buffers]",
                   float,
                   double) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("weights");
  // The largest number below which float misses no whole number.
  nn::Sequential<TestType> saved = tracking_network<TestType>(16777215.0);
  const auto buffers = saved.named_buffers();
  REQUIRE(buffers.size() == 2);
  CHECK(buffers[0].name == "1.running_mean");
  CHECK(buffers[1].name == "1.steps");
  CHECK(buffers[0].parameter->grad.size() == 0);
  // What is trained does not include them.
  CHECK(saved.parameters().size() == 1);
  CHECK(saved.parameter_count() == 2);
  nn::save_weights(path, saved);

  const nn::SafetensorsFile file = nn::read_safetensors(path);
  REQUIRE(file.tensors.size() == 3);
  CHECK(file.tensors[1].name == "1.running_mean");
  CHECK(file.tensors[1].dims == std::vector<Index>{3});
  CHECK(file.tensors[2].name == "1.steps");
  CHECK(file.tensors[2].dtype == "I64");
  CHECK(file.tensors[2].dims.empty());
  CHECK(file.tensors[2].bytes == std::string("\xff\xff\xff\0\0\0\0\0", 8));

  nn::Sequential<TestType> loaded = tracking_network<TestType>(3.0);
  loaded.named_buffers()[0].parameter->value.setZero();
  nn::load_weights(path, loaded);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(nn_test::same_bits(loaded.named_buffers()[i].parameter->value,
                             buffers[i].parameter->value));
  }
}

TEST_CASE("a const layer has the same buffers", "[layer][buffers]") {
  nn::Sequential<float> network = tracking_network<float>(0.0);
  const nn::Layer<float>& tracker = network.layer(1);
  REQUIRE(tracker.buffers().size() == 2);
  CHECK(tracker.buffers()[0] == network.layer(1).buffers()[0]);
  const nn::Layer<float>& relu = network.layer(0);
  CHECK(relu.buffers().empty());
}

TEST_CASE("buffers that do not fit change nothing",
          "[safetensors][buffers][errors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("weights");
  nn::Sequential<float> network = tracking_network<float>(7.0);
  nn::save_weights(path, network);
  const nn::SafetensorsFile good = nn::read_safetensors(path);
  const auto complaint_about = [&](const nn::SafetensorsFile& file) {
    nn::write_safetensors(path, file);
    const std::string message =
        message_of<Error>([&] { nn::load_weights(path, network); });
    CHECK(network.named_buffers()[0].parameter->value(1, 0) == -2.0f);
    CHECK(network.named_buffers()[1].parameter->value(0, 0) == 7.0f);
    return message;
  };

  nn::SafetensorsFile file = good;
  file.tensors[1].bytes.assign(3 * sizeof(float), '\0');
  file.tensors[2].dtype = "F64";
  CHECK_THAT(complaint_about(file),
             ContainsSubstring(
                 "parameter \"1.steps\": expected the type I64, found F64"));

  file = good;
  file.tensors[1].dtype = "I64";
  file.tensors[1].bytes.assign(24, '\0');
  CHECK_THAT(complaint_about(file),
             ContainsSubstring("parameter \"1.running_mean\": expected the "
                               "type F32 or F64, found I64"));

  file = good;
  file.tensors[2].bytes.assign(8, '\xff');
  CHECK_THAT(complaint_about(file),
             ContainsSubstring("parameter \"1.steps\": expected a count from 0 "
                               "to 9007199254740992, found -1"));
  file.tensors[2].bytes = std::string("\x01\0\0\0\0\0\x20\0", 8);
  CHECK_THAT(complaint_about(file),
             ContainsSubstring("found 9007199254740993"));

  file = good;
  file.tensors.pop_back();
  CHECK_THAT(complaint_about(file),
             ContainsSubstring("expected the network's parameter \"1.steps\" "
                               "[], found no such tensor"));
}

TEST_CASE("a counter that holds no count is not saved",
          "[safetensors][buffers][errors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("weights");
  for (const double steps :
       {-1.0, 0.5, 1e16, std::numeric_limits<double>::quiet_NaN()}) {
    nn::Sequential<double> network = tracking_network<double>(steps);
    CHECK_THROWS_WITH(
        nn::save_weights(path, network),
        ContainsSubstring("[save_weights] expected \"1.steps\" to be a whole "
                          "number from 0 to 9007199254740992, got "));
  }
  CHECK_THROWS_AS(nn::read_file(path), Error);
}

TEST_CASE("weights travel between float and double", "[safetensors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("weights");
  nn::Sequential<double> wide = small_network<double>(1);
  nn::Sequential<float> narrow = small_network<float>(2);
  nn::save_weights(path, wide);
  nn::load_weights(path, narrow);
  for (std::size_t i = 0; i < 4; ++i) {
    REQUIRE(narrow.parameters()[i]->value ==
            wide.parameters()[i]->value.cast<float>());
  }
  nn::save_weights(path, narrow);
  nn::load_weights(path, wide);
  for (std::size_t i = 0; i < 4; ++i) {
    REQUIRE(wide.parameters()[i]->value ==
            narrow.parameters()[i]->value.cast<double>());
  }
}

TEST_CASE("weights that do not all fit change nothing",
          "[safetensors][errors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("weights");
  nn::Sequential<float> source = small_network<float>(1);
  nn::save_weights(path, source);
  const nn::SafetensorsFile good = nn::read_safetensors(path);

  nn::Sequential<float> network = small_network<float>(2);
  const std::vector<nn::Matrix<float>> before = values_of(network);
  const auto complaint_about = [&](const nn::SafetensorsFile& file) {
    nn::write_safetensors(path, file);
    const std::string message =
        message_of<Error>([&] { nn::load_weights(path, network); });
    CHECK_THAT(message, ContainsSubstring(path));
    CHECK(same_values(values_of(network), before));
    return message;
  };

  nn::SafetensorsFile file = good;
  file.tensors[3].dims = {2, 2};
  CHECK_THAT(
      complaint_about(file),
      ContainsSubstring("parameter \"2.bias\": expected [4], found [2, 2]"));

  file = good;
  file.tensors[2].dims = {36, 4};
  CHECK_THAT(complaint_about(file),
             ContainsSubstring(
                 "parameter \"2.weight\": expected [4, 36], found [36, 4]"));

  file = good;
  file.tensors.pop_back();
  CHECK_THAT(complaint_about(file),
             ContainsSubstring("expected the network's parameter \"2.bias\" "
                               "[4], found no such tensor"));

  file = good;
  file.tensors.push_back({"3.weight", "F32", {1}, "abcd"});
  CHECK_THAT(complaint_about(file),
             ContainsSubstring("found also \"3.weight\" [1]"));

  file = good;
  const double huge = 1e300;
  file.tensors[3].dtype = "F64";
  file.tensors[3].bytes.assign(4 * sizeof(double), '\0');
  std::memcpy(
      file.tensors[3].bytes.data() + sizeof(double), &huge, sizeof(double));
  CHECK_THAT(complaint_about(file),
             ContainsSubstring("parameter \"2.bias\": expected values in the "
                               "range of F32, found 1e+300 at place 1"));

  // And the file as it was does load.
  nn::write_safetensors(path, good);
  nn::load_weights(path, network);
  CHECK(same_values(values_of(network), values_of(source)));
}

TEST_CASE("weight files that cannot be opened are told by path",
          "[safetensors][errors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("none/weights");
  nn::Sequential<float> network = small_network<float>(1);
  CHECK_THAT(message_of<Error>([&] { nn::load_weights(path, network); }),
             ContainsSubstring(path));
  CHECK_THAT(message_of<Error>([&] { nn::save_weights(path, network); }),
             ContainsSubstring(path));
}
