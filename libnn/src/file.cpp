#include "nn/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <stdexcept>
#include <system_error>

#include "nn/check.h"

namespace nn {
namespace {

[[noreturn]] void throw_errno(const std::string& path,
                              const char* what,
                              int error) {
  throw std::runtime_error(
      concat(path, ": ", what, ": ", std::generic_category().message(error)));
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  int get() const { return fd_; }
  /// Closes now and tells of failure: on some file systems that is where a
  /// full disk shows.
  bool close() {
    const int fd = fd_;
    fd_ = -1;
    return ::close(fd) == 0;
  }

 private:
  int fd_;
};

/// Removes a file unless it was renamed away.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string name) : name_(std::move(name)) {}
  ~TemporaryFile() {
    if (!name_.empty()) ::unlink(name_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void rename_to(const std::string& path) {
    if (std::rename(name_.c_str(), path.c_str()) != 0) {
      throw_errno(path, "cannot be replaced", errno);
    }
    name_.clear();
  }

 private:
  std::string name_;
};

/// Opens a new file beside `path`, under a name that no other thread or process
/// uses.
int open_beside(const std::string& path, std::string& name) {
  static std::atomic<unsigned> counter{0};
  for (;;) {
    name = concat(path, ".", ::getpid(), "-", counter++, ".tmp");
    const int fd =
        ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    // A name left over from an earlier process with the same id is passed over.
    if (fd >= 0) return fd;
    if (errno != EEXIST && errno != EINTR) {
      throw_errno(path, "cannot be written", errno);
    }
  }
}

}  // namespace

void write_file_atomically(const std::string& path,
                           const void* data,
                           std::size_t size_bytes) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
    throw_errno(path, "cannot be written", EISDIR);
  }

  std::string name;
  FileDescriptor file(open_beside(path, name));
  TemporaryFile temporary(name);

  const char* bytes = static_cast<const char*>(data);
  while (size_bytes > 0) {
    const ssize_t written = ::write(file.get(), bytes, size_bytes);
    if (written < 0) {
      if (errno == EINTR) continue;
      throw_errno(path, "cannot be written", errno);
    }
    bytes += written;
    size_bytes -= static_cast<std::size_t>(written);
  }
  if (!file.close()) throw_errno(path, "cannot be written", errno);
  temporary.rename_to(path);
}

void write_file_atomically(const std::string& path, const std::string& text) {
  write_file_atomically(path, text.data(), text.size());
}

std::string read_file(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) throw_errno(path, "cannot be opened", errno);

  struct stat status {};
  if (::fstat(file.get(), &status) != 0) {
    throw_errno(path, "cannot be read", errno);
  }
  // The size is a hint only: a pipe has none, and a file may grow meanwhile.
  std::string content;
  if (S_ISREG(status.st_mode) && status.st_size > 0) {
    content.resize(static_cast<std::size_t>(status.st_size));
  }
  constexpr std::size_t kChunkBytes = std::size_t{1} << 16;
  std::size_t size_bytes = 0;
  for (;;) {
    if (size_bytes == content.size()) content.resize(size_bytes + kChunkBytes);
    const ssize_t got =
        ::read(file.get(), &content[size_bytes], content.size() - size_bytes);
    if (got < 0) {
      if (errno == EINTR) continue;
      throw_errno(path, "cannot be read", errno);
    }
    if (got == 0) break;
    size_bytes += static_cast<std::size_t>(got);
  }
  content.resize(size_bytes);
  return content;
}

}  // namespace nn
