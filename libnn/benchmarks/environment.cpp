#include "benchmarks/environment.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "nn/check.h"

namespace nn::bench {

void require_environment(const std::vector<Variable>& variables, char** argv) {
  bool differs = false;
  for (const Variable& variable : variables) {
    const char* present = std::getenv(variable.name.c_str());
    if (variable.value.empty()) {
      if (present == nullptr) continue;
      unsetenv(variable.name.c_str());
    } else {
      if (present != nullptr && variable.value == present) continue;
      setenv(variable.name.c_str(), variable.value.c_str(), /*replace=*/1);
    }
    differs = true;
  }
  if (!differs) return;
  execv("/proc/self/exe", argv);
  throw std::runtime_error(concat(
      "/proc/self/exe: cannot start the program anew with its environment: ",
      std::strerror(errno)));
}

}  // namespace nn::bench
