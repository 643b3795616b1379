#include "support/program.h"

#include <sys/wait.h>

#include <cstdlib>

#include "nn/files/file.h"
#include "support/temporary_directory.h"

namespace nn_test {

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') {
      result += "'\\''";
    } else {
      result += c;
    }
  }
  return result + "'";
}

Outcome execute(const std::string& program,
                const std::vector<std::string>& arguments) {
  const TemporaryDirectory folder;
  std::string command = quoted(program);
  for (const std::string& argument : arguments) {
    command += ' ' + quoted(argument);
  }
  command += " >" + quoted(folder.file("output")) + " 2>" +
             quoted(folder.file("errors")) + " </dev/null";
  const int status = std::system(command.c_str());
  Outcome outcome;
  // A signal is no exit code: -1 then fails every expectation.
  if (WIFEXITED(status)) outcome.exit_code = WEXITSTATUS(status);
  outcome.output = nn::read_file(folder.file("output"));
  outcome.errors = nn::read_file(folder.file("errors"));
  return outcome;
}

}  // namespace nn_test
