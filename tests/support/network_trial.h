#ifndef NN_TESTS_SUPPORT_NETWORK_TRIAL_H_
#define NN_TESTS_SUPPORT_NETWORK_TRIAL_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "nn/random.h"
#include "nn/types.h"

namespace nn_test {

/// Where a trial's decisions come from: the bytes that a fuzzer gives, or a
/// seed.
class Decisions {
 public:
  Decisions(const std::uint8_t* bytes, std::size_t size)
      : bytes_(bytes), end_(bytes + size) {}
  explicit Decisions(std::uint64_t seed) : rng_(seed), endless_(true) {}

  /// A whole number from low to high, both included; `low` when the bytes are
  /// used up.
  nn::Index between(nn::Index low, nn::Index high);
  /// True once in `times`; false when the bytes are used up.
  bool once_in(nn::Index times) { return between(0, times - 1) == times - 1; }
  /// Whether there is anything left to decide.
  bool left() const { return endless_ || bytes_ != end_; }

 private:
  const std::uint8_t* bytes_ = nullptr;
  const std::uint8_t* end_ = nullptr;
  nn::Rng rng_;
  bool endless_ = false;
};

/// What a trial did, to see that it did something.
struct TrialCounts {
  nn::Index passes = 0;
  nn::Index compared_gradients = 0;
  nn::Index near_kinks = 0;  ///< passes whose gradients say nothing
};

/// Builds a random network out of all layers of the library and runs a random
/// sequence with one workspace: training passes and inference over batches from
/// 0 to 600 up and down, steps of an optimizer, changes of the number of
/// threads (also by another thread while a pass runs), fusion on and off,
/// moves, saving and loading. After each pass it compares
///
///  - outputs, gradients and buffers, bit by bit, with those of a new workspace
///    and one thread;
///  - in double, outputs and gradients with ReferencePass.
///
/// Returns what is wrong, with the network's summary and what led there; empty
/// if nothing is. Leaves num_threads() at 1.
template <typename Scalar>
std::string network_trial(Decisions& decisions,
                          const std::string& folder,
                          TrialCounts& counts);

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_NETWORK_TRIAL_H_
