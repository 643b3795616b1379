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

volatile std::sig_atomic_t caught = 0;
constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};

extern "C" void remember_signal(int signal) {
  caught = signal;
  for (const int other : kSignals) std::signal(other, SIG_DFL);
}

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

int interruption() {
  if (caught != 0) return caught;
  return output_failed && output_error == EPIPE ? SIGPIPE : 0;
}

void catch_signals() {
  for (const int signal : kSignals) {
    struct sigaction action {};
    if (::sigaction(signal, nullptr, &action) != 0 ||
        action.sa_handler == SIG_IGN) {
      continue;
    }
    action = {};
    action.sa_handler = remember_signal;
    action.sa_flags = SA_RESTART;
    ::sigaction(signal, &action, nullptr);
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
