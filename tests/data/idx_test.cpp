#include "nn/data/idx.h"

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "nn/files/file.h"
#include "nn/random.h"
#include "support/catch.h"
#include "support/data_directory.h"
#include "support/errors.h"
#include "support/temporary_directory.h"
#include "support/tiny_mnist.h"

namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using nn::Index;
using nn_test::gzip;
using nn_test::idx_bytes;
using nn_test::message_of;
using nn_test::TemporaryDirectory;
using Error = std::runtime_error;

std::string to_string(const std::vector<std::uint8_t>& bytes) {
  return std::string(bytes.begin(), bytes.end());
}

/// What reading a file of these bytes complains of; checks that it is led by
/// the path.
std::string complaint(const std::string& bytes) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("file");
  nn::write_file_atomically(path, bytes);
  const std::string message =
      message_of<Error>([&path] { nn::read_idx(path); });
  CHECK(message.substr(0, path.size() + 2) == path + ": ");
  return message;
}

/// The four files of a tiny set, for tests that damage one.
class TinySet {
 public:
  TinySet() { nn_test::write_tiny_mnist(directory_.path(), {20, 10}); }

  std::string path() const { return directory_.path(); }
  std::string file(const std::string& name) const {
    return directory_.file(name);
  }
  std::string complaint(nn::Split split = nn::Split::kTraining,
                        int classes = 10) const {
    return message_of<Error>(
        [&] { nn::load_mnist(directory_.path(), split, classes); });
  }

 private:
  TemporaryDirectory directory_;
};

constexpr const char* kTrainImages = "train-images-idx3-ubyte";
constexpr const char* kTrainLabels = "train-labels-idx1-ubyte";

}  // namespace

TEST_CASE("an idx array of any number of dimensions is read", "[idx]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("a");
  nn::write_file_atomically(path, idx_bytes({3}, "abc"));
  nn::IdxArray array = nn::read_idx(path);
  REQUIRE(array.dims == std::vector<Index>{3});
  REQUIRE(to_string(array.bytes) == "abc");

  nn::write_file_atomically(path, idx_bytes({2, 1, 3, 1}, "abcdef"));
  array = nn::read_idx(path);
  REQUIRE(array.dims == std::vector<Index>{2, 1, 3, 1});
  REQUIRE(to_string(array.bytes) == "abcdef");

  nn::write_file_atomically(path, idx_bytes({0, 28, 28}, ""));
  array = nn::read_idx(path);
  REQUIRE(array.dims == std::vector<Index>{0, 28, 28});
  REQUIRE(array.bytes.empty());

  // Sizes of more than one byte.
  const std::string content(70000, 'x');
  nn::write_file_atomically(path, idx_bytes({70000}, content));
  REQUIRE(to_string(nn::read_idx(path).bytes) == content);
}

TEST_CASE("gzip is told by the content, not by the name", "[idx]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("plain.gz");
  nn::write_file_atomically(path, idx_bytes({2, 2}, "abcd"));
  REQUIRE(to_string(nn::read_idx(path).bytes) == "abcd");
  if (!nn_test::can_gzip()) return;

  const std::string packed = directory.file("packed");
  std::string content;
  nn::Rng rng(1);
  for (int i = 0; i < 300000; ++i) {  // several of the reader's buffers
    content += static_cast<char>(rng.index(256));
  }
  nn::write_file_atomically(packed, gzip(idx_bytes({3, 100000}, content)));
  const nn::IdxArray array = nn::read_idx(packed);
  REQUIRE(array.dims == std::vector<Index>{3, 100000});
  REQUIRE(to_string(array.bytes) == content);

  // Well compressed: far more comes out of a buffer than goes in.
  content.assign(5000000, '\0');
  nn::write_file_atomically(packed, gzip(idx_bytes({5000000}, content)));
  REQUIRE(to_string(nn::read_idx(packed).bytes) == content);
}

