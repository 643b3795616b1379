#include "nn/data/npy.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "nn/files/file.h"
#include "nn/random.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

namespace {

using Catch::Matchers::ContainsSubstring;
using nn::Index;
using nn::MemoryFile;
using nn::NpyArray;
using nn_test::message_of;
using nn_test::TemporaryDirectory;
using Error = std::runtime_error;
using Dims = std::vector<Index>;

/// A file of version 1.0, or another, with this dictionary and these numbers.
std::string npy(const std::string& dictionary,
                const std::string& numbers,
                int version = 1) {
  std::string file = "\x93NUMPY";
  file += static_cast<char>(version);
  file += '\0';
  const std::string header = dictionary + "\n";
  for (std::size_t i = 0; i < (version == 1 ? 2 : 4); ++i) {
    file += static_cast<char>(header.size() >> (8 * i) & 0xff);
  }
  return file + header + numbers;
}

std::string dictionary(const std::string& type,
                       const std::string& shape,
                       bool fortran_order = false) {
  return "{'descr': '" + type +
         "', 'fortran_order': " + (fortran_order ? "True" : "False") +
         ", 'shape': " + shape + ", }";
}

std::string text(std::initializer_list<int> bytes) {
  std::string result;
  for (const int byte : bytes) result += static_cast<char>(byte);
  return result;
}

template <typename Scalar>
std::vector<Scalar> values_of(const std::string& file) {
  return nn::load_npy<Scalar>(MemoryFile{file}).values;
}

/// What reading complains of; checks that it is led by the name.
template <typename Scalar = float>
std::string complaint(const std::string& file) {
  const std::string message = message_of<Error>([&] {
    nn::load_npy<Scalar>(MemoryFile{file, "a.npy"});
  });
  CHECK(message.substr(0, 7) == "a.npy: ");
  return message;
}

/// Sizes 2 x 3 of bytes, with another text in place of a part of the header.
std::string with_header(const std::string& header) {
  return npy(header, "abcdef");
}

/// All bits of a number.
template <typename Scalar>
std::string bits_of(const std::vector<Scalar>& values) {
  std::string bits(values.size() * sizeof(Scalar), '\0');
  if (!values.empty()) std::memcpy(bits.data(), values.data(), bits.size());
  return bits;
}

}  // namespace

TEST_CASE("numbers of every type and both byte orders are read", "[npy]") {
  // 1 and -2, each in bytes as they follow from the type's definition.
  struct Case {
    const char* type;
    std::string little;
    std::string big;
    bool is_float;
  };
  const std::vector<Case> cases = {
      {"f2", text({0, 0x3c, 0, 0xc0}), text({0x3c, 0, 0xc0, 0}), true},
      {"f4",
       text({0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}),
       text({0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0}),
       true},
      {"f8",
       text({0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0}),
       text({0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0}),
       true},
      {"i1", text({1, 0xfe}), text({1, 0xfe}), false},
      {"i2", text({1, 0, 0xfe, 0xff}), text({0, 1, 0xff, 0xfe}), false},
      {"i4",
       text({1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff}),
       text({0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe}),
       false},
      {"i8",
       text({1, 0, 0, 0, 0, 0, 0, 0}) + text({0xfe}) + std::string(7, '\xff'),
       text({0, 0, 0, 0, 0, 0, 0, 1}) + std::string(7, '\xff') + text({0xfe}),
       false},
  };
  for (const Case& one : cases) {
    INFO(one.type);
    const std::string little =
        npy(dictionary("<" + std::string(one.type), "(2,)"), one.little);
    const std::string big =
        npy(dictionary(">" + std::string(one.type), "(2,)"), one.big);
    for (const std::string& file : {little, big}) {
      CHECK(values_of<float>(file) == std::vector<float>{1, -2});
      CHECK(values_of<double>(file) == std::vector<double>{1, -2});
      if (one.is_float) continue;
      CHECK(values_of<int>(file) == std::vector<int>{1, -2});
      CHECK(values_of<std::int8_t>(file) == std::vector<std::int8_t>{1, -2});
      CHECK(values_of<std::int16_t>(file) == std::vector<std::int16_t>{1, -2});
      CHECK(values_of<std::int64_t>(file) == std::vector<std::int64_t>{1, -2});
    }
  }
  const std::string bytes = npy(dictionary("|u1", "(3,)"), text({0, 7, 255}));
  CHECK(values_of<std::uint8_t>(bytes) == std::vector<std::uint8_t>{0, 7, 255});
  CHECK(values_of<std::uint16_t>(bytes) ==
        std::vector<std::uint16_t>{0, 7, 255});
  CHECK(values_of<float>(bytes) == std::vector<float>{0, 7, 255});
  const std::string words = npy(dictionary(">u2", "(1,)"), text({0xff, 0xfe}));
  CHECK(values_of<std::uint16_t>(words) == std::vector<std::uint16_t>{65534});
  const std::string longs =
      npy(dictionary("<u4", "(1,)"), text({0xfe, 0xff, 0xff, 0xff}));
  CHECK(values_of<std::uint32_t>(longs) ==
        std::vector<std::uint32_t>{4294967294U});
  const std::string longest =
      npy(dictionary("<u8", "(1,)"), text({0xfe}) + std::string(7, '\xff'));
  CHECK(values_of<std::uint64_t>(longest) ==
        std::vector<std::uint64_t>{18446744073709551614ULL});
  const std::string booleans = npy(dictionary("|b1", "(3,)"), text({0, 1, 1}));
  CHECK(values_of<int>(booleans) == std::vector<int>{0, 1, 1});
  CHECK(values_of<double>(booleans) == std::vector<double>{0, 1, 1});
}

