// A random network and a random sequence of passes through it, both decided by
// the input: bits agree with a new workspace and one thread, values with the
// layers' definitions.

#include "fuzz.h"
#include "support/network_trial.h"
#include "support/temporary_directory.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  if (size == 0) return 0;
  static const nn_test::TemporaryDirectory folder;
  nn_test::Decisions decisions(data + 1, size - 1);
  nn_test::TrialCounts counts;
  const std::string wrong =
      data[0] % 2 == 0
          ? nn_test::network_trial<double>(decisions, folder.path(), counts)
          : nn_test::network_trial<float>(decisions, folder.path(), counts);
  nn_fuzz::require(wrong.empty(), wrong.c_str());
  return 0;
}