TEST_CASE("a gzip file of several members is read as one", "[idx]") {
  if (!nn_test::can_gzip()) return;
  const TemporaryDirectory directory;
  const std::string path = directory.file("a");
  const std::string bytes = idx_bytes({3, 4}, "abcdefghijkl");
  nn::write_file_atomically(path,
                            gzip(bytes.substr(0, 9)) + gzip(bytes.substr(9)));
  REQUIRE(to_string(nn::read_idx(path).bytes) == "abcdefghijkl");
  nn::write_file_atomically(path, gzip(bytes) + gzip(""));
  REQUIRE(to_string(nn::read_idx(path).bytes) == "abcdefghijkl");
}

TEST_CASE("a file that is no idx file is refused with what it is",
          "[idx][errors]") {
  CHECK_THAT(complaint(""), ContainsSubstring("found an empty file"));
  CHECK_THAT(complaint("abc"), ContainsSubstring("4 bytes, found 3 bytes"));
  CHECK_THAT(complaint("<html>"), ContainsSubstring("found magic 0x3c68746d"));
  // Type 0x0d is float.
  CHECK_THAT(complaint(std::string("\0\0\x0d\x01", 4)),
             ContainsSubstring("expected an IDX file of unsigned bytes"));
  CHECK_THAT(complaint(std::string("\0\0\x08\0", 4)),
             ContainsSubstring("found magic 0x00000800"));

  const TemporaryDirectory directory;
  const std::string missing = directory.file("none");
  CHECK(message_of<Error>([&] { nn::read_idx(missing); }) ==
        missing + ": no such file");
  CHECK(message_of<Error>([&] { nn::read_idx(directory.path()); }) ==
        directory.path() + ": not a regular file");
}

TEST_CASE("a file with another magic is refused with what it is",
          "[idx][errors]") {
  const auto idx_of = [](char type) {
    return std::string("\0\0", 2) + type + std::string("\1\0\0\0\1\0", 6);
  };
  const auto reversed = [](char type) {
    return std::string("\1") + type + std::string("\0\0\1\0\0\0\7", 7);
  };
  std::string tar(512, 'x');
  tar.replace(257, 5, "ustar");
  const std::pair<std::string, std::string> cases[] = {
      {"<!DOCTYPE html>", "an HTML or XML page"},
      {"\n  <html>", "an HTML or XML page"},
      {"\xef\xbb\xbf<?xml version='1.0'?>", "an HTML or XML page"},
      {"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"},
      {"PK\x03\x04...", "a ZIP archive"},
      {"BZh91AY", "bunzip2"},
      {"\xfd"
       "7zXZ",
       "unxz"},
      {"\x28\xb5\x2f\xfd..", "unzstd"},
      {"\x93NUMPY", "a NumPy array"},
      {"\x89HDF\r\n", "an HDF5 file"},
      {tar, "a tar archive"},
      {"label,1x1,1x2\n5,0,0\n", "this is text"},
      {idx_of('\x09'), "an IDX file of signed bytes"},
      {idx_of('\x0b'), "an IDX file of 16-bit integers"},
      {idx_of('\x0c'), "an IDX file of 32-bit integers"},
      {idx_of('\x0d'), "an IDX file of 32-bit floating-point numbers"},
      {idx_of('\x0e'), "an IDX file of 64-bit floating-point numbers"},
      {std::string("\0\0\x08\0", 4), "an IDX file without dimensions"},
      {reversed('\x08'), "unsigned bytes in reversed byte order"},
      {reversed('\x0c'), "32-bit integers in reversed byte order"},
  };
  for (const auto& [bytes, meaning] : cases) {
    CHECK_THAT(complaint(bytes), ContainsSubstring(meaning));
    if (nn_test::can_gzip()) {
      CHECK_THAT(complaint(gzip(bytes)), ContainsSubstring(meaning));
    }
  }
  // Nothing is claimed of bytes that say nothing.
  const std::string unknown = complaint("\x01\x02\x03\x04\x05");
  CHECK(unknown.substr(unknown.size() - 16) == "magic 0x01020304");
  if (nn_test::can_gzip()) {
    CHECK_THAT(complaint(gzip(gzip(idx_bytes({1}, "a")))),
               ContainsSubstring("a gzip file inside of a gzip file"));
  }
}

