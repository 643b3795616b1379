#include "common/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "nn/check.h"
#include "nn/files/file.h"

namespace apps {
namespace {

[[noreturn]] void fail(const std::string& path, const char* what) {
  throw std::runtime_error(nn::concat(
      path, ": ", what, ": ", std::generic_category().message(errno)));
}

const char* kind_of(mode_t mode) {
  return S_ISDIR(mode)    ? "a folder"
         : S_ISFIFO(mode) ? "a pipe"
         : S_ISSOCK(mode) ? "a socket"
                          : "a device";
}

[[noreturn]] void fail_size(const std::string& path,
                            std::size_t most_bytes,
                            std::size_t found) {
  throw std::runtime_error(nn::concat(
      path, ": expected at most ", most_bytes, " bytes, found ", found));
}

// A regular file of bounded size, open for reading.
class InputFile {
 public:
  InputFile(const std::string& path, std::size_t most_bytes)
      // Opening a pipe waits for its writer unless it is told not to.
      : fd_(::open(path.c_str(),
                   O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {
    if (fd_ < 0) fail(path, "cannot be opened");
    try {
      struct stat status {};
      if (::fstat(fd_, &status) != 0) fail(path, "cannot be read");
      if (!S_ISREG(status.st_mode)) {
        throw std::runtime_error(nn::concat(path,
                                            ": expected a regular file, found ",
                                            kind_of(status.st_mode)));
      }
      size_ = static_cast<std::size_t>(status.st_size);
      if (size_ > most_bytes) fail_size(path, most_bytes, size_);
    } catch (...) {
      ::close(fd_);
      throw;
    }
  }
  ~InputFile() { ::close(fd_); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  int fd() const { return fd_; }
  std::size_t size() const { return size_; }

 private:
  int fd_;
  std::size_t size_ = 0;
};

}  // namespace

std::string read_input(const std::string& path, std::size_t most_bytes) {
  const InputFile file(path, most_bytes);
  // A byte more than is there: one read then sees the end. Some files grow
  // while they are read, and some say that they are empty.
  std::string content(file.size() + 1, '\0');
  std::size_t size = 0;
  for (;;) {
    if (size > most_bytes) fail_size(path, most_bytes, size);
    if (size == content.size()) content.resize(2 * size);
    const ssize_t got =
        ::read(file.fd(), &content[size], content.size() - size);
    if (got < 0) {
      if (errno == EINTR) continue;
      fail(path, "cannot be read");
    }
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  content.resize(size);
  return content;
}

std::vector<std::string> names_or_none(const std::string& folder) {
  try {
    return nn::names_in_folder(folder);
  } catch (const std::runtime_error&) {
    return {};
  }
}

}  // namespace apps
