#ifndef NN_TESTS_SUPPORT_PROGRAM_H_
#define NN_TESTS_SUPPORT_PROGRAM_H_

#include <sys/types.h>

#include <string>
#include <vector>

namespace nn_test {

/// What a program left behind.
struct Outcome {
  int exit_code = -1;  ///< -1 if a signal ended it
  std::string output;
  std::string errors;
};

/// `text` as one word of a shell.
std::string quoted(const std::string& text);

/// Runs a program, without input, to its end.
Outcome execute(const std::string& program,
                const std::vector<std::string>& arguments);

/// Waits for the end of a child. The status of waitpid().
int wait_for(pid_t id);

/// A program that runs meanwhile, without input and output. What it says on
/// standard error goes to the file `errors`.
class Process {
 public:
  /// Throws std::runtime_error if it cannot be started.
  Process(const std::string& program,
          std::vector<std::string> arguments,
          const std::string& errors = "/dev/null");
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// Sends a signal, 0 for none, and waits. The status of waitpid().
  int end(int signal = 0);

 private:
  pid_t id_ = 0;
};

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_PROGRAM_H_