TEST_CASE("zeros behind a gzip file are nothing, and all else is refused",
          "[idx][errors]") {
  if (!nn_test::can_gzip()) return;
  const std::string file = gzip(idx_bytes({3}, "abc"));
  // Within a block of the reader's, and over several.
  for (const std::size_t zeros : {1, 2, 511, 65536, 200000}) {
    const std::string padding(zeros, '\0');
    for (const std::string& whole :
         {file + padding, file + gzip("") + padding}) {
      CHECK(to_string(nn::read_idx(nn::MemoryFile{whole}).bytes) == "abc");
      const TemporaryDirectory directory;
      nn::write_file_atomically(directory.file("a"), whole);
      CHECK(to_string(nn::read_idx(directory.file("a")).bytes) == "abc");
    }
    CHECK_THAT(complaint(file + padding + "x"),
               ContainsSubstring("found a byte 120"));
    // As gzip has it, a member behind zeros is none.
    CHECK_THAT(complaint(file + padding + file),
               ContainsSubstring("found a byte 31"));
  }
  CHECK_THAT(complaint(file + "garbage"),
             ContainsSubstring("expected the end, zeros or another member"));
  CHECK_THAT(complaint(file + "\x1f\x8b"), ContainsSubstring("ends too early"));
  // Zeros in place of data are no padding.
  CHECK_THAT(complaint(file.substr(0, 20) + std::string(100, '\0')),
             ContainsSubstring("damaged"));
}

TEST_CASE("a compressed file may unpack to a limit that can be raised",
          "[idx][errors]") {
  if (!nn_test::can_gzip()) return;
  const Index bytes = Index{20} << 20;
  const std::string file = gzip(
      idx_bytes({bytes}, std::string(static_cast<std::size_t>(bytes), '\0')));
  CHECK_THAT(complaint(file),
             ContainsSubstring("which is more than 64 times the"));
  nn::IdxLimits limits;
  limits.max_expansion = 1032;
  CHECK(nn::read_idx(nn::MemoryFile{file}, limits).bytes.size() ==
        static_cast<std::size_t>(bytes));
  limits.max_content_bytes = 1000;
  CHECK_THROWS_WITH(nn::read_idx(nn::MemoryFile{file}, limits),
                    ContainsSubstring("IdxLimits::max_content_bytes"));
  limits.max_expansion = 0;
  CHECK_THROWS_AS(nn::read_idx(nn::MemoryFile{file}, limits),
                  std::invalid_argument);
}

TEST_CASE("an idx file with too few or too many bytes is refused with both",
          "[idx][errors]") {
  const std::string short_file = idx_bytes({2, 3}, "abcde");
  const std::string long_file = idx_bytes({2, 3}, "abcdefgh");
  CHECK_THAT(
      complaint(short_file),
      ContainsSubstring("expected 6 bytes for the header's 2 x 3, found 5"));
  CHECK_THAT(
      complaint(long_file),
      ContainsSubstring("expected 6 bytes for the header's 2 x 3, found 8"));
  CHECK_THAT(complaint(idx_bytes({2, 3}, "abcdef").substr(0, 10)),
             ContainsSubstring("found the end of the file in size 2"));
  if (!nn_test::can_gzip()) return;
  CHECK_THAT(complaint(gzip(long_file)), ContainsSubstring("found more"));
  CHECK_THAT(
      complaint(gzip(short_file)),
      ContainsSubstring("expected 6 bytes for the header's 2 x 3, found 5"));
}

