#ifndef NN_TESTS_SUPPORT_PROGRAM_H_
#define NN_TESTS_SUPPORT_PROGRAM_H_

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

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_PROGRAM_H_
