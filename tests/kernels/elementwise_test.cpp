#include "kernels/elementwise.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "support/catch.h"
#include "support/guarded.h"

namespace {

using nn::Index;
using nn_test::Guarded;

}  // namespace

TEMPLATE_TEST_CASE("relu and its gradient agree with their definition",
                   "[kernels][elementwise]",
                   float,
                   double) {
  nn::Rng rng(41);
  for (Index size : {1, 3, 15, 16, 17, 100, 8191, 8193, 20000}) {
    CAPTURE(size);
    Guarded<TestType> x(size), y(size), dy(size), dx(size);
    x.fill(rng);
    dy.fill(rng);
    x.data()[size / 2] = TestType(0);
    x.data()[size - 1] = std::numeric_limits<TestType>::quiet_NaN();
    nn::kernels::relu(x.data(), y.data(), size);
    nn::kernels::relu_backward(y.data(), dy.data(), dx.data(), size);
    CHECK(y.guards_are_whole());
    CHECK(dx.guards_are_whole());
    CHECK(std::isnan(y.data()[size - 1]));
    for (Index i = 0; i + 1 < size; ++i) {
      REQUIRE(y.data()[i] == (x.data()[i] > 0 ? x.data()[i] : TestType(0)));
      REQUIRE(dx.data()[i] == (x.data()[i] > 0 ? dy.data()[i] : TestType(0)));
    }
  }
}

TEMPLATE_TEST_CASE("a sum may overwrite either of its terms",
                   "[kernels][elementwise]",
                   float,
                   double) {
  nn::Rng rng(44);
  for (Index size : {1, 3, 16, 17, 100, 8193, 20000}) {
    CAPTURE(size);
    Guarded<TestType> a(size), b(size), y(size);
    a.fill(rng);
    b.fill(rng);
    nn::kernels::sum(a.data(), b.data(), y.data(), size);
    CHECK(y.guards_are_whole());
    for (Index i = 0; i < size; ++i) {
      REQUIRE(y.data()[i] == a.data()[i] + b.data()[i]);
    }
    nn::kernels::sum(a.data(), b.data(), b.data(), size);
    CHECK(std::equal(y.data(), y.data() + size, b.data()));
    b.fill(rng);
    nn::kernels::sum(a.data(), b.data(), y.data(), size);
    nn::kernels::sum(a.data(), b.data(), a.data(), size);
    CHECK(std::equal(y.data(), y.data() + size, a.data()));
    CHECK(a.guards_are_whole());
    CHECK(b.guards_are_whole());
  }
}

TEMPLATE_TEST_CASE("row sums add the columns in order",
                   "[kernels][elementwise]",
                   float,
                   double) {
  nn::Rng rng(42);
  for (Index rows : {1, 7, 16, 33}) {
    for (Index cols : {1, 2, 50}) {
      Guarded<TestType> x(rows * cols), sums(rows);
      x.fill(rng);
      nn::kernels::row_sums(x.data(), rows, cols, sums.data());
      CHECK(sums.guards_are_whole());
      for (Index i = 0; i < rows; ++i) {
        TestType sum = 0;
        for (Index j = 0; j < cols; ++j) sum += x.data()[i + j * rows];
        REQUIRE(sums.data()[i] == sum);
      }

      // Positive outputs drop nothing, so the sums are the same.
      Guarded<TestType> y(rows * cols), dx(rows * cols), masked_sums(rows);
      std::fill_n(y.data(), y.size(), TestType(1));
      nn::kernels::relu_backward_row_sums(
          y.data(), x.data(), dx.data(), rows, cols, masked_sums.data());
      CHECK(std::equal(sums.data(), sums.data() + rows, masked_sums.data()));
      CHECK(std::equal(x.data(), x.data() + x.size(), dx.data()));
    }
  }
}

TEMPLATE_TEST_CASE("softmax stays finite for logits of +-1e4",
                   "[kernels][elementwise]",
                   float,
                   double) {
  std::vector<TestType> x{TestType(1e4),
                          TestType(-1e4),
                          TestType(1e4),
                          TestType(0),
                          TestType(0),
                          TestType(0)};
  std::vector<TestType> y(x.size());
  nn::kernels::softmax(x.data(), y.data(), 3, 2);
  CHECK(y[0] == TestType(0.5));
  CHECK(y[1] == TestType(0));
  CHECK(y[2] == TestType(0.5));
  for (std::size_t i = 3; i < 6; ++i) {
    CHECK(y[i] == Catch::Approx(1.0 / 3.0).epsilon(1e-6));
  }
}

TEMPLATE_TEST_CASE("a copy is the same to the bit",
                   "[kernels][elementwise]",
                   float,
                   double) {
  nn::Rng rng(61);
  for (Index size : {1, 17, 8192, 20000}) {
    Guarded<TestType> x(size), y(size);
    x.fill(rng);
    x.data()[size / 2] = std::numeric_limits<TestType>::quiet_NaN();
    nn::kernels::copy(x.data(), y.data(), size);
    CHECK(y.guards_are_whole());
    CHECK(std::memcmp(x.data(),
                      y.data(),
                      sizeof(TestType) * static_cast<std::size_t>(size)) == 0);
  }
}
