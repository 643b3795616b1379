#ifndef NN_TESTS_SUPPORT_ENVIRONMENT_H_
#define NN_TESTS_SUPPORT_ENVIRONMENT_H_

#include <cstdint>
#include <cstdlib>
#include <random>

namespace nn_test {

/// The number in an environment variable, or `otherwise` without it.
inline long from_environment(const char* name, long otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtol(text, nullptr, 10);
}

/// The seed in NN_SEED, or another one in every process. Tests print it.
inline std::uint64_t seed_from_environment() {
  return static_cast<std::uint64_t>(
      from_environment("NN_SEED", static_cast<long>(std::random_device()())));
}

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_ENVIRONMENT_H_
