#include "common/output.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <system_error>

namespace apps {
namespace {

bool output_failed = false;
int output_error = 0;  // zero: unknown

// A closed stream is opened the wrong way round: what uses it fails as it would
// have, and its number is taken.
void occupy_standard_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) != -1) continue;
    const int flags = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
    // The lowest number that is free is this one: all below are taken.
    static_cast<void>(::open("/dev/null", flags));
  }
}

}  // namespace

void flush_output() {
  errno = 0;
  std::cout.flush();
  const bool flushed = std::fflush(stdout) == 0;
  if (output_failed) return;
  if (!flushed || !std::cout || std::ferror(stdout) != 0) {
    output_failed = true;
    output_error = errno;
  }
}

int run_main(const std::string& program, const std::function<int()>& work) {
  constexpr int kFailure = 1;
  occupy_standard_streams();
  std::signal(SIGPIPE, SIG_IGN);
#ifdef SIGXFSZ
  std::signal(SIGXFSZ, SIG_IGN);
#endif
  int code = kFailure;
  try {
    code = work();
  } catch (const std::exception& error) {
    flush_output();
    std::cerr << program << ": error: " << error.what() << '\n';
  }
  flush_output();
  if (output_failed) {
    std::cerr << program << ": error: standard output cannot be written";
    if (output_error != 0) {
      std::cerr << ": " << std::generic_category().message(output_error);
    }
    std::cerr << '\n';
    if (code == 0) code = kFailure;
  }
  return code;
}

}  // namespace apps