TEST_CASE("a header of huge sizes is refused before memory is asked for",
          "[idx][errors]") {
  const Index huge = 0xffffffff;
  CHECK_THAT(complaint(idx_bytes({huge, huge, huge}, "abc")),
             ContainsSubstring("4294967295 x 4294967295 x 4294967295"));
  CHECK_THAT(complaint(idx_bytes({huge}, "abc")),
             ContainsSubstring("more than the 2147483648 bytes"));
  // 2^32 * 2^32 would wrap to zero.
  CHECK_THAT(complaint(idx_bytes({Index{1} << 31, 2, Index{1} << 31, 2}, "")),
             ContainsSubstring("more than the 2147483648 bytes"));
  CHECK_THAT(complaint(idx_bytes({2000000000}, "abc")),
             ContainsSubstring("expected 2000000000 bytes for the header's "
                               "2000000000, found 3"));
  if (!nn_test::can_gzip()) return;
  CHECK_THAT(complaint(gzip(idx_bytes({2000000000}, "abc"))),
             ContainsSubstring(
                 "more than 64 times the 31 bytes of the compressed file"));
}

TEST_CASE("a gzip file cut short anywhere is refused", "[idx][errors]") {
  if (!nn_test::can_gzip()) return;
  const std::string packed =
      gzip(idx_bytes({4, 10}, "0123456789abcdefghijABCDEFGHIJ9876543210"));
  for (std::size_t size = 0; size < packed.size(); ++size) {
    CAPTURE(size);
    CHECK_THAT(complaint(packed.substr(0, size)),
               !ContainsSubstring("nothing was thrown"));
  }
  CHECK_THAT(complaint(packed.substr(0, packed.size() - 1)),
             ContainsSubstring("gzip: the compressed data ends too early"));
}

TEST_CASE("a gzip file with a changed byte is refused or read right",
          "[idx][errors]") {
  if (!nn_test::can_gzip()) return;
  const TemporaryDirectory directory;
  const std::string path = directory.file("a");
  std::string content;
  for (int i = 0; i < 400; ++i) content += static_cast<char>(i * i % 251);
  const std::string packed = gzip(idx_bytes({20, 20}, content));
  nn::Rng rng(2);
  int refused = 0;
  for (int round = 0; round < 400; ++round) {
    std::string damaged = packed;
    char& byte = damaged[static_cast<std::size_t>(
        rng.index(static_cast<Index>(packed.size())))];
    byte = static_cast<char>(byte ^ static_cast<char>(1 + rng.index(255)));
    nn::write_file_atomically(path, damaged);
    try {
      // A few bytes of the header, such as its time, mean nothing here.
      const nn::IdxArray array = nn::read_idx(path);
      REQUIRE(to_string(array.bytes) == content);
    } catch (const Error&) {
      ++refused;
    }
  }
  REQUIRE(refused > 350);
}

TEST_CASE("a gzip file with a wrong checksum or bytes behind it is refused",
          "[idx][errors]") {
  if (!nn_test::can_gzip()) return;
  const std::string packed = gzip(idx_bytes({2, 3}, "abcdef"));
  std::string wrong_checksum = packed;
  char& byte = wrong_checksum[packed.size() - 8];
  byte = static_cast<char>(byte ^ 1);
  CHECK_THAT(complaint(wrong_checksum),
             ContainsSubstring("gzip: the compressed data is damaged"));
  CHECK_THAT(complaint(packed + "junk"), ContainsSubstring("gzip:"));
}

