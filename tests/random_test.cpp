#include "nn/random.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "support/catch.h"

namespace {

using Catch::Approx;
using nn::Index;

}  // namespace

TEST_CASE("the generator gives the numbers of xoshiro256++ after splitmix64",
          "[random]") {
  // From the authors' reference programs: splitmix64 of the seed fills the four
  // words of the state, xoshiro256++ gives the numbers.
  const std::array<std::uint64_t, 4> from_zero = {0x53175d61490b23dfu,
                                                  0x61da6f3dc380d507u,
                                                  0x5c0fdf91ec9a7bfcu,
                                                  0x02eebf8c3bbe5e1au};
  const std::array<std::uint64_t, 4> from_one = {0xcfc5d07f6f03c29bu,
                                                 0xbf424132963fe08du,
                                                 0x19a37d5757aaf520u,
                                                 0xbf08119f05cd56d6u};
  const std::array<std::uint64_t, 4> from_large = {0x25945a605e7055a9u,
                                                   0x3948323ef9775d55u,
                                                   0xcb4e90ad7cf1678au,
                                                   0xec5c7daef7b039ebu};
  nn::Rng zero;
  for (const std::uint64_t expected : from_zero) {
    REQUIRE(zero.next() == expected);
  }
  nn::Rng one(1);
  for (const std::uint64_t expected : from_one) {
    REQUIRE(one.next() == expected);
  }
  nn::Rng large(0xdeadbeefcafef00du);
  for (const std::uint64_t expected : from_large) {
    REQUIRE(large.next() == expected);
  }
}

TEST_CASE("uniform numbers are the upper 53 bits over 2^53", "[random]") {
  nn::Rng rng(0);
  REQUIRE(rng.uniform() == 0x1.4c5d7585242c8p-2);  // 0x53175d61490b23df >> 11
  REQUIRE(rng.uniform() ==
          static_cast<double>(0x61da6f3dc380d507u >> 11) / 9007199254740992.0);
}

TEST_CASE("uniform numbers fill their interval evenly", "[random]") {
  constexpr int kDraws = 100000;
  constexpr int kBins = 20;
  nn::Rng rng(7);
  std::array<int, kBins> bins{};
  double sum = 0.0;
  for (int i = 0; i < kDraws; ++i) {
    const double value = rng.uniform(-2.0, 3.0);
    REQUIRE((value >= -2.0 && value < 3.0));
    sum += value;
    ++bins[static_cast<std::size_t>((value + 2.0) / 5.0 * kBins)];
  }
  // Five standard deviations of the mean of uniform draws.
  REQUIRE(std::abs(sum / kDraws - 0.5) < 5 * 5.0 / std::sqrt(12.0 * kDraws));
  double chi_squared = 0.0;
  for (const int count : bins) {
    const double expected = static_cast<double>(kDraws) / kBins;
    chi_squared += (count - expected) * (count - expected) / expected;
  }
  // 19 degrees of freedom: 43.8 is passed once in a thousand seeds.
  REQUIRE(chi_squared < 43.8);
}

TEST_CASE("a uniform draw never rounds up to the end of its interval",
          "[random]") {
  nn::Rng rng(3);
  const double high = std::nextafter(1.0, 2.0);
  for (int i = 0; i < 100; ++i) REQUIRE(rng.uniform(1.0, high) == 1.0);
}

TEST_CASE("normal numbers have the moments of the standard normal",
          "[random]") {
  constexpr int kDraws = 200000;
  nn::Rng rng(11);
  std::array<double, 5> moments{};
  int beyond_two = 0;
  double neighbours = 0.0;
  double previous = 0.0;
  for (int i = 0; i < kDraws; ++i) {
    const double value = rng.normal();
    double power = 1.0;
    for (double& moment : moments) {
      moment += power / kDraws;
      power *= value;
    }
    if (std::abs(value) > 2.0) ++beyond_two;
    neighbours += value * previous / kDraws;
    previous = value;
  }
  // Five standard deviations of each mean: the variance of the k-th power of a
  // normal is 1, 2, 15, 96 for k = 1 .. 4.
  const double scale = 5.0 / std::sqrt(static_cast<double>(kDraws));
  REQUIRE(std::abs(moments[1]) < scale * std::sqrt(1.0));
  REQUIRE(std::abs(moments[2] - 1.0) < scale * std::sqrt(2.0));
  REQUIRE(std::abs(moments[3]) < scale * std::sqrt(15.0));
  REQUIRE(std::abs(moments[4] - 3.0) < scale * std::sqrt(96.0));
  REQUIRE(std::abs(neighbours) < scale);
  REQUIRE(static_cast<double>(beyond_two) / kDraws ==
          Approx(0.0455).margin(0.0024));
}

