#include "nn/files/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.h"
#include "support/errors.h"
#include "support/file_faults.h"
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

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode;
}

/// What writing complains of; empty if it does not.
std::string complaint(const std::string& path, const std::string& text) {
  try {
    nn::write_file_atomically(path, text);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

/// A folder for a user without rights; tests may run as root, whom no mode
/// stops.
class AsNobody {
 public:
  explicit AsNobody(const std::string& folder) {
    if (is_root_) {
      REQUIRE(::chown(folder.c_str(), kNobody, kNobody) == 0);
      REQUIRE(::setegid(kNobody) == 0);
      REQUIRE(::seteuid(kNobody) == 0);
    }
  }
  ~AsNobody() {
    if (is_root_ && (::seteuid(0) != 0 || ::setegid(0) != 0)) std::abort();
  }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;

 private:
  static constexpr uid_t kNobody = 65534;
  bool is_root_ = ::geteuid() == 0;
};

}  // namespace

TEST_CASE("the names in a folder are sorted by their bytes", "[file]") {
  const TemporaryDirectory directory;
  for (const char* name : {"b", "a", ".hidden", "\xc3\xa9", "B"}) {
    nn::write_file_atomically(directory.file(name), "");
  }
  fs::create_directory(directory.file("folder"));
  CHECK(nn::names_in_folder(directory.path()) ==
        std::vector<std::string>(
            {".hidden", "B", "a", "b", "folder", "\xc3\xa9"}));
  CHECK(nn::names_in_folder(directory.file("folder")).empty());
  CHECK(message_of<std::runtime_error>([&] {
          nn::names_in_folder(directory.file("none"));
        }) == directory.file("none") +
                  ": the folder cannot be read: No such file or directory");
  CHECK_THAT(message_of<std::runtime_error>(
                 [&] { nn::names_in_folder(directory.file("a")); }),
             ContainsSubstring("Not a directory"));
}

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
  std::string written_to = path;
  // Small files make a writer look at the path more often while another
  // replaces it; large ones leave a reader more time in the midst of one.
  std::size_t size = 3;
  int rounds = 1000;
  SECTION("small") {}
  SECTION("small, behind a link") {
    written_to = directory.file("link");
    fs::create_symlink("a", written_to);
  }
  SECTION("large") {
    size = 200000;
    rounds = 20;
  }
  const std::string first(size, 'a');
  const std::string second(size + size / 2, 'b');
  nn::write_file_atomically(path, first);
  const auto files = file_count(directory.path());

  std::atomic<int> writing{2};
  std::vector<std::thread> writers;
  for (int t = 0; t < 2; ++t) {
    writers.emplace_back([&] {
      for (int i = 0; i < rounds; ++i) {
        nn::write_file_atomically(written_to, i % 2 == 0 ? second : first);
      }
      --writing;
    });
  }
  int torn = 0;
  while (writing > 0) {
    const std::string content = nn::read_file(path);
    if (content != first && content != second) ++torn;
  }
  for (std::thread& writer : writers) writer.join();
  REQUIRE(torn == 0);
  REQUIRE(file_count(directory.path()) == files);
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

TEST_CASE("a file that is replaced keeps its mode and its owner", "[file]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("a");
  for (const mode_t mode : {0600, 0640, 0604, 0755, 0666, 0222, 0700}) {
    nn::write_file_atomically(path, "old");
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    if (::geteuid() == 0) {
      REQUIRE(::chown(path.c_str(), 1234, 4321) == 0);
      REQUIRE(::chmod(path.c_str(), mode) == 0);
    }
    nn::write_file_atomically(path, "new");
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == mode);
    if (::geteuid() == 0) {
      CHECK(status.st_uid == 1234);
      CHECK(status.st_gid == 4321);
    }
    REQUIRE(fs::remove(path));
  }
}

TEST_CASE("a symbolic link stays and what it leads to is replaced", "[file]") {
  const TemporaryDirectory directory;
  fs::create_directory(directory.file("data"));
  fs::create_directory(directory.file("links"));
  nn::write_file_atomically(directory.file("data/a"), "old");
  // A chain of a relative and an absolute link.
  fs::create_symlink("../data/a", directory.file("links/first"));
  fs::create_symlink(directory.file("links/first"), directory.file("second"));
  nn::write_file_atomically(directory.file("second"), "new");
  CHECK(fs::is_symlink(directory.file("second")));
  CHECK(fs::is_symlink(directory.file("links/first")));
  CHECK_FALSE(fs::is_symlink(directory.file("data/a")));
  CHECK(nn::read_file(directory.file("data/a")) == "new");

  // One that leads to nothing makes it.
  fs::create_symlink("data/b", directory.file("dangling"));
  nn::write_file_atomically(directory.file("dangling"), "made");
  CHECK(fs::is_symlink(directory.file("dangling")));
  CHECK(nn::read_file(directory.file("data/b")) == "made");
  CHECK(file_count(directory.file("data")) == 2);
  CHECK(file_count(directory.file("links")) == 1);

  fs::create_symlink("nowhere/c", directory.file("lost"));
  CHECK_THAT(complaint(directory.file("lost"), "text"),
             ContainsSubstring("lost: ") &&
                 ContainsSubstring("No such file or directory"));
  fs::create_symlink("round", directory.file("round"));
  CHECK_THAT(complaint(directory.file("round"), "text"),
             ContainsSubstring("round: cannot be written: Too many levels"));
  CHECK(fs::is_symlink(directory.file("round")));
}

