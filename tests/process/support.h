#ifndef NN_TESTS_PROCESS_SUPPORT_H_
#define NN_TESTS_PROCESS_SUPPORT_H_

#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <initializer_list>

/// Ends the process with 1 where a condition does not hold: a test framework
/// would have its own opinion on threads, forks and the end of a process.
#define NN_CHECK(condition)                      \
  do {                                           \
    if (!(condition)) {                          \
      std::fprintf(stderr,                       \
                   "%s:%d: does not hold: %s\n", \
                   __FILE__,                     \
                   __LINE__,                     \
                   #condition);                  \
      std::_Exit(1);                             \
    }                                            \
  } while (false)

namespace nn_test {

/// How many threads the process has.
inline int threads_of_process() {
  DIR* tasks = opendir("/proc/self/task");
  NN_CHECK(tasks != nullptr);
  int count = 0;
  while (const dirent* entry = readdir(tasks)) {
    if (entry->d_name[0] != '.') ++count;
  }
  closedir(tasks);
  return count;
}

/// Whether the process comes to have that many threads. The kernel lists a
/// thread for a moment longer than it takes to join it.
inline bool comes_to_threads(int count) {
  for (int wait = 0; wait < 10000; ++wait) {
    if (threads_of_process() == count) return true;
    usleep(1000);
  }
  return false;
}

/// Forks a child that runs `body` and then leaves by exit(), so that its
/// destructors run: with 0 if `body` returned true.
inline pid_t child_of(const std::function<bool()>& body) {
  const pid_t child = fork();
  if (child != 0) return child;
  std::exit(body() ? 0 : 1);
}

/// Waits for the child. Whether it ended by itself, with 0.
inline bool ended_well(pid_t child) {
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child &&
         WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// One case of a program.
struct Case {
  const char* name;
  void (*run)();
};

/// Runs the case that the first argument names. Returns what main() returns.
inline int run_case(int argc, char** argv, std::initializer_list<Case> cases) {
  for (const Case& one : cases) {
    if (argc == 2 && std::strcmp(argv[1], one.name) == 0) {
      one.run();
      return 0;
    }
  }
  std::fprintf(stderr, "%s: expected the name of a case\n", argv[0]);
  return 2;
}

}  // namespace nn_test

#endif  // NN_TESTS_PROCESS_SUPPORT_H_