TEST_CASE("an idx file cut short or with a changed byte never crashes",
          "[idx][errors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("a");
  const std::string bytes = idx_bytes({2, 3, 4}, "0123456789abcdefghijklmn");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    nn::write_file_atomically(path, bytes.substr(0, size));
    REQUIRE_THROWS_AS(nn::read_idx(path), std::runtime_error);
  }
  nn::Rng rng(3);
  int refused = 0;
  for (int round = 0; round < 400; ++round) {
    std::string damaged = bytes;
    for (Index k = 0; k <= rng.index(3); ++k) {
      damaged[static_cast<std::size_t>(rng.index(16))] =
          static_cast<char>(rng.index(256));
    }
    nn::write_file_atomically(path, damaged);
    try {
      const nn::IdxArray array = nn::read_idx(path);
      const std::size_t header_bytes = 4 * (1 + array.dims.size());
      REQUIRE(header_bytes + array.bytes.size() == bytes.size());
    } catch (const Error&) {
      ++refused;
    }
  }
  REQUIRE(refused > 350);
}

TEST_CASE("a data set is read under both spellings, plain and gzip", "[idx]") {
  const TemporaryDirectory reference;
  nn_test::write_tiny_mnist(reference.path(), {20, 10});
  const nn::ImageSet expected =
      nn::load_mnist(reference.path(), nn::Split::kTraining);
  REQUIRE(expected.size() == 20);
  REQUIRE(expected.shape == nn::Shape{1, 28, 28});
  REQUIRE(expected.images.size() == 20 * 28 * 28);
  REQUIRE(expected.labels[13] == 3);
  REQUIRE(nn::load_mnist(reference.path(), nn::Split::kTest).size() == 10);

  for (const bool compressed : {false, true}) {
    for (const bool dotted : {false, true}) {
      if (compressed && !nn_test::can_gzip()) continue;
      const TemporaryDirectory directory;
      nn_test::write_tiny_mnist(directory.path(), {20, 10, compressed, dotted});
      const nn::ImageSet set =
          nn::load_mnist(directory.path(), nn::Split::kTraining);
      CAPTURE(compressed, dotted);
      REQUIRE(set.images == expected.images);
      REQUIRE(set.labels == expected.labels);
    }
  }
}

TEST_CASE("a folder that carries a file's name is passed over", "[idx]") {
  if (!nn_test::can_gzip()) return;
  const TemporaryDirectory directory;
  nn_test::write_tiny_mnist(directory.path(), {20, 10, true});
  fs::create_directory(directory.file(kTrainImages));
  REQUIRE(nn::load_mnist(directory.path(), nn::Split::kTraining).size() == 20);
  REQUIRE(nn::find_mnist(directory.path(), nn::Split::kTraining).images ==
          directory.file(std::string(kTrainImages) + ".gz"));
}

TEST_CASE("a missing file is told with the names that were tried",
          "[idx][errors]") {
  const TinySet set;
  fs::remove(set.file(kTrainLabels));
  const std::string message = set.complaint();
  CHECK_THAT(message, ContainsSubstring(set.path()));
  CHECK_THAT(message, ContainsSubstring("train-labels-idx1-ubyte,"));
  CHECK_THAT(message, ContainsSubstring("train-labels.idx1-ubyte,"));
  CHECK_THAT(message, ContainsSubstring("train-labels-idx1-ubyte.gz"));
  CHECK_THAT(message, ContainsSubstring("train-labels.idx1-ubyte.gz"));
  // The other split does not need it.
  CHECK(nn::load_mnist(set.path(), nn::Split::kTest).size() == 10);

  const std::string missing = set.file("none");
  CHECK(message_of<Error>([&] { nn::load_mnist(missing, nn::Split::kTest); }) ==
        missing + ": no such directory");
}

TEST_CASE("images and labels that disagree in number are refused",
          "[idx][errors]") {
  const TinySet set;
  nn::write_file_atomically(set.file(kTrainLabels),
                            idx_bytes({19}, std::string(19, '\1')));
  const std::string message = set.complaint();
  CHECK_THAT(message, ContainsSubstring(set.file(kTrainImages)));
  CHECK_THAT(message, ContainsSubstring(set.file(kTrainLabels)));
  CHECK_THAT(message, ContainsSubstring("19"));
  CHECK_THAT(message, ContainsSubstring("found 20"));
}

