#include "support/program.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>
#include <stdexcept>

#include "nn/files/file.h"
#include "support/temporary_directory.h"

extern char** environ;

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

int wait_for(pid_t id) {
  int status = 0;
  while (waitpid(id, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

Process::Process(const std::string& program,
                 std::vector<std::string> arguments,
                 const std::string& errors) {
  arguments.insert(arguments.begin(), program);
  std::vector<char*> words;
  for (std::string& argument : arguments) words.push_back(argument.data());
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (const int fd : {0, 1}) {
    posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  }
  posix_spawn_file_actions_addopen(
      &actions, 2, errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const int error = posix_spawn(
      &id_, program.c_str(), &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error(program + ": cannot be started");
}

Process::~Process() {
  if (id_ != 0) end(SIGKILL);
}

int Process::end(int signal) {
  if (signal != 0) kill(id_, signal);
  const int status = wait_for(id_);
  id_ = 0;
  return status;
}

}  // namespace nn_test
