#include "nn/random.h"

#include <cmath>
#include <utility>

#include "nn/check.h"

namespace nn {
namespace {

constexpr double kTwoPi = 6.283185307179586476925286766559;

/// splitmix64 (Steele, Lea and Flood, 2014): advances `state` and returns the
/// next value. Any state will do, zero as well, so it turns a plain seed into
/// one that xoshiro can start from.
std::uint64_t splitmix64(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15u;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

constexpr std::uint64_t rotate_left(std::uint64_t x, int bits) {
  return (x << bits) | (x >> (64 - bits));
}

}  // namespace

Rng::Rng(std::uint64_t seed) : seed_(seed) {
  for (std::uint64_t& word : state_) word = splitmix64(seed);
}

std::uint64_t Rng::next() {
  const std::uint64_t result =
      rotate_left(state_[0] + state_[3], 23) + state_[0];
  const std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = rotate_left(state_[3], 45);
  return result;
}

double Rng::uniform() {
  // The upper bits are the better ones; 53 of them fill a double's fraction.
  return static_cast<double>(next() >> 11) * 0x1.0p-53;
}

double Rng::uniform(double low, double high) {
  const double value = low + (high - low) * uniform();
  // Rounding may reach `high`, which is not in the interval.
  return value < high ? value : std::nextafter(high, low);
}

double Rng::normal() {
  if (has_spare_normal_) {
    has_spare_normal_ = false;
    return spare_normal_;
  }
  // 1 - uniform() is in (0, 1], where the logarithm is finite.
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  const double angle = kTwoPi * uniform();
  spare_normal_ = radius * std::sin(angle);
  has_spare_normal_ = true;
  return radius * std::cos(angle);
}

Index Rng::index(Index n) {
  check_argument(
      n >= 1, "[Rng] expected at least 1 value to choose from, got ", n);
  // 2^64 mod n of the 2^64 values are passed over, so that each remainder is
  // left with the same number of them.
  const auto range = static_cast<std::uint64_t>(n);
  const std::uint64_t passed_over = (0 - range) % range;
  std::uint64_t bits = next();
  while (bits < passed_over) bits = next();
  return static_cast<Index>(bits % range);
}

void Rng::shuffle(std::vector<Index>& values) {
  for (std::size_t i = values.size(); i > 1; --i) {
    const auto j = static_cast<std::size_t>(index(static_cast<Index>(i)));
    std::swap(values[i - 1], values[j]);
  }
}

Rng Rng::fork(std::uint64_t stream) const {
  // Seed and stream go through one mixing each, so that neither neighbouring
  // streams nor (seed, stream) pairs of equal sum meet.
  std::uint64_t state = seed_;
  state = splitmix64(state) ^ stream;
  return Rng(splitmix64(state));
}

}  // namespace nn