TEST_CASE("a label that is no class is refused with its place",
          "[idx][errors]") {
  const TinySet set;
  std::string labels(20, '\1');
  labels[7] = '\x0a';
  nn::write_file_atomically(set.file(kTrainLabels), idx_bytes({20}, labels));
  CHECK(set.complaint() == set.file(kTrainLabels) +
                               ": expected labels below 10, found 10 at index "
                               "7");
  CHECK(nn::load_mnist(set.path(), nn::Split::kTraining, 11).size() == 20);
  CHECK_THAT(set.complaint(nn::Split::kTest, 5),
             ContainsSubstring("expected labels below 5, found 5 at index 5"));
  CHECK_THROWS_AS(nn::load_mnist(set.path(), nn::Split::kTest, 0),
                  std::invalid_argument);
}

TEST_CASE("images and labels in each other's place are refused",
          "[idx][errors]") {
  const TinySet set;
  fs::rename(set.file(kTrainImages), set.file("swap"));
  fs::rename(set.file(kTrainLabels), set.file(kTrainImages));
  fs::rename(set.file("swap"), set.file(kTrainLabels));
  const std::string message = set.complaint();
  CHECK_THAT(message, ContainsSubstring(set.file(kTrainLabels)));
  CHECK_THAT(message, ContainsSubstring("magic 0x00000801"));
  CHECK_THAT(message, ContainsSubstring("found magic 0x00000803"));
  CHECK_THAT(message, ContainsSubstring("20 x 28 x 28"));
}

TEST_CASE("coloured images are told where they are read from",
          "[idx][errors]") {
  const TinySet set;
  nn::write_file_atomically(set.file(kTrainImages),
                            idx_bytes({20, 3, 2, 2}, std::string(240, 'c')));
  CHECK_THAT(set.complaint(),
             ContainsSubstring("found magic 0x00000804 and sizes 20 x 3 x 2 x "
                               "2; coloured images are read from folders"));
}

TEST_CASE("labels are bytes, integers, or the first of rows of integers",
          "[idx]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("labels");
  const auto integers = [](char dimensions, const std::string& sizes) {
    return std::string("\0\0\x0c", 3) + dimensions + sizes;
  };
  nn::write_file_atomically(path, idx_bytes({3}, std::string("\0\x07\xff", 3)));
  CHECK(nn::read_idx_labels(path) == std::vector<std::int32_t>{0, 7, 255});

  const std::string two("\0\0\0\x02", 4);
  const std::string content("\0\0\0\x05\xff\xff\xff\xfe", 8);
  nn::write_file_atomically(path, integers(1, two) + content);
  CHECK(nn::read_idx_labels(path) == std::vector<std::int32_t>{5, -2});

  const std::string row_of_two("\0\x01\0\x09\0\0\0\x01\0\0\0\x03\0\0\0\x04",
                               16);
  nn::write_file_atomically(path, integers(2, two + two) + row_of_two);
  CHECK(nn::read_idx_labels(path) == std::vector<std::int32_t>{65545, 3});

  const auto complains = [&path](const std::string& bytes) {
    nn::write_file_atomically(path, bytes);
    return message_of<Error>([&path] { nn::read_idx_labels(path); });
  };
  CHECK_THAT(complains(integers(1, two) + content.substr(1)),
             ContainsSubstring("expected 8 bytes for the header's 2, found 7"));
  CHECK_THAT(complains(integers(3, two + two + two) + std::string(32, 'x')),
             ContainsSubstring("labels, an array of 1 dimension") &&
                 ContainsSubstring("found magic 0x00000c03"));
  CHECK_THAT(complains(integers(2, two + std::string(4, '\0'))),
             ContainsSubstring("expected a label in each row"));
  CHECK_THAT(complains(idx_bytes({2, 2}, "abcd")),
             ContainsSubstring("labels, an array of 1 dimension"));
  std::string shorts = integers(1, two) + "abcd";
  shorts[2] = '\x0b';
  CHECK_THAT(complains(shorts),
             ContainsSubstring("IDX file of 16-bit integers"));
  // Where bytes are read, they stay refused.
  nn::write_file_atomically(path, integers(1, two) + content);
  CHECK_THAT(message_of<Error>([&path] { nn::read_idx(path); }),
             ContainsSubstring("IDX file of 32-bit integers"));
}

