// Functions of the C library that this program defines itself, so that all
// calls come here first, those of shared libraries included.

#include "faults.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>

#include "support/allocations.h"

namespace nn_test {
namespace {

std::atomic<int> armed{-1};
std::atomic<std::size_t> first_failing{0};
std::atomic<bool> fails_all_after{false};
std::atomic<std::size_t> calls{0};
std::atomic<std::size_t> failed{0};

// Counts a call. Returns whether it is to fail, and sets errno then.
bool fails(Fault fault, int error) {
  if (armed != static_cast<int>(fault)) return false;
  const std::size_t number = ++calls;
  if (number < first_failing) return false;
  if (number > first_failing && !fails_all_after) return false;
  ++failed;
  errno = error;
  return true;
}

template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

const char* name_of(Fault fault) {
  switch (fault) {
    case Fault::kMemory:
      return "memory";
    case Fault::kOpen:
      return "open";
    case Fault::kRead:
      return "read";
    case Fault::kWrite:
      return "write";
    case Fault::kSync:
      return "fsync";
    case Fault::kRename:
      return "rename";
    case Fault::kThread:
      return "thread";
  }
  return "";
}

void arm(Fault fault, std::size_t n, bool all_after) {
  calls = 0;
  failed = 0;
  first_failing = n;
  fails_all_after = all_after;
  if (fault == Fault::kMemory) {
    refuse_allocation(n, all_after);
  } else {
    armed = static_cast<int>(fault);
  }
}

std::size_t disarm() {
  armed = -1;
  const std::size_t count = failed + refused_allocations();
  refuse_allocation(0);
  return count;
}

}  // namespace nn_test

using nn_test::fails;
using nn_test::Fault;
using nn_test::next;

extern "C" {

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : mode_t{0};
  va_end(rest);
  if (fails(Fault::kOpen, EIO)) return -1;
  static auto* const real = next<int(const char*, int, ...)>("open");
  return real(path, flags, mode);
}

ssize_t read(int file, void* bytes, size_t size) {
  if (fails(Fault::kRead, EIO)) return -1;
  static auto* const real = next<ssize_t(int, void*, size_t)>("read");
  return real(file, bytes, size);
}

ssize_t write(int file, const void* bytes, size_t size) {
  static auto* const real = next<ssize_t(int, const void*, size_t)>("write");
  if (fails(Fault::kWrite, ENOSPC)) {
    // A disk that fills up takes a part first.
    if (size > 1 && real(file, bytes, 1) < 0) return -1;
    errno = ENOSPC;
    return -1;
  }
  return real(file, bytes, size);
}

int fsync(int file) {
  if (fails(Fault::kSync, EIO)) return -1;
  static auto* const real = next<int(int)>("fsync");
  return real(file);
}

int rename(const char* from, const char* to) noexcept {
  if (fails(Fault::kRename, EIO)) return -1;
  static auto* const real = next<int(const char*, const char*)>("rename");
  return real(from, to);
}

int pthread_create(pthread_t* thread,
                   const pthread_attr_t* attributes,
                   void* (*start)(void*),
                   void* argument) noexcept {
  if (fails(Fault::kThread, EAGAIN)) return EAGAIN;
  static auto* const real =
      next<int(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*)>(
          "pthread_create");
  return real(thread, attributes, start, argument);
}

}  // extern "C"