TEST_CASE("all versions and spellings of a header are read", "[npy]") {
  const std::string plain = dictionary("|u1", "(2, 3)");
  for (const int version : {1, 2, 3}) {
    const NpyArray<int> array =
        nn::load_npy<int>(MemoryFile{npy(plain, "abcdef", version)});
    CHECK(array.dims == Dims{2, 3});
    CHECK(array.values == std::vector<int>{'a', 'b', 'c', 'd', 'e', 'f'});
  }
  // Padded to 64 bytes, to 16 as early versions of NumPy do, and not at all;
  // other orders, quotes, spaces; what Python 2 writes.
  for (const std::string& header : {
           plain + std::string(47, ' '),
           plain + std::string(7, ' '),
           std::string("{'shape':(2,3),'fortran_order':False,'descr':'|u1'}"),
           std::string("{ \"descr\" : \"|u1\" , \"fortran_order\" : False , "
                       "\"shape\" : ( 2 , 3 , ) , }"),
           std::string("{'descr': '<u1', 'fortran_order': False, 'shape': "
                       "(2L, 3L), }"),
           std::string("{'descr': 'u1', 'fortran_order': False, 'shape': "
                       "(2, 3)}"),
       }) {
    INFO(header);
    CHECK(nn::load_npy<int>(MemoryFile{with_header(header)}).dims ==
          Dims{2, 3});
  }
  // Longer than version 1.0 can say.
  const std::string wide = plain + std::string(100000, ' ');
  CHECK(nn::load_npy<int>(MemoryFile{npy(wide, "abcdef", 2)}).dims ==
        Dims{2, 3});
}

TEST_CASE("an array of samples x features is libnn's features x samples",
          "[npy]") {
  // Python: [[1, 2, 3], [4, 5, 6]], of two samples.
  for (const bool fortran_order : {false, true}) {
    const NpyArray<float> array = nn::load_npy<float>(MemoryFile{npy(
        dictionary("|u1", "(2, 3)", fortran_order),
        fortran_order ? text({1, 4, 2, 5, 3, 6}) : text({1, 2, 3, 4, 5, 6}))});
    CHECK(array.values == std::vector<float>{1, 2, 3, 4, 5, 6});
    const nn::ConstView<float> x = array.matrix();
    REQUIRE(x.rows() == 3);
    REQUIRE(x.cols() == 2);
    CHECK(x.data() == array.values.data());
    CHECK(x(0, 0) == 1);
    CHECK(x(2, 0) == 3);
    CHECK(x(0, 1) == 4);
    CHECK(x(2, 1) == 6);
  }
}

