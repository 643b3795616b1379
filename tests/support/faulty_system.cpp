// A library for LD_PRELOAD that stands between a program and the C library and
// lets the system fail where a test wants it to. It counts the calls that
// change something in one folder, and of these
//
// - kills the process before the n-th, or lets the n-th fail;
// - lets writing fail once a number of bytes is written, as a full disk does.
//
// Environment:
//   NN_FAULT_FOLDER  counts what concerns paths that begin so
//   NN_FAULT_AT      n, counted from 1
//   NN_FAULT_ERRNO   what the n-th call fails with; without it, SIGKILL
//   NN_FAULT_ROOM    bytes that can be written
//   NN_FAULT_REPORT  a file that gets the numbers of calls and bytes at exit

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

template <typename Function>
Function* original(const char* name, Function*) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}
#define NN_ORIGINAL(name) \
  static auto* const real_##name = original(#name, &::name)

long number(const char* name, long otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtol(text, nullptr, 10);
}

std::atomic<long> calls{0};
std::atomic<long> bytes{0};

bool concerns(const char* path) {
  static const char* const folder = std::getenv("NN_FAULT_FOLDER");
  return folder != nullptr && path != nullptr &&
         std::strncmp(path, folder, std::strlen(folder)) == 0;
}

bool concerns(int fd) {
  char link[64];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  char path[4096];
  const ssize_t size = ::readlink(link, path, sizeof path - 1);
  if (size < 0) return false;
  path[size] = '\0';
  return concerns(path);
}

/// Counts a call. False if it is to fail, with errno set.
bool may_go_on() {
  static const long at = number("NN_FAULT_AT", 0);
  static const long error = number("NN_FAULT_ERRNO", 0);
  if (++calls != at) return true;
  if (error == 0) ::raise(SIGKILL);
  errno = static_cast<int>(error);
  return false;
}

struct Report {
  ~Report() {
    const char* path = std::getenv("NN_FAULT_REPORT");
    if (path == nullptr) return;
    if (std::FILE* file = std::fopen(path, "w")) {
      std::fprintf(file, "%ld %ld\n", calls.load(), bytes.load());
      std::fclose(file);
    }
  }
} report;

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  NN_ORIGINAL(open);
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list more;
    va_start(more, flags);
    mode = va_arg(more, mode_t);
    va_end(more);
    if (concerns(path) && !may_go_on()) return -1;
  }
  return real_open(path, flags, mode);
}

int mkdir(const char* path, mode_t mode) {
  NN_ORIGINAL(mkdir);
  if (concerns(path) && !may_go_on()) return -1;
  return real_mkdir(path, mode);
}

ssize_t write(int fd, const void* data, size_t size) {
  NN_ORIGINAL(write);
  static const long room = number("NN_FAULT_ROOM", -1);
  if (concerns(fd)) {
    if (!may_go_on()) return -1;
    if (room >= 0) {
      const long left = room - bytes;
      if (left <= 0) {
        errno = ENOSPC;
        return -1;
      }
      if (size > static_cast<size_t>(left)) size = static_cast<size_t>(left);
    }
    const ssize_t written = real_write(fd, data, size);
    if (written > 0) bytes += written;
    return written;
  }
  return real_write(fd, data, size);
}

int fsync(int fd) {
  NN_ORIGINAL(fsync);
  if (concerns(fd) && !may_go_on()) return -1;
  return real_fsync(fd);
}

int fchmod(int fd, mode_t mode) {
  NN_ORIGINAL(fchmod);
  if (concerns(fd) && !may_go_on()) return -1;
  return real_fchmod(fd, mode);
}

int rename(const char* from, const char* to) {
  NN_ORIGINAL(rename);
  if (concerns(from) && !may_go_on()) return -1;
  return real_rename(from, to);
}

int renameat2(
    int from_fd, const char* from, int to_fd, const char* to, unsigned flags) {
  NN_ORIGINAL(renameat2);
  if (concerns(from) && !may_go_on()) return -1;
  return real_renameat2(from_fd, from, to_fd, to, flags);
}

int remove(const char* path) {
  NN_ORIGINAL(remove);
  if (concerns(path) && !may_go_on()) return -1;
  return real_remove(path);
}

int unlink(const char* path) {
  NN_ORIGINAL(unlink);
  if (concerns(path) && !may_go_on()) return -1;
  return real_unlink(path);
}

int unlinkat(int fd, const char* path, int flags) {
  NN_ORIGINAL(unlinkat);
  if ((concerns(path) || concerns(fd)) && !may_go_on()) return -1;
  return real_unlinkat(fd, path, flags);
}

int rmdir(const char* path) {
  NN_ORIGINAL(rmdir);
  if (concerns(path) && !may_go_on()) return -1;
  return real_rmdir(path);
}

int flock(int fd, int operation) {
  NN_ORIGINAL(flock);
  if (concerns(fd) && !may_go_on()) return -1;
  return real_flock(fd, operation);
}

}  // extern "C"