TEST_CASE("a set may count classes from another label and hold columns",
          "[idx]") {
  const TemporaryDirectory directory;
  const std::string images =
      directory.file("emnist-letters-train-images-idx3-ubyte");
  const std::string labels =
      directory.file("emnist-letters-train-labels-idx1-ubyte");
  // Two images of 2 rows and 3 columns, column by column.
  nn::write_file_atomically(images, idx_bytes({2, 3, 2}, "adbecfgjhkil"));
  nn::write_file_atomically(labels, idx_bytes({2}, "\x01\x1a"));
  nn::IdxSetOptions options;
  options.classes = 26;
  options.first_label = 1;
  options.transposed = true;
  const nn::IdxSetFiles files =
      nn::find_idx_set(directory.path(), "emnist-letters-train");
  CHECK(files.images == images);
  const nn::ImageSet set = nn::load_idx_set(files, options);
  CHECK(set.shape == nn::Shape{1, 2, 3});
  CHECK(to_string(set.images) == "abcdefghijkl");
  CHECK(static_cast<int>(set.labels.at(0)) == 0);
  CHECK(static_cast<int>(set.labels.at(1)) == 25);

  options.classes = 25;
  CHECK_THAT(message_of<Error>([&] { nn::load_idx_set(files, options); }),
             ContainsSubstring("expected labels from 1 to 25, found 26 at "
                               "index 1"));
  options.classes = 0;
  CHECK_THROWS_AS(nn::load_idx_set(files, options), std::invalid_argument);

  // Labels of more than a byte are classes as well.
  nn::write_file_atomically(
      labels, std::string("\0\0\x0c\1\0\0\0\2\0\1\0\1\0\0\0\2", 16));
  options.classes = 70000;
  CHECK(nn::load_idx_set(files, options).labels == std::vector<int>{65536, 1});
  CHECK(nn::load_idx_set(files, {}).labels == std::vector<int>{65537, 2});
}

TEST_CASE("a set without images is refused", "[idx][errors]") {
  const TinySet set;
  nn::write_file_atomically(set.file(kTrainImages), idx_bytes({0, 28, 28}, ""));
  nn::write_file_atomically(set.file(kTrainLabels), idx_bytes({0}, ""));
  CHECK_THAT(set.complaint(), ContainsSubstring("found 0 x 28 x 28"));
}

TEST_CASE("mnist itself has its known sizes and first labels", "[idx][data]") {
  const std::string directory = nn_test::data_directory();
  const nn::ImageSet training = nn::load_mnist(directory, nn::Split::kTraining);
  const nn::ImageSet test = nn::load_mnist(directory, nn::Split::kTest);
  REQUIRE(training.size() == 60000);
  REQUIRE(test.size() == 10000);
  REQUIRE(training.shape == nn::Shape{1, 28, 28});
  REQUIRE(test.shape == nn::Shape{1, 28, 28});
  REQUIRE(training.labels[0] == 5);
  REQUIRE(training.labels[1] == 0);
  REQUIRE(training.labels[2] == 4);
  REQUIRE(test.labels[0] == 7);
  REQUIRE(test.labels[1] == 2);
  REQUIRE(test.labels[2] == 1);
  // The mean and deviation that are published with MNIST.
  const nn::Normalization normalization = nn::measure_normalization(training);
  REQUIRE(normalization.mean == Catch::Approx(0.1307).margin(5e-5));
  REQUIRE(normalization.deviation == Catch::Approx(0.3081).margin(5e-5));
}
