#include "nn/file.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using nn_test::message_of;
using nn_test::TemporaryDirectory;

std::ptrdiff_t file_count(const std::string& directory) {
  return std::distance(fs::directory_iterator(directory),
                       fs::directory_iterator());
}

}  // namespace

TEST_CASE("a file reads back as it was written", "[file]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("a");

  // Sizes around the reader's chunks.
  for (const std::size_t size :
       std::vector<std::size_t>{0, 1, 65535, 65536, 65537, 1000000}) {
    std::string content;
    for (std::size_t i = 0; i < size; ++i) {
      content += static_cast<char>(i * 31 % 256);
    }
    nn::write_file_atomically(path, content);
    REQUIRE(nn::read_file(path) == content);
    REQUIRE(fs::file_size(path) == size);
  }
  // Raw memory, with zeros in it.
  const char bytes[] = {'a', '\0', 'b'};
  nn::write_file_atomically(path, bytes, sizeof(bytes));
  REQUIRE(nn::read_file(path) == std::string("a\0b", 3));
}

TEST_CASE("a replaced file leaves no other file behind", "[file]") {
  const TemporaryDirectory directory;
  nn::write_file_atomically(directory.file("a"), "old, and longer");
  nn::write_file_atomically(directory.file("a"), "new");
  REQUIRE(nn::read_file(directory.file("a")) == "new");
  REQUIRE(file_count(directory.path()) == 1);
}

TEST_CASE("a reader sees the old file or the new one, never a part",
          "[file][threads]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("a");
  const std::string first(200000, 'a');
  const std::string second(300000, 'b');
  nn::write_file_atomically(path, first);

  std::vector<std::thread> writers;
  for (int t = 0; t < 2; ++t) {
    writers.emplace_back([&path, &first, &second] {
      for (int i = 0; i < 20; ++i) {
        nn::write_file_atomically(path, i % 2 == 0 ? second : first);
      }
    });
  }
  int torn = 0;
  for (int i = 0; i < 40; ++i) {
    const std::string content = nn::read_file(path);
    if (content != first && content != second) ++torn;
  }
  for (std::thread& writer : writers) writer.join();
  REQUIRE(torn == 0);
  REQUIRE(file_count(directory.path()) == 1);
}

TEST_CASE("a file that cannot be replaced stays and no part is left",
          "[file][errors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("folder");
  fs::create_directory(path);
  const std::string message = message_of<std::runtime_error>(
      [&path] { nn::write_file_atomically(path, "text"); });
  REQUIRE_THAT(message, ContainsSubstring(path));
  REQUIRE_THAT(message, ContainsSubstring("Is a directory"));
  REQUIRE(fs::is_directory(path));
  REQUIRE(file_count(directory.path()) == 1);
}

TEST_CASE("file errors give the path and the reason", "[file][errors]") {
  const TemporaryDirectory directory;
  const std::string missing = directory.file("none/a");

  std::string message = message_of<std::runtime_error>(
      [&missing] { nn::write_file_atomically(missing, "text"); });
  REQUIRE_THAT(message, ContainsSubstring(missing));
  REQUIRE_THAT(message, ContainsSubstring("No such file or directory"));

  message =
      message_of<std::runtime_error>([&missing] { nn::read_file(missing); });
  REQUIRE_THAT(message, ContainsSubstring(missing));
  REQUIRE_THAT(message, ContainsSubstring("No such file or directory"));

  message = message_of<std::runtime_error>(
      [&directory] { nn::read_file(directory.path()); });
  REQUIRE_THAT(message, ContainsSubstring(directory.path()));
  REQUIRE_THAT(message, ContainsSubstring("Is a directory"));
}

TEST_CASE("a write that fails half-way leaves the old file and no other",
          "[file][errors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("a");
  nn::write_file_atomically(path, "kept");

  // A limit on file sizes stands in for a full disk: the first write comes
  // back short, the second fails.
  rlimit limit{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &limit) == 0);
  rlimit low = limit;
  low.rlim_cur = 1000;
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  REQUIRE(setrlimit(RLIMIT_FSIZE, &low) == 0);
  const std::string message = message_of<std::runtime_error>(
      [&path] { nn::write_file_atomically(path, std::string(5000, 'x')); });
  REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  std::signal(SIGXFSZ, old_handler);

  REQUIRE_THAT(message, ContainsSubstring(path));
  REQUIRE_THAT(message, ContainsSubstring("File too large"));
  REQUIRE(nn::read_file(path) == "kept");
  REQUIRE(file_count(directory.path()) == 1);
}

TEST_CASE("a written file gets the permissions of any new file", "[file]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("a");
  const mode_t before = umask(027);
  nn::write_file_atomically(path, "text");
  umask(before);
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  REQUIRE((status.st_mode & 0777) == 0640);
}