TEST_CASE("Fortran order is read in any number of dimensions", "[npy]") {
  // The number at [i, j, k, l] is 1000 i + 100 j + 10 k + l.
  const Dims dims = {2, 3, 4, 5};
  std::vector<std::int16_t> expected;
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 3; ++j) {
      for (int k = 0; k < 4; ++k) {
        for (int l = 0; l < 5; ++l) {
          expected.push_back(
              static_cast<std::int16_t>(1000 * i + 100 * j + 10 * k + l));
        }
      }
    }
  }
  std::string numbers;
  for (int l = 0; l < 5; ++l) {
    for (int k = 0; k < 4; ++k) {
      for (int j = 0; j < 3; ++j) {
        for (int i = 0; i < 2; ++i) {
          const int value = 1000 * i + 100 * j + 10 * k + l;
          numbers += text({value & 0xff, value >> 8});
        }
      }
    }
  }
  const std::string file =
      npy(dictionary("<i2", "(2, 3, 4, 5)", true), numbers);
  const auto array = nn::load_npy<std::int16_t>(MemoryFile{file});
  CHECK(array.dims == dims);
  CHECK(array.values == expected);
  // The place of a number that does not fit is told by its indices.
  CHECK_THAT(complaint<std::int8_t>(file),
             ContainsSubstring("at [1, 0, 0, 0]: expected a number in the "
                               "range of integers of 8 bits, found 1000"));
}

TEST_CASE("arrays of no, one and empty dimensions have their matrix", "[npy]") {
  const auto load = [](const std::string& shape, const std::string& numbers) {
    return nn::load_npy<int>(
        MemoryFile{npy(dictionary("|i1", shape), numbers)});
  };
  const auto number = load("()", "a");
  CHECK(number.dims.empty());
  CHECK(number.matrix().rows() == 1);
  CHECK(number.matrix().cols() == 1);
  const auto row = load("(3,)", "abc");
  CHECK(row.matrix().rows() == 1);
  CHECK(row.matrix().cols() == 3);
  CHECK(row.labels().size() == 3);
  CHECK(row.labels()(2) == 'c');
  CHECK(load("(3, 1)", "abc").labels().size() == 3);
  // Of what is gone in a moment there is a copy.
  const auto kept = load("(2, 1)", "ab").matrix();
  static_assert(std::is_same_v<decltype(kept), const nn::Matrix<int>>);
  CHECK(kept(0, 1) == 'b');
  CHECK_THAT(message_of<std::invalid_argument>(
                 [&] { load("(1, 3)", "abc").labels(); }),
             ContainsSubstring("expected labels in an array of the sizes [n] "
                               "or [n, 1], got [1, 3]"));
  for (const bool fortran_order : {false, true}) {
    const auto none = nn::load_npy<int>(
        MemoryFile{npy(dictionary("|i1", "(0, 3)", fortran_order), "")});
    CHECK(none.matrix().rows() == 3);
    CHECK(none.matrix().cols() == 0);
  }
  const auto images = load("(2, 1, 2, 2)", "abcdefgh");
  CHECK(images.matrix().rows() == 4);
  CHECK(images.matrix().cols() == 2);

  NpyArray<int> wrong;
  wrong.dims = {2, 2};
  wrong.values = {1, 2, 3};
  CHECK_THAT(message_of<std::invalid_argument>([&] { wrong.matrix(); }),
             ContainsSubstring("values for an array of the sizes [2, 2]"));
  wrong.dims = {-1, -3};
  CHECK_THROWS_AS(wrong.matrix(), std::invalid_argument);
}

TEST_CASE("sizes beside a 0 may not be beyond all numbers", "[npy][errors]") {
  nn::NpyArray<float> array;
  array.dims = {0, Index{1} << 62, 3};
  CHECK_THROWS_AS(array.matrix(), std::invalid_argument);
  array.dims = {0, Index{1} << 40, 3};
  CHECK(array.matrix().rows() == 3 * (Index{1} << 40));
}

TEMPLATE_TEST_CASE("what is saved is loaded again to the bit",
                   "[npy]",
                   float,
                   double,
                   std::int8_t,
                   std::int16_t,
                   std::int32_t,
                   std::int64_t,
                   std::uint8_t,
                   std::uint16_t,
                   std::uint32_t,
                   std::uint64_t) {
  using Scalar = TestType;
  const TemporaryDirectory directory;
  const std::string path = directory.file("a.npy");
  nn::Rng rng(3);
  // More than are converted at a time; of all bits there are, NaNs too.
  for (const Dims& dims :
       {Dims{}, Dims{5}, Dims{0, 7}, Dims{1000, 271}, Dims{2, 3, 4, 5, 6}}) {
    NpyArray<Scalar> array;
    array.dims = dims;
    Index count = 1;
    for (const Index size : dims) count *= size;
    array.values.resize(static_cast<std::size_t>(count));
    for (Scalar& value : array.values) {
      std::uint64_t bits = 0;
      for (int i = 0; i < 8; ++i) {
        bits = bits << 8 | static_cast<std::uint64_t>(rng.index(256));
      }
      std::memcpy(&value, &bits, sizeof(value));
    }
    nn::save_npy(path, array);
    const auto loaded = nn::load_npy<Scalar>(path);
    REQUIRE(loaded.dims == dims);
    REQUIRE((bits_of(loaded.values) == bits_of(array.values)));
    // The numbers begin where every type is aligned.
    const std::size_t size = nn::read_file(path).size();
    REQUIRE((size - array.values.size() * sizeof(Scalar)) % 64 == 0);
  }
}

