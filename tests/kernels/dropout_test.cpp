#include "kernels/dropout.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>
#include <vector>

#include "kernels/blocks.h"
#include "support/catch.h"
#include "support/guarded.h"
#include "support/threads.h"

namespace {

using nn::Index;
using nn::kernels::dropout;
using nn::kernels::dropout_threshold;
using nn::kernels::kMinBlock;
using nn::kernels::random_bits;
using nn_test::Guarded;
using nn_test::ScopedThreads;

// What is kept of `count` elements, by the definition.
std::vector<bool> kept_by_definition(std::uint64_t key,
                                     std::uint32_t threshold,
                                     Index count) {
  std::vector<bool> kept;
  for (Index i = 0; i < count; ++i) {
    const auto block = static_cast<std::uint64_t>(i / kMinBlock);
    const auto place = static_cast<std::uint32_t>(i % kMinBlock);
    kept.push_back(random_bits(nn::Rng(key).fork(block).next(), place) >=
                   threshold);
  }
  return kept;
}

}  // namespace

TEMPLATE_TEST_CASE("dropout keeps what its definition keeps",
                   "[kernels][dropout]",
                   float,
                   double) {
  nn::Rng rng(45);
  for (const double p : {0.0, 0.1, 0.5, 0.75, 1.0}) {
    const std::uint32_t threshold = dropout_threshold(p);
    for (const Index size : {1, 3, 15, 16, 17, 100, 8191, 8193, 20000}) {
      CAPTURE(p, size);
      const std::uint64_t key = rng.next();
      Guarded<TestType> x(size), y(size);
      x.fill(rng);
      dropout(key, threshold, TestType(3), x.data(), y.data(), size);
      REQUIRE(y.guards_are_whole());
      const std::vector<bool> kept = kept_by_definition(key, threshold, size);
      for (Index i = 0; i < size; ++i) {
        REQUIRE(y.data()[i] == (kept[static_cast<std::size_t>(i)]
                                    ? TestType(3) * x.data()[i]
                                    : TestType(0)));
      }
      dropout(key, threshold, TestType(3), x.data(), x.data(), size);
      REQUIRE(std::equal(x.data(), x.data() + size, y.data()));
    }
  }
}

TEST_CASE("the random bits are the same on every machine",
          "[kernels][dropout]") {
  // Two rounds of the mixing, worked out with unbounded integers.
  CHECK(random_bits(0, 0) == 0u);
  CHECK(random_bits(0, 1) == 0x58f54975u);
  CHECK(random_bits(0x0123456789abcdefu, 0) == 0xe47fa7e2u);
  CHECK(random_bits(0x0123456789abcdefu, 8191) == 0x3ee8c523u);
}

TEST_CASE("the threshold is the share of the values that drop",
          "[kernels][dropout]") {
  CHECK(dropout_threshold(0) == 0u);
  CHECK(dropout_threshold(0.25) == 0x40000000u);
  CHECK(dropout_threshold(0.5) == 0x80000000u);
  CHECK(dropout_threshold(1) == 0xffffffffu);
}

TEST_CASE("a NaN is not dropped", "[kernels][dropout]") {
  const std::vector<double> x(100, std::numeric_limits<double>::quiet_NaN());
  std::vector<double> y(100);
  dropout(1, dropout_threshold(0.5), 2.0, x.data(), y.data(), 100);
  CHECK(
      std::all_of(y.begin(), y.end(), [](double v) { return std::isnan(v); }));
}

TEST_CASE("what is dropped does not depend on the number of threads",
          "[kernels][dropout][threads]") {
  const std::vector<float> x(100000, 1.0f);
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 3, 8}) {
    const ScopedThreads scope(threads);
    results.emplace_back(x.size());
    dropout(7,
            dropout_threshold(0.3),
            1.0f,
            x.data(),
            results.back().data(),
            static_cast<Index>(x.size()));
    CHECK(results.back() == results.front());
  }
}

TEST_CASE("the random bits are evenly spread and do not depend on neighbours",
          "[kernels][dropout]") {
  // Every bit against every bit of a neighbour: in place, and in each half of
  // the key. They differ in half of the draws, to six standard deviations.
  constexpr std::uint32_t kDraws = 8000;
  const double bound = 3 * std::sqrt(double(kDraws));
  nn::Rng rng(46);
  const std::uint64_t key = rng.next();
  const std::vector<std::function<std::uint32_t(std::uint32_t)>> neighbours = {
      [](std::uint32_t) { return 0u; },
      [&](std::uint32_t i) { return random_bits(key, i + 1); },
      [&](std::uint32_t i) { return random_bits(key, i + 16); },
      [&](std::uint32_t i) { return random_bits(key ^ 1, i); },
      [&](std::uint32_t i) { return random_bits(key ^ (1ull << 32), i); },
  };
  for (std::size_t which = 0; which < neighbours.size(); ++which) {
    std::vector<std::vector<int>> ones(32, std::vector<int>(32, 0));
    for (std::uint32_t i = 0; i < kDraws; ++i) {
      const std::uint32_t a = random_bits(key, i);
      const std::uint32_t b = neighbours[which](i);
      for (int shift = 0; shift < 32; ++shift) {
        const std::uint32_t rotated =
            shift == 0 ? b : (b << shift) | (b >> (32 - shift));
        const std::uint32_t differ = a ^ rotated;
        for (int bit = 0; bit < 32; ++bit) {
          ones[static_cast<std::size_t>(shift)]
              [static_cast<std::size_t>(bit)] += (differ >> bit) & 1u ? 1 : 0;
        }
      }
    }
    for (const auto& row : ones) {
      for (const int count : row) {
        CAPTURE(which, count);
        REQUIRE(std::abs(count - double(kDraws) / 2) < bound);
      }
    }
  }
}

TEST_CASE("neighbouring blocks draw numbers of their own",
          "[kernels][dropout]") {
  std::set<std::uint64_t> keys;
  for (std::uint64_t pass = 0; pass < 100; ++pass) {
    const nn::Rng of_pass(nn::Rng(1).fork(pass).next());
    for (std::uint64_t block = 0; block < 100; ++block) {
      keys.insert(nn::Rng(of_pass).fork(block).next());
    }
  }
  CHECK(keys.size() == 10000);
}
