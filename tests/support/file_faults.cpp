#include "support/file_faults.h"

#include <sys/types.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>

namespace {

enum Call { kWrite, kFsync, kDup, kClose, kRename, kFchmod };

std::atomic<int> call_that_fails{-1};
std::atomic<int> calls_until{0};
std::atomic<int> its_error{0};
std::atomic<bool> has_happened{false};

bool fails(Call call) {
  if (call_that_fails.load() != call || --calls_until != 0) return false;
  has_happened = true;
  errno = its_error.load();
  return true;
}

}  // namespace

namespace nn_test {

const std::vector<std::string>& faulty_calls() {
  static const std::vector<std::string> all{
#ifdef NN_COUNT_MALLOC
      "write", "fsync", "dup", "close", "rename", "fchmod"
#endif
  };
  return all;
}

FileFault::FileFault(const std::string& call, int nth, int error) {
  const auto& all = faulty_calls();
  its_error = error;
  calls_until = nth;
  has_happened = false;
  call_that_fails =
      static_cast<int>(std::find(all.begin(), all.end(), call) - all.begin());
}

FileFault::~FileFault() {
  call_that_fails = -1;
}

bool FileFault::happened() const {
  return has_happened;
}

}  // namespace nn_test

#ifdef NN_COUNT_MALLOC

extern "C" {
ssize_t __real_write(int fd, const void* data, size_t size);
int __real_fsync(int fd);
int __real_dup(int fd);
int __real_close(int fd);
int __real_rename(const char* from, const char* to);
int __real_fchmod(int fd, mode_t mode);

ssize_t __wrap_write(int fd, const void* data, size_t size);
int __wrap_fsync(int fd);
int __wrap_dup(int fd);
int __wrap_close(int fd);
int __wrap_rename(const char* from, const char* to);
int __wrap_fchmod(int fd, mode_t mode);

ssize_t __wrap_write(int fd, const void* data, size_t size) {
  if (fails(kWrite)) return -1;
  // In pieces, so that there are several calls of which one can fail.
  return __real_write(fd, data, std::min<size_t>(size, 1000));
}

int __wrap_fsync(int fd) {
  return fails(kFsync) ? -1 : __real_fsync(fd);
}

int __wrap_dup(int fd) {
  return fails(kDup) ? -1 : __real_dup(fd);
}

int __wrap_close(int fd) {
  // As the kernel does it: what fails is closed all the same.
  if (!fails(kClose)) return __real_close(fd);
  __real_close(fd);
  errno = its_error.load();
  return -1;
}

int __wrap_rename(const char* from, const char* to) {
  return fails(kRename) ? -1 : __real_rename(from, to);
}

int __wrap_fchmod(int fd, mode_t mode) {
  return fails(kFchmod) ? -1 : __real_fchmod(fd, mode);
}
}

#endif