TEST_CASE("drawn indices are below n and equally likely", "[random]") {
  constexpr int kDraws = 70000;
  nn::Rng rng(5);
  std::array<int, 7> counts{};
  for (int i = 0; i < kDraws; ++i) {
    const Index value = rng.index(7);
    REQUIRE((value >= 0 && value < 7));
    ++counts[static_cast<std::size_t>(value)];
  }
  double chi_squared = 0.0;
  for (const int count : counts) {
    chi_squared += (count - 10000.0) * (count - 10000.0) / 10000.0;
  }
  REQUIRE(chi_squared < 22.5);  // 6 degrees of freedom, once in a thousand
  REQUIRE(rng.index(1) == 0);

  // 2^64 is no multiple of three quarters of 2^63: a plain remainder would give
  // the lower half of the range 9 draws for every 7 of the upper.
  const Index n = (Index{1} << 61) * 3;
  int lower = 0;
  for (int i = 0; i < 10000; ++i) {
    if (rng.index(n) < n / 2) ++lower;
  }
  REQUIRE(std::abs(lower - 5000) < 250);
}

TEST_CASE("an index among no values is refused", "[random][errors]") {
  nn::Rng rng;
  REQUIRE_THROWS_AS(rng.index(0), std::invalid_argument);
  REQUIRE_THROWS_AS(rng.index(-3), std::invalid_argument);
}

TEST_CASE("shuffling keeps the values and gives every order equally often",
          "[random]") {
  constexpr int kRounds = 24000;
  nn::Rng rng(13);
  std::vector<int> seen(24, 0);
  for (int round = 0; round < kRounds; ++round) {
    std::vector<Index> values = {0, 1, 2, 3};
    rng.shuffle(values);
    REQUIRE(std::is_permutation(
        values.begin(), values.end(), std::vector<Index>{0, 1, 2, 3}.begin()));
    std::size_t code = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      std::size_t rank = 0;
      for (std::size_t j = i + 1; j < 4; ++j) {
        if (values[j] < values[i]) ++rank;
      }
      code = code * (4 - i) + rank;
    }
    ++seen[code];
  }
  double chi_squared = 0.0;
  for (const int count : seen) {
    chi_squared += (count - 1000.0) * (count - 1000.0) / 1000.0;
  }
  REQUIRE(chi_squared < 49.8);  // 23 degrees of freedom, once in a thousand

  std::vector<Index> none;
  rng.shuffle(none);
  REQUIRE(none.empty());
}

TEST_CASE("a fork depends on seed and stream, not on earlier draws",
          "[random]") {
  nn::Rng fresh(21);
  nn::Rng used(21);
  for (int i = 0; i < 5; ++i) used.next();
  used.normal();
  nn::Rng a = fresh.fork(4);
  nn::Rng b = used.fork(4);
  for (int i = 0; i < 10; ++i) REQUIRE(a.next() == b.next());
  REQUIRE(a.normal() == b.normal());
}

TEST_CASE("forking does not disturb the generator it comes from", "[random]") {
  nn::Rng a(21);
  nn::Rng b(21);
  a.fork(0);
  a.fork(1);
  for (int i = 0; i < 10; ++i) REQUIRE(a.next() == b.next());
}

TEST_CASE("forks of different seeds and streams share no draws", "[random]") {
  std::vector<std::uint64_t> draws;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    nn::Rng parent(seed);
    for (std::uint64_t stream = 0; stream < 20; ++stream) {
      nn::Rng child = parent.fork(stream);
      nn::Rng grandchild = child.fork(stream);
      for (int i = 0; i < 4; ++i) {
        draws.push_back(child.next());
        draws.push_back(grandchild.next());
      }
    }
    for (int i = 0; i < 4; ++i) draws.push_back(parent.next());
  }
  std::sort(draws.begin(), draws.end());
  REQUIRE(std::adjacent_find(draws.begin(), draws.end()) == draws.end());
}

TEST_CASE("neighbouring forks are uncorrelated", "[random]") {
  constexpr int kDraws = 100000;
  const nn::Rng parent(2);
  nn::Rng a = parent.fork(0);
  nn::Rng b = parent.fork(1);
  double product = 0.0;
  for (int i = 0; i < kDraws; ++i) product += a.normal() * b.normal();
  REQUIRE(std::abs(product / kDraws) <
          5.0 / std::sqrt(static_cast<double>(kDraws)));
}
