#include "support/network_trial.h"

#include <iostream>
#include <string>

#include "support/catch.h"
#include "support/environment.h"
#include "support/temporary_directory.h"

// A contract that says "any batch" is tested with any batch, in any order.
//
// NN_TRIALS says how many networks (40 without it), NN_TRIAL_SEED the first
// seed; docs/reliability.md has the numbers of a long run.

namespace {

using nn_test::from_environment;

template <typename Scalar>
void run_trials(long first_seed, long trials) {
  const nn_test::TemporaryDirectory folder;
  nn_test::TrialCounts counts;
  for (long seed = first_seed; seed < first_seed + trials; ++seed) {
    nn_test::Decisions decisions(static_cast<std::uint64_t>(seed));
    const std::string wrong =
        nn_test::network_trial<Scalar>(decisions, folder.path(), counts);
    INFO("seed " << seed);
    CHECK(wrong == "");
    if (trials >= 1000 && (seed - first_seed + 1) % (trials / 10) == 0) {
      std::cout << seed - first_seed + 1 << " networks, " << counts.passes
                << " passes, gradients of " << counts.compared_gradients
                << " against the reference, " << counts.near_kinks
                << " too near a kink" << std::endl;
    }
  }
  // Most passes are far from a kink, or the comparison says nothing.
  CHECK(counts.near_kinks <= counts.compared_gradients + trials / 10);
}

}  // namespace

TEST_CASE("random networks run any sequence of passes as a new workspace does",
          "[sequential][threads][networks]") {
  const long seed = from_environment("NN_TRIAL_SEED", 1);
  const long trials = from_environment("NN_TRIALS", 40);
  run_trials<double>(seed, (trials + 1) / 2);
  run_trials<float>(seed + trials, trials / 2);
}
