#ifndef NN_TESTS_SUPPORT_SILENCE_H_
#define NN_TESTS_SUPPORT_SILENCE_H_

#include <unistd.h>

#include <cstdio>
#include <string>

#include "nn/files/file.h"
#include "support/temporary_directory.h"

namespace nn_test {

/// What the process writes to standard error while `function` runs, C libraries
/// included.
template <typename Function>
std::string printed_by(const Function& function) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("stderr");
  std::fflush(stderr);
  const int before = ::dup(STDERR_FILENO);
  std::FILE* const file = std::fopen(path.c_str(), "w");
  ::dup2(::fileno(file), STDERR_FILENO);
  function();
  std::fflush(stderr);
  ::dup2(before, STDERR_FILENO);
  ::close(before);
  std::fclose(file);
  return nn::read_file(path);
}

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_SILENCE_H_
