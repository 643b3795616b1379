#include "kernels/conv2d_sparse.h"

#include <vector>

#include "support/catch.h"
#include "support/convolution.h"
#include "support/guarded.h"
#include "support/kernel_scratch.h"
#include "support/threads.h"

namespace {

using nn::Index;
using nn::kernels::ConvGeometry;
using nn::kernels::PoolGeometry;
using nn_test::ConvCase;
using nn_test::difference_from_reference;
using nn_test::Guarded;

/// A convolution of `g` with a pool of square windows behind it.
ConvCase pooled(const ConvGeometry& g, Index window, Index stride) {
  ConvCase c;
  c.geometry = g;
  c.pool = {g.out_channels,
            g.out_height(),
            g.out_width(),
            window,
            window,
            stride,
            stride};
  c.has_pool = true;
  return c;
}

bool is_sparse(const ConvCase& c) {
  return nn::kernels::conv2d_backward_is_sparse(c.geometry, c.epilogue());
}

}  // namespace

TEST_CASE("A convolution's gradient is sparse where a pool drops two thirds",
          "[kernels][conv2d_sparse]") {
  const ConvGeometry g{3, 12, 12, 4, 3, 3, 1, 1, 1, 1};
  ConvCase alone;
  alone.geometry = g;
  alone.relu = true;
  CHECK_FALSE(is_sparse(alone));
  CHECK(is_sparse(pooled(g, 2, 2)));
  CHECK(is_sparse(pooled(g, 3, 2)));
  CHECK_FALSE(is_sparse(pooled(g, 2, 1)));
  CHECK_FALSE(is_sparse(pooled(g, 1, 1)));
}

TEMPLATE_TEST_CASE(
    "Sparse gradients agree with the reference for all kernels and channels",
    "[kernels][conv2d_sparse]",
    float,
    double) {
  nn::Rng rng(31);
  // Every height of a block of rows, and rows of 1 to many vectors.
  for (Index kernel = 1; kernel <= 8; ++kernel) {
    for (Index channels : {1, 2, 3, 8, 16, 17, 32, 40}) {
      ConvCase c = pooled(
          {channels, 10, 11, 5, kernel, kernel, 1, 1, kernel / 2, kernel / 2},
          2,
          2);
      c.relu = channels % 2 == 0;
      c.batch = 3;
      CAPTURE(kernel, channels);
      REQUIRE(is_sparse(c));
      REQUIRE(difference_from_reference<TestType>(c, rng) <=
              nn_test::kRounding<TestType>);
    }
  }
}

TEMPLATE_TEST_CASE(
    "Sparse gradients agree with the reference at any stride and padding",
    "[kernels][conv2d_sparse]",
    float,
    double) {
  nn::Rng rng(32);
  int seen = 0;
  while (seen < 150) {
    const auto draw = [&](Index low, Index high) {
      return low + rng.index(high - low + 1);
    };
    ConvGeometry g;
    g.in_channels = draw(1, 20);
    g.height = draw(4, 20);
    g.width = draw(4, 20);
    g.out_channels = draw(1, 9);
    g.kernel_h = draw(1, 4);
    g.kernel_w = draw(1, 7);
    g.stride_h = draw(1, 3);
    g.stride_w = draw(1, 3);
    g.pad_h = draw(0, g.kernel_h);
    g.pad_w = draw(0, g.kernel_w);
    const Index window = draw(2, 3);
    if (g.kernel_h > g.height || g.kernel_w > g.width ||
        g.out_height() < window || g.out_width() < window) {
      continue;
    }
    ConvCase c = pooled(g, window, draw(2, 4));
    c.relu = rng.index(2) == 0;
    c.batch = draw(1, 9);
    if (!is_sparse(c)) continue;
    CAPTURE(seen);
    REQUIRE(difference_from_reference<TestType>(c, rng) <=
            nn_test::kRounding<TestType>);
    ++seen;
  }
}

TEST_CASE("Sparse gradients are the same bits for any number of threads",
          "[kernels][conv2d_sparse][threads]") {
  nn::Rng rng(33);
  const ConvCase c = pooled({3, 12, 14, 5, 3, 4, 1, 1, 1, 2}, 2, 2);
  REQUIRE(is_sparse(c));
  const Index batch = 70;
  const ConvGeometry& g = c.geometry;
  const Index out = c.out_features() * batch;
  Guarded<float> x(g.in_features() * batch);
  Guarded<float> weight(g.taps() * g.out_channels);
  Guarded<float> dy(out);
  for (Guarded<float>* input : {&x, &weight, &dy}) input->fill(rng);
  std::vector<std::uint8_t> argmax(static_cast<std::size_t>(out));
  for (std::uint8_t& place : argmax) {
    place = static_cast<std::uint8_t>(rng.index(4));
  }
  std::vector<float> first;
  for (int threads : {1, 2, 3, 8}) {
    const nn_test::ScopedThreads scoped(threads);
    nn_test::KernelScratch scratch(
        nn::kernels::conv2d_sparse_backward_scratch<float>(
            g, c.epilogue(), batch));
    std::vector<float> result(
        static_cast<std::size_t>(x.size() + weight.size() + g.out_channels));
    nn::kernels::conv2d_sparse_backward<float>(
        {g,
         c.epilogue(),
         batch,
         x.data(),
         weight.data(),
         nullptr,
         dy.data(),
         argmax.data(),
         result.data(),
         result.data() + x.size(),
         result.data() + x.size() + weight.size()},
        scratch);
    if (threads == 1) first = result;
    CHECK(result == first);
  }
}