TEST_CASE("a file of libnn has the bytes that NumPy writes", "[npy]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("a.npy");
  nn::Matrix<float> x(3, 2);
  x << 1, 4, 2, 5, 3, 6;
  nn::save_npy(path, x);
  // As numpy.save() of NumPy 1.24 writes
  // np.array([[1, 2, 3], [4, 5, 6]], np.float32).
  std::string expected = "\x93NUMPY";
  expected += text({1, 0, 0x76, 0});
  expected += "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  expected += std::string(127 - expected.size(), ' ') + "\n";
  for (const int high : {0x3f80, 0x4000, 0x4040, 0x4080, 0x40a0, 0x40c0}) {
    expected += text({0, 0, high & 0xff, high >> 8});
  }
  CHECK((nn::read_file(path) == expected));

  nn::save_npy(path, x.cast<double>().eval());
  const auto doubles = nn::load_npy<double>(path);
  CHECK(doubles.dims == Dims{2, 3});
  CHECK(doubles.values == std::vector<double>{1, 2, 3, 4, 5, 6});

  nn::Labels labels(3);
  labels << 7, -1, 300;
  nn::save_npy(path, labels);
  CHECK_THAT(nn::read_file(path),
             ContainsSubstring("{'descr': '<i4', 'fortran_order': False, "
                               "'shape': (3,), }"));
  CHECK(nn::load_npy<int>(path).labels() == labels);
}

TEST_CASE("numbers that the wanted type does not hold are refused",
          "[npy][errors]") {
  const auto i8 = [](std::int64_t value) {
    std::string bytes(8, '\0');
    for (std::size_t i = 0; i < 8; ++i) {
      bytes[i] = static_cast<char>(
          static_cast<std::uint64_t>(value) >> (8 * i) & 0xff);
    }
    return npy(dictionary("<i8", "(1, 1)"), bytes);
  };
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  CHECK(values_of<int>(i8(kMost)) == std::vector<int>{kMost});
  CHECK(values_of<int>(i8(-kMost - 1)) ==
        std::vector<int>{std::numeric_limits<int>::min()});
  CHECK_THAT(complaint<int>(i8(kMost + 1)),
             ContainsSubstring("at [0, 0]: expected a number in the range of "
                               "integers of 32 bits, found 2147483648"));
  CHECK_THAT(complaint<int>(i8(-kMost - 2)),
             ContainsSubstring("found -2147483649"));
  CHECK_THAT(complaint<std::uint8_t>(i8(-1)),
             ContainsSubstring("unsigned integers of 8 bits, found -1"));
  CHECK_THAT(complaint<std::uint64_t>(i8(-1)), ContainsSubstring("found -1"));
  CHECK_THAT(complaint<std::uint8_t>(i8(256)), ContainsSubstring("found 256"));
  const std::string large =
      npy(dictionary("<u8", "()"), std::string(8, '\xff'));
  CHECK_THAT(complaint<std::int64_t>(large),
             ContainsSubstring("at []: expected a number in the range of "
                               "integers of 64 bits, found "
                               "18446744073709551615"));
  CHECK(values_of<float>(large) == std::vector<float>{18446744073709551616.F});

  const auto f8 = [](double value) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(bits));
    std::string bytes;
    for (int i = 0; i < 8; ++i) {
      bytes += static_cast<char>(bits >> (8 * i) & 0xff);
    }
    return npy(dictionary("<f8", "(1,)"), bytes);
  };
  constexpr float kLargest = std::numeric_limits<float>::max();
  CHECK(values_of<float>(f8(kLargest)) == std::vector<float>{kLargest});
  CHECK(values_of<float>(f8(0.1)) == std::vector<float>{0.1F});
  CHECK(values_of<float>(f8(-INFINITY)) == std::vector<float>{-INFINITY});
  CHECK(std::isnan(values_of<float>(f8(NAN)).at(0)));
  CHECK_THAT(complaint(f8(-1e300)),
             ContainsSubstring("at [0]: expected a number in the range of "
                               "float, found -1e+300"));
  CHECK_THAT(complaint<int>(f8(1)),
             ContainsSubstring(
                 "expected integers or booleans, found floats of type <f8"));
  CHECK_THAT(
      complaint(npy(dictionary("|b1", "(3,)"), text({0, 1, 2}))),
      ContainsSubstring("at [2]: expected 0 or 1, as booleans are, found 2"));
}

