#ifndef NN_TESTS_SUPPORT_ERRORS_H_
#define NN_TESTS_SUPPORT_ERRORS_H_

#include <string>

namespace nn_test {

/// The message of the Error that `function` throws, or a sentence that no
/// message contains if it throws none. Any other exception passes through.
template <typename Error, typename Function>
std::string message_of(const Function& function) {
  try {
    function();
  } catch (const Error& error) {
    return error.what();
  }
  return "(nothing was thrown)";
}

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_ERRORS_H_
