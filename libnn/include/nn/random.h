#ifndef NN_RANDOM_H_
#define NN_RANDOM_H_

#include <array>
#include <cstdint>
#include <vector>

#include "nn/types.h"

namespace nn {

/// Random numbers that are the same on every platform for the same seed: the
/// generator is xoshiro256++ (Blackman and Vigna, 2019), seeded by splitmix64,
/// and the draws are its own, since those of the standard library differ
/// between standard libraries.
class Rng {
 public:
  /// The same seed gives the same numbers.
  explicit Rng(std::uint64_t seed = 0);

  /// 64 random bits.
  std::uint64_t next();
  /// Uniform in [0, 1), with 53 random bits.
  double uniform();
  /// Uniform in [low, high).
  double uniform(double low, double high);
  /// Standard normal (Box-Muller).
  double normal();
  /// Uniform in 0 .. n-1, without bias. Throws std::invalid_argument if n < 1.
  Index index(Index n);
  /// Puts `values` in a random order (Fisher-Yates).
  void shuffle(std::vector<Index>& values);

  /// A generator of its own for one purpose. The same seed and stream give the
  /// same draws whatever was drawn from this one.
  Rng fork(std::uint64_t stream) const;

 private:
  std::array<std::uint64_t, 4> state_;
  std::uint64_t seed_;
  double spare_normal_ = 0.0;
  bool has_spare_normal_ = false;
};

}  // namespace nn

#endif  // NN_RANDOM_H_