TEST_CASE("types that are no numbers are refused with what they are",
          "[npy][errors]") {
  const auto of_type = [](const std::string& type) {
    return complaint(npy(dictionary(type, "(1,)"), std::string(16, '\0')));
  };
  CHECK_THAT(of_type("|O"),
             ContainsSubstring("expected numbers or booleans, such as '<f4', "
                               "found the type \"|O\": objects of Python, "
                               "which are pickled"));
  CHECK_THAT(of_type("<U4"), ContainsSubstring("texts"));
  CHECK_THAT(of_type("|S16"), ContainsSubstring("texts"));
  CHECK_THAT(of_type("<c8"), ContainsSubstring("complex numbers"));
  CHECK_THAT(of_type("<M8[ns]"), ContainsSubstring("dates or times"));
  CHECK_THAT(of_type("|V16"), ContainsSubstring("raw bytes or records"));
  CHECK_THAT(of_type("<f16"), ContainsSubstring("floats of another size"));
  CHECK_THAT(of_type("<i3"), ContainsSubstring("integers of another size"));
  for (const char* type : {"f4", "=f4", "|f4"}) {
    CHECK_THAT(of_type(type),
               ContainsSubstring(std::string(type) == "=f4"
                                     ? "no type that is known"
                                     : "its byte order, < or >, is missing"));
  }
  for (const char* type :
       {"", "<", "|", "f", "<f", "<b1x", "float32", "<f44"}) {
    INFO(type);
    CHECK_THAT(of_type(type), ContainsSubstring("expected numbers"));
  }
  CHECK_THAT(complaint(with_header("{'descr': [('a', '<f4'), ('b', '<i4')], "
                                   "'fortran_order': False, 'shape': (2,), }")),
             ContainsSubstring("found one of records"));
}

TEST_CASE("a file that is no npy file is refused with what it is",
          "[npy][errors]") {
  CHECK_THAT(complaint(""), ContainsSubstring("found an empty file"));
  CHECK_THAT(complaint("\x93NUMP"), ContainsSubstring("an unknown format"));
  CHECK_THAT(complaint("PK\x03\x04 a.npy"),
             ContainsSubstring("an archive of NumPy arrays (npz)"));
  CHECK_THAT(complaint("1,2,3\n"),
             ContainsSubstring("expected an array of NumPy (.npy), found a "
                               "text"));
  const std::string good = with_header(dictionary("|u1", "(2, 3)"));
  CHECK_THAT(complaint(std::string(good).replace(6, 1, "\4")),
             ContainsSubstring("version 1.0, 2.0 or 3.0 of the format, found "
                               "4.0"));
  CHECK_THAT(complaint(std::string(good).replace(7, 1, "\1")),
             ContainsSubstring("found 1.1"));
  CHECK_THAT(
      message_of<Error>([] { nn::load_npy<float>("/no/such/file.npy"); }),
      ContainsSubstring("/no/such/file.npy: cannot be opened"));
}

