#include "kernels/average_pooling.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "nn/random.h"
#include "support/catch.h"
#include "support/guarded.h"
#include "support/kernel_reference.h"
#include "support/kernel_scratch.h"
#include "support/threads.h"

namespace {

using nn::Index;
using nn::kernels::AveragePoolGeometry;
using nn_test::Guarded;
using nn_test::kRounding;
using nn_test::relative_difference;
using nn_test::ScopedThreads;

AveragePoolGeometry random_geometry(nn::Rng& rng) {
  AveragePoolGeometry g;
  if (rng.index(4) == 0) {
    // Windows side by side have passes of their own.
    g = {1 + rng.index(3), 2 + rng.index(9), 2, 2, 2, 2, 2, 0, 0, true};
    g.width += rng.index(rng.index(3) == 0 ? 140 : 20);
    return g;
  }
  g.channels = 1 + rng.index(3);
  g.window_h = 1 + rng.index(5);
  g.window_w = 1 + rng.index(5);
  g.stride_h = 1 + rng.index(4);
  g.stride_w = 1 + rng.index(4);
  g.pad_h = rng.index(g.window_h / 2 + 1);
  g.pad_w = rng.index(g.window_w / 2 + 1);
  g.count_padding = rng.index(2) == 0;
  g.height = std::max<Index>(1, g.window_h - 2 * g.pad_h) + rng.index(9);
  // Wide enough at times that whole vectors are met at every stride.
  g.width = std::max<Index>(1, g.window_w - 2 * g.pad_w) +
            rng.index(rng.index(3) == 0 ? 140 : 20);
  return g;
}

}  // namespace

TEMPLATE_TEST_CASE("average pooling agrees with the reference everywhere",
                   "[kernels][average_pooling]",
                   float,
                   double) {
  nn::Rng rng(47);
  for (int i = 0; i < 300; ++i) {
    const AveragePoolGeometry g = random_geometry(rng);
    const Index planes = g.channels * (1 + rng.index(3));
    CAPTURE(i, g.height, g.width, g.window_h, g.window_w, g.stride_h);
    CAPTURE(g.stride_w, g.pad_h, g.pad_w, g.count_padding, planes);
    const Index in = planes * g.height * g.width;
    const Index out = planes * g.out_height() * g.out_width();
    Guarded<TestType> x(in), y(out), dy(out), dx(in);
    x.fill(rng);
    dy.fill(rng);
    const nn::kernels::ScratchNeeds needs =
        nn::kernels::average_pool_scratch<TestType>(g);
    REQUIRE(needs.shared_bytes == 0);
    const int workers = nn::num_threads();
    Guarded<TestType> scratch(
        static_cast<Index>(needs.worker_bytes / sizeof(TestType)) * workers);
    const nn::kernels::Scratch memory{
        reinterpret_cast<std::byte*>(scratch.data()), workers};
    nn::kernels::average_pool(g, planes, x.data(), y.data(), memory);
    nn::kernels::average_pool_backward(g, planes, dy.data(), dx.data(), memory);
    REQUIRE(y.guards_are_whole());
    REQUIRE(dx.guards_are_whole());
    REQUIRE(scratch.guards_are_whole());

    std::vector<TestType> y_ref(static_cast<std::size_t>(out));
    std::vector<TestType> dx_ref(static_cast<std::size_t>(in));
    nn_test::average_pool_reference(g, planes, x.data(), y_ref.data());
    nn_test::average_pool_backward_reference(
        g, planes, dy.data(), dx_ref.data());
    REQUIRE(relative_difference(y.data(), y_ref.data(), out) <
            kRounding<TestType>);
    REQUIRE(relative_difference(dx.data(), dx_ref.data(), in) <
            kRounding<TestType>);
  }
}

TEMPLATE_TEST_CASE("plane means and their gradient agree with the definition",
                   "[kernels][average_pooling]",
                   float,
                   double) {
  nn::Rng rng(48);
  for (const Index size : {1, 3, 16, 49, 64, 65, 130, 784, 9000}) {
    for (const Index planes : {1, 5, 40}) {
      CAPTURE(size, planes);
      Guarded<TestType> x(planes * size), y(planes), dx(planes * size);
      x.fill(rng);
      nn::kernels::plane_means(planes, size, x.data(), y.data());
      nn::kernels::plane_means_backward(planes, size, y.data(), dx.data());
      REQUIRE(y.guards_are_whole());
      REQUIRE(dx.guards_are_whole());
      for (Index plane = 0; plane < planes; ++plane) {
        double sum = 0;
        for (Index i = 0; i < size; ++i) {
          sum += static_cast<double>(x.data()[plane * size + i]);
          REQUIRE(dx.data()[plane * size + i] ==
                  y.data()[plane] / static_cast<TestType>(size));
        }
        REQUIRE(std::abs(double(y.data()[plane]) - sum / double(size)) <=
                kRounding<TestType>);
      }
    }
  }
}

TEST_CASE("average pooling is the same for any number of threads",
          "[kernels][average_pooling][threads]") {
  const AveragePoolGeometry g{6, 30, 31, 3, 3, 2, 2, 1, 1, false};
  const Index planes = 6 * 16;
  nn::Rng rng(49);
  std::vector<float> x(static_cast<std::size_t>(planes * 30 * 31));
  for (float& v : x) v = static_cast<float>(rng.uniform(-1, 1));
  std::vector<std::vector<float>> outputs;
  std::vector<std::vector<float>> means;
  const AveragePoolGeometry side_by_side{6, 30, 31, 2, 2, 2, 2, 0, 0, true};
  std::vector<std::vector<float>> sides;
  std::vector<std::vector<float>> sides_back;
  for (const int threads : {1, 2, 3, 8}) {
    const ScopedThreads scope(threads);
    // What lies past the end of a thread's planes is another's.
    std::vector<float> halves(static_cast<std::size_t>(planes * 15 * 15));
    nn::kernels::average_pool(
        side_by_side, planes, x.data(), halves.data(), {});
    sides.push_back(halves);
    sides_back.emplace_back(x.size());
    nn::kernels::average_pool_backward(
        side_by_side, planes, x.data(), sides_back.back().data(), {});
    CHECK(sides.back() == sides.front());
    CHECK(sides_back.back() == sides_back.front());
    outputs.emplace_back(
        static_cast<std::size_t>(planes * g.out_height() * g.out_width()));
    means.emplace_back(static_cast<std::size_t>(planes));
    nn_test::KernelScratch scratch(nn::kernels::average_pool_scratch<float>(g));
    nn::kernels::average_pool(
        g, planes, x.data(), outputs.back().data(), scratch);
    nn::kernels::plane_means(planes, 30 * 31, x.data(), means.back().data());
    CHECK(outputs.back() == outputs.front());
    CHECK(means.back() == means.front());
  }
}
