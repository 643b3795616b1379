#include "files/byte_source.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>

#include "support/catch.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

namespace {

using Catch::Matchers::ContainsSubstring;
using nn::internal::ByteSource;
using nn_test::message_of;
using nn_test::TemporaryDirectory;
using Error = std::runtime_error;

constexpr auto kAll = std::numeric_limits<std::uint64_t>::max();

std::string numbers(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text += static_cast<char>(i * 31 % 251);
  }
  return text;
}

void check_parts(ByteSource& source, const std::string& content) {
  for (const std::uint64_t wanted :
       {std::uint64_t{0}, std::uint64_t{8}, content.size() / 2, kAll}) {
    const std::uint64_t size = source.size_bytes(wanted);
    CHECK(size <= content.size());
    CHECK(size >= std::min<std::uint64_t>(wanted, content.size()));
  }
  CHECK(source.size_bytes(kAll) == content.size());
  for (const std::size_t begin :
       {std::size_t{0}, std::size_t{5}, content.size() / 3, content.size()}) {
    CHECK(source.read(begin, content.size() - begin) == content.substr(begin));
    CHECK(source.read(begin, 0).empty());
  }
  CHECK(source.read(2, 3) == content.substr(2, 3));
}

}  // namespace

TEST_CASE("the bytes of a file, of memory and of a pipe are the same",
          "[byte_source][threads]") {
  const std::string content = numbers(3000000);
  const TemporaryDirectory directory;
  const std::string path = directory.file("a");
  nn::write_file_atomically(path, content);
  ByteSource file(path);
  CHECK_FALSE(file.is_stream());
  CHECK(file.name() == path);
  check_parts(file, content);

  ByteSource memory(nn::MemoryFile{content, "upload"});
  CHECK(memory.name() == "upload");
  check_parts(memory, content);

  const std::string pipe = directory.file("pipe");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  std::thread writer([&] { nn::write_file_atomically(pipe, content); });
  ByteSource stream(pipe);
  CHECK(stream.is_stream());
  check_parts(stream, content);
  writer.join();
}

TEST_CASE("an endless stream is read as far as it is wanted", "[byte_source]") {
  ByteSource zeros("/dev/zero");
  CHECK(zeros.size_bytes(3000000) == 3000000);
  CHECK(zeros.read(2999990, 10) == std::string(10, '\0'));
}

TEST_CASE("a file that shrinks while it is read is an error",
          "[byte_source][errors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("a");
  nn::write_file_atomically(path, numbers(1000));
  ByteSource file(path);
  std::filesystem::resize_file(path, 10);
  CHECK(message_of<Error>([&] { file.read(0, 1000); }) ==
        path + ": became shorter while it was read");
}

TEST_CASE("what cannot be opened is told with its path",
          "[byte_source][errors]") {
  const TemporaryDirectory directory;
  CHECK_THAT(
      message_of<Error>([&] { ByteSource(directory.file("none")); }),
      ContainsSubstring("none: cannot be opened: No such file or directory"));
  CHECK_THAT(message_of<Error>([&] { ByteSource(directory.path()); }),
             ContainsSubstring(": cannot be read: Is a directory"));
}
