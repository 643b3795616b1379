// The test program. Besides Catch2's options it takes `--needs-data`: then it
// returns 77, which CTest reports as skipped, unless NN_DATA_DIR names a folder
// with a data set.

#if !__has_include(<catch2/catch_all.hpp>)
#define CATCH_CONFIG_RUNNER
#endif

#include <algorithm>
#include <cstring>
#include <iostream>
#include <vector>

#include "support/catch.h"
#include "support/data_directory.h"

namespace {

constexpr int kSkipped = 77;

}  // namespace

// Tests ask for more memory than there is, and expect to be told so.
#if defined(__SANITIZE_ADDRESS__)
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
  return "allocator_may_return_null=1";
}
#elif defined(__SANITIZE_THREAD__)
extern "C" const char* __tsan_default_options();
extern "C" const char* __tsan_default_options() {
  return "allocator_may_return_null=1";
}
#endif

int main(int argc, char* argv[]) {
  std::vector<char*> arguments(argv, argv + argc);
  const auto needs_data =
      std::find_if(arguments.begin(), arguments.end(), [](const char* text) {
        return std::strcmp(text, "--needs-data") == 0;
      });
  const bool has_data = nn_test::has_data_directory();
  if (needs_data != arguments.end()) {
    arguments.erase(needs_data);
    if (!has_data) {
      std::cout << "skipped: NN_DATA_DIR is not set\n";
      return kSkipped;
    }
  }

  Catch::Session session;
  const int error = session.applyCommandLine(static_cast<int>(arguments.size()),
                                             arguments.data());
  if (error != 0) return error;
  // Whoever asks for a test on data by name is told what is missing by the test
  // itself; a plain run leaves them out and says so.
  if (!has_data && session.configData().testsOrTags.empty()) {
    session.configData().testsOrTags.push_back("~[data]");
    std::cerr << "tests tagged [data] do not run: NN_DATA_DIR is not set\n";
  }
  return session.run();
}
