#include "nn/data/batches.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "support/allocations.h"
#include "support/catch.h"
#include "support/errors.h"

namespace {

using nn::Index;

std::vector<Index> order(const nn::Batches& batches) {
  std::vector<Index> result;
  for (Index i = 0; i < batches.count(); ++i) {
    const Index* indices = batches.indices(i);
    result.insert(result.end(), indices, indices + batches.size(i));
  }
  return result;
}

std::vector<Index> sorted(Index count) {
  std::vector<Index> result(static_cast<std::size_t>(count));
  std::iota(result.begin(), result.end(), Index{0});
  return result;
}

}  // namespace

TEST_CASE("an epoch visits every sample once", "[batches]") {
  for (const Index samples : {1, 2, 7, 128, 1000}) {
    for (const Index batch_size : {1, 3, 7, 128, 5000}) {
      nn::Batches batches(samples, batch_size, 1);
      batches.start_epoch(3);
      std::vector<Index> visited = order(batches);
      std::sort(visited.begin(), visited.end());
      CAPTURE(samples, batch_size);
      REQUIRE(visited == sorted(samples));
    }
  }
}

TEST_CASE("only the last batch may be smaller", "[batches]") {
  const nn::Batches uneven(10, 4, 0);
  REQUIRE(uneven.count() == 3);
  REQUIRE(uneven.size(0) == 4);
  REQUIRE(uneven.size(1) == 4);
  REQUIRE(uneven.size(2) == 2);
  const nn::Batches even(8, 4, 0);
  REQUIRE(even.count() == 2);
  REQUIRE(even.size(1) == 4);
  const nn::Batches small(3, 4, 0);
  REQUIRE(small.count() == 1);
  REQUIRE(small.size(0) == 3);
}

TEST_CASE("every epoch has an order of its own", "[batches]") {
  nn::Batches batches(100, 10, 1);
  std::vector<std::vector<Index>> orders = {sorted(100)};
  for (Index epoch = 0; epoch < 5; ++epoch) {
    batches.start_epoch(epoch);
    orders.push_back(order(batches));
  }
  for (std::size_t a = 0; a < orders.size(); ++a) {
    for (std::size_t b = a + 1; b < orders.size(); ++b) {
      REQUIRE(orders[a] != orders[b]);
    }
  }
}

TEST_CASE("an epoch's order depends on seed and epoch alone", "[batches]") {
  nn::Batches a(50, 8, 9);
  nn::Batches b(50, 8, 9);
  a.start_epoch(0);
  a.start_epoch(1);
  a.start_epoch(4);
  b.start_epoch(4);
  REQUIRE(order(a) == order(b));

  nn::Batches other_batch_size(50, 7, 9);
  other_batch_size.start_epoch(4);
  REQUIRE(order(a) == order(other_batch_size));

  nn::Batches other_seed(50, 8, 10);
  other_seed.start_epoch(4);
  REQUIRE(order(a) != order(other_seed));
}

TEST_CASE("new batches stand in the order of the first epoch", "[batches]") {
  const nn::Batches fresh(50, 8, 9);
  nn::Batches started(50, 8, 9);
  started.start_epoch(0);
  REQUIRE(order(fresh) == order(started));
}

TEST_CASE("reshuffling allocates nothing", "[batches][allocations]") {
  nn::Batches batches(1000, 10, 1);
  const std::size_t before = nn_test::allocation_count();
  batches.start_epoch(1);
  const std::size_t after = nn_test::allocation_count();
  REQUIRE(after == before);
}

TEST_CASE("batches of nothing are refused", "[batches][errors]") {
  using Error = std::invalid_argument;
  REQUIRE_THROWS_AS(nn::Batches(0, 1, 0), Error);
  REQUIRE_THROWS_AS(nn::Batches(-5, 1, 0), Error);
  REQUIRE_THROWS_AS(nn::Batches(1, 0, 0), Error);
  REQUIRE(nn_test::message_of<Error>([] { nn::Batches(10, -4, 0); }) ==
          "[Batches] expected a batch size of at least 1, got -4");
  nn::Batches batches(10, 4, 0);
  REQUIRE_THROWS_AS(batches.start_epoch(-1), Error);
  REQUIRE_THROWS_AS(batches.size(3), Error);
  REQUIRE_THROWS_AS(batches.size(-1), Error);
  REQUIRE_THROWS_AS(batches.indices(3), Error);
}
