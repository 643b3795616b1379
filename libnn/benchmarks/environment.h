#ifndef NN_BENCHMARKS_ENVIRONMENT_H_
#define NN_BENCHMARKS_ENVIRONMENT_H_

#include <string>
#include <vector>

namespace nn::bench {

/// An environment variable as it should be; an empty value: not set.
struct Variable {
  std::string name;
  std::string value;
};

/// Gives the process this environment. The C library and OpenMP read theirs
/// when a process starts, so where a variable differs the program starts itself
/// anew with the same arguments, and this function does not return.
/// Throws std::runtime_error if that fails.
void require_environment(const std::vector<Variable>& variables, char** argv);

}  // namespace nn::bench

#endif  // NN_BENCHMARKS_ENVIRONMENT_H_