TEST_CASE("a damaged header is refused with the place", "[npy][errors]") {
  const auto message = [](const std::string& header) {
    return complaint(with_header(header));
  };
  CHECK_THAT(message(""), ContainsSubstring("header, byte 11: expected '{'"));
  CHECK_THAT(
      message("[1, 2]"),
      ContainsSubstring("header, byte 10: expected '{', found \"[1, 2]"));
  CHECK_THAT(message("{'descr' '|u1'}"),
             ContainsSubstring("byte 19: expected ':'"));
  CHECK_THAT(message("{'descr': '|u1"), ContainsSubstring("a text that ends"));
  CHECK_THAT(message("{'descr': 4}"), ContainsSubstring("a text in quotes"));
  const std::string both = "{'descr': '|u1', 'fortran_order': False, ";
  CHECK_THAT(message(both + "}"),
             ContainsSubstring("expected 'descr', 'fortran_order' and 'shape' "
                               "in the header"));
  CHECK_THAT(message(both + "'descr': '|u1', 'shape': (2, 3)}"),
             ContainsSubstring("once each"));
  CHECK_THAT(message(both + "'color': 'red', 'shape': (2, 3)}"),
             ContainsSubstring("once each, found \"'color': 'red'"));
  CHECK_THAT(message(both + "'shape': (2, 3)} + {}"),
             ContainsSubstring("nothing but spaces behind the dictionary"));
  CHECK_THAT(message(both + "'shape': 6}"), ContainsSubstring("expected '('"));
  CHECK_THAT(message(both + "'shape': (6)}"),
             ContainsSubstring("',' behind a single size"));
  CHECK_THAT(message(both + "'shape': (2, -3)}"),
             ContainsSubstring("expected a size, found \"-3"));
  CHECK_THAT(message(both + "'shape': (2, 3.0)}"),
             ContainsSubstring("expected ')', found \".0"));
  CHECK_THAT(message(both + "'shape': (2, None)}"),
             ContainsSubstring("expected a size"));
  CHECK_THAT(message(both + "'shape': (2, 3"),
             ContainsSubstring("expected ')'"));
  CHECK_THAT(message(both + "'shape': (9223372036854775808, 0)}"),
             ContainsSubstring("sizes below 2^63"));
  std::string many;
  for (int i = 0; i < 65; ++i) many += "1,";
  CHECK_THAT(message(both + "'shape': (" + many + ")}"),
             ContainsSubstring("at most 64 sizes"));
  CHECK_THAT(message("{'descr': '|u1', 'fortran_order': Maybe, "),
             ContainsSubstring("True or False"));
}

TEST_CASE("sizes that are not those of the bytes are refused",
          "[npy][errors]") {
  CHECK_THAT(complaint(npy(dictionary("|u1", "(2, 4)"), "abcdef")),
             ContainsSubstring("expected 8 bytes for [2, 4] numbers of type "
                               "|u1 behind the header's"));
  CHECK_THAT(complaint(npy(dictionary("|u1", "(2, 4)"), "abcdef")),
             ContainsSubstring(", found 6"));
  CHECK_THAT(complaint(npy(dictionary("|u1", "(5,)"), "abcdef")),
             ContainsSubstring("expected 5 bytes"));
  // No memory is asked for what is not there.
  CHECK_THAT(complaint(npy(dictionary("<f8", "(1000000000000,)"), "abcdef")),
             ContainsSubstring("expected 8000000000000 bytes"));
  for (const char* shape : {"(4611686018427387904, 4)",
                            "(0, 4611686018427387904, 8)",
                            "(4294967296, 4294967296)",
                            "(3037000500, 3037000500, 2)"}) {
    CHECK_THAT(complaint(npy(dictionary("<f8", shape), "")),
               ContainsSubstring("expected more than 2^60 bytes"));
  }
  // Cut off anywhere, and with a byte behind.
  for (const int version : {1, 2, 3}) {
    const std::string good =
        npy(dictionary("<i2", "(1, 3)"), "abcdef", version);
    CHECK(nn::load_npy<int>(MemoryFile{good}).values.size() == 3);
    for (std::size_t length = 0; length < good.size(); ++length) {
      INFO(length);
      CHECK_THAT(complaint(good.substr(0, length)),
                 ContainsSubstring("expected"));
    }
    CHECK_THAT(complaint(good + "x"), ContainsSubstring("found 7"));
  }
  CHECK_THAT(
      complaint(text({0x93}) + "NUMPY" + text({2, 0, 0xff, 0xff, 0xff, 0xff})),
      ContainsSubstring(
          "expected 4294967307 bytes up to the end of the header, found 12"));
}

TEST_CASE("what cannot be saved is refused before a file is touched",
          "[npy][errors]") {
  const TemporaryDirectory directory;
  NpyArray<float> array;
  array.dims = {2, 2};
  array.values = {1, 2, 3};
  const std::string path = directory.file("a.npy");
  CHECK_THAT(
      message_of<std::invalid_argument>([&] { nn::save_npy(path, array); }),
      ContainsSubstring("sizes [2, 2]"));
  array.dims.assign(65, 1);
  array.values = {1};
  CHECK_THROWS_AS(nn::save_npy(path, array), std::invalid_argument);
  CHECK(nn_test::names_in(directory.path()).empty());
  CHECK_THAT(message_of<Error>([&] {
               nn::save_npy("/no/such/folder/a.npy", NpyArray<int>{{1}, {1}});
             }),
             ContainsSubstring("/no/such/folder/a.npy"));
}