TEST_CASE("a pipe is written to and stays one", "[file][threads]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("pipe");
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const std::string text(300000, 'x');
  std::string got;
  std::thread reader([&] { got = nn::read_file(path); });
  nn::write_file_atomically(path, text);
  reader.join();
  CHECK(got == text);
  CHECK(S_ISFIFO(mode_of(path)));
  CHECK(file_count(directory.path()) == 1);

  // A reader that goes away is an error, and no signal.
  std::thread impatient([&] {
    const int fd = ::open(path.c_str(), O_RDONLY);
    ::close(fd);
  });
  CHECK_THAT(complaint(path, std::string(1 << 20, 'x')),
             ContainsSubstring("cannot be written: Broken pipe"));
  impatient.join();
}

TEST_CASE("a device is written to and not replaced", "[file][errors]") {
  // A link of one's own stands before it, lest a fault replace the device.
  const TemporaryDirectory directory;
  const std::string path = directory.file("full");
  fs::create_symlink("/dev/full", path);
  CHECK(complaint(path, "text") ==
        path + ": cannot be written: No space left on device");
  CHECK(fs::is_symlink(path));
  CHECK(S_ISCHR(mode_of("/dev/full")));
  CHECK(file_count(directory.path()) == 1);
}

TEST_CASE("an open file under its number is written to and not replaced",
          "[file]") {
  // What /dev/stdout leads to where a shell has sent the output to a file.
  const TemporaryDirectory directory;
  const std::string path = directory.file("output");
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT, 0600);
  REQUIRE(fd >= 0);
  REQUIRE(::write(fd, "first ", 6) == 6);
  const std::string by_number = "/proc/self/fd/" + std::to_string(fd);
  const std::string link = directory.file("stdout");
  fs::create_symlink(by_number, link);
  nn::write_file_atomically(link, "second");
  char text[13] = {};
  CHECK(::pread(fd, text, 12, 0) == 12);
  CHECK(std::string(text) == "first second");
  // Also where the file has lost its name.
  REQUIRE(fs::remove(path));
  nn::write_file_atomically(link, "!");
  CHECK(::pread(fd, text, 1, 12) == 1);
  CHECK(file_count(directory.path()) == 1);
  ::close(fd);
}

TEST_CASE("what killed writers left behind is removed by the next one",
          "[file]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("a");
  for (const char* name : {"a.partial", "a.1.partial", "a.4.partial"}) {
    nn::write_file_atomically(directory.file(name), "half");
  }
  // Those of another file are not ours, and neither is a folder or a link.
  nn::write_file_atomically(directory.file("b.partial"), "half");
  fs::create_directory(directory.file("a.2.partial"));
  fs::create_symlink("b.partial", directory.file("a.3.partial"));
  nn::write_file_atomically(path, "new");
  CHECK(nn::read_file(path) == "new");
  CHECK_FALSE(fs::exists(directory.file("a.partial")));
  CHECK_FALSE(fs::exists(directory.file("a.1.partial")));
  CHECK_FALSE(fs::exists(directory.file("a.4.partial")));
  CHECK(nn::read_file(directory.file("b.partial")) == "half");
  CHECK(file_count(directory.path()) == 4);
}

TEST_CASE("what a living writer works on stays", "[file]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("a");
  const std::string living = directory.file("a.partial");
  const int fd = ::open(living.c_str(), O_WRONLY | O_CREAT, 0600);
  REQUIRE(::flock(fd, LOCK_EX | LOCK_NB) == 0);
  nn::write_file_atomically(path, "new");
  CHECK(nn::read_file(path) == "new");
  CHECK(fs::exists(living));
  CHECK(file_count(directory.path()) == 2);
  ::close(fd);
  nn::write_file_atomically(path, "newer");
  CHECK_FALSE(fs::exists(living));
}

