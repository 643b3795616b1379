#ifndef NN_SRC_FILES_FILE_DESCRIPTOR_H_
#define NN_SRC_FILES_FILE_DESCRIPTOR_H_

#include <unistd.h>

#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "nn/check.h"

namespace nn::internal {

/// Throws std::runtime_error: the path, what cannot be done, and why.
[[noreturn]] inline void throw_errno(const std::string& path,
                                     const char* what,
                                     int error) {
  throw std::runtime_error(
      concat(path, ": ", what, ": ", std::generic_category().message(error)));
}

/// An open file, closed at the end of the scope.
class FileDescriptor {
 public:
  /// Takes what open() returned, a failure as well.
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(FileDescriptor&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  bool is_open() const { return fd_ >= 0; }
  int get() const { return fd_; }
  /// Closes now and tells of failure: on some file systems that is where a
  /// full disk shows.
  bool close() { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

}  // namespace nn::internal

#endif  // NN_SRC_FILES_FILE_DESCRIPTOR_H_
