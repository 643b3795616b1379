#ifndef NN_TESTS_SUPPORT_DATA_DIRECTORY_H_
#define NN_TESTS_SUPPORT_DATA_DIRECTORY_H_

#include <string>

namespace nn_test {

/// Whether the environment variable NN_DATA_DIR is set and not empty.
bool has_data_directory();

/// The folder in NN_DATA_DIR with a real data set, for tests tagged [data].
/// Throws std::runtime_error if the variable is not set, so that such a test
/// fails and never passes without data.
std::string data_directory();

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_DATA_DIRECTORY_H_