TEST_CASE("a killed writer leaves the old file or the new one", "[file]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("a");
  const std::string texts[] = {std::string(300000, 'a'),
                               std::string(200000, 'b')};
  nn::write_file_atomically(path, texts[0]);
  int left_overs = 0;
  for (int kill_after = 0; kill_after < 40; ++kill_after) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      for (int i = 0;; ++i) nn::write_file_atomically(path, texts[i % 2]);
    }
    ::usleep(static_cast<useconds_t>(500 + 397 * kill_after));
    ::kill(child, SIGKILL);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    const std::string content = nn::read_file(path);
    REQUIRE((content == texts[0] || content == texts[1]));
    if (file_count(directory.path()) > 1) ++left_overs;
    if (kill_after % 4 == 3) {
      nn::write_file_atomically(path, texts[0]);
      REQUIRE(file_count(directory.path()) == 1);
    }
  }
  // Otherwise this test shows nothing.
  CHECK(left_overs > 0);
}

TEST_CASE("many processes write one file and leave one", "[file]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("a");
  std::vector<pid_t> children;
  for (char letter = 'a'; letter < 'a' + 12; ++letter) {
    children.push_back(::fork());
    REQUIRE(children.back() >= 0);
    if (children.back() == 0) {
      for (int i = 0; i < 10; ++i) {
        if (!complaint(path, std::string(20000, letter)).empty()) ::_exit(1);
      }
      ::_exit(0);
    }
  }
  for (const pid_t child : children) {
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
  const std::string content = nn::read_file(path);
  CHECK(content == std::string(20000, content[0]));
  CHECK(file_count(directory.path()) == 1);
}

TEST_CASE("names as long as the file system has them can be written",
          "[file]") {
  const TemporaryDirectory directory;
  std::string utf8;
  while (utf8.size() < 254) utf8 += "\xc3\xa9";
  for (const std::string& name : {std::string(247, 'n'),
                                  std::string(248, 'n'),
                                  std::string(255, 'n'),
                                  "n" + utf8,
                                  utf8}) {
    const std::string path = directory.file(name);
    nn::write_file_atomically(path, "old");
    nn::write_file_atomically(path, name);
    CHECK(nn::read_file(path) == name);
  }
  CHECK(file_count(directory.path()) == 5);
  CHECK_THAT(complaint(directory.file(std::string(256, 'n')), ""),
             ContainsSubstring("File name too long"));
}

TEST_CASE("what may not be written is refused and stays", "[file][errors]") {
  const TemporaryDirectory directory;
  const std::string folder = directory.file("folder");
  fs::create_directory(folder);
  // Its path must be open to all.
  REQUIRE(::chmod(directory.path().c_str(), 0755) == 0);
  const AsNobody nobody(folder);
  const std::string path = folder + "/a";
  nn::write_file_atomically(path, "old");
  REQUIRE(::chmod(path.c_str(), 0444) == 0);
  CHECK(complaint(path, "new") ==
        path + ": cannot be written: Permission denied");
  CHECK(nn::read_file(path) == "old");

  REQUIRE(::chmod(path.c_str(), 0644) == 0);
  REQUIRE(::chmod(folder.c_str(), 0555) == 0);
  CHECK(complaint(path, "new") ==
        path +
            ": cannot be written, since no file can be made beside it: "
            "Permission denied");
  CHECK(nn::read_file(path) == "old");
  CHECK(file_count(folder) == 1);
  REQUIRE(::chmod(folder.c_str(), 0755) == 0);
}

TEST_CASE("every call that fails while a file is written is told of",
          "[file][errors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("a");
  const std::string text(5500, 'x');
  int faults = 0;
  for (const std::string& call : nn_test::faulty_calls()) {
    for (const int error : {ENOSPC, EIO, EDQUOT}) {
      for (int nth = 1;; ++nth) {
        CAPTURE(call, error, nth);
        nn::write_file_atomically(path, "old");
        std::string message;
        bool happened = false;
        {
          const nn_test::FileFault fault(call, nth, error);
          message = complaint(path, text);
          happened = fault.happened();
        }
        CHECK(file_count(directory.path()) == 1);
        if (!happened) {
          CHECK(message.empty());
          break;
        }
        ++faults;
        const std::string now = nn::read_file(path);
        // After it is in place nothing but its folder's survival can fail, and
        // what is closed then needs no success.
        const bool in_place =
            (call == "fsync" && nth == 2) || (call == "close" && nth > 1);
        CHECK(now == (in_place ? text : "old"));
        if (call == "close" && nth > 1) {
          CHECK(message.empty());
          continue;
        }
        CHECK_THAT(message, ContainsSubstring(path + ": "));
        CHECK_THAT(message, ContainsSubstring(std::strerror(error)));
        CHECK((message.find("power cut") != std::string::npos) == in_place);
      }
    }
  }
  if (!nn_test::faulty_calls().empty()) CHECK(faults >= 3 * 12);
}
