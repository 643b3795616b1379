#include "kernels/batch_norm.h"

#include <cmath>
#include <vector>

#include "nn/buffer.h"
#include "support/catch.h"
#include "support/guarded.h"
#include "support/threads.h"

namespace {

using nn::Index;
using nn::kernels::ChannelGeometry;
using nn_test::Guarded;
using nn_test::kRounding;
using nn_test::relative_difference;

// Runs of one pixel and of many, channels that fill a tile and channels that
// are cut into several, batches of one and of more than a tile's columns.
const std::vector<ChannelGeometry> kGeometries = {{1, 1, 1},
                                                  {1, 1, 2},
                                                  {5, 1, 1},
                                                  {17, 1, 3},
                                                  {3, 1, 700},
                                                  {1500, 1, 9},
                                                  {3, 7, 2},
                                                  {40, 49, 5},
                                                  {2, 1024, 3},
                                                  {2, 1025, 3},
                                                  {1, 2500, 40},
                                                  {3, 2500, 1}};

Index size_of(const ChannelGeometry& g) {
  return g.channels * g.count();
}

// Calls visit(channel, element) for every element.
template <typename Visit>
void for_each(const ChannelGeometry& g, const Visit& visit) {
  for (Index i = 0; i < size_of(g); ++i) visit(i / g.pixels % g.channels, i);
}

template <typename T>
std::vector<T> random_numbers(Index size, nn::Rng& rng) {
  Guarded<T> values(size);
  values.fill(rng);
  return {values.data(), values.data() + size};
}

}  // namespace

TEMPLATE_TEST_CASE("channel moments agree with their definition",
                   "[kernels][batch_norm]",
                   float,
                   double) {
  nn::Rng rng(71);
  for (const ChannelGeometry& g : kGeometries) {
    CAPTURE(g.channels, g.pixels, g.batch);
    Guarded<TestType> x(size_of(g)), mean(g.channels), variance(g.channels);
    x.fill(rng);
    for_each(g, [&](Index c, Index i) {
      x.data()[i] += static_cast<TestType>(c % 3);
    });
    nn::Buffer scratch;
    scratch.reserve(nn::kernels::channel_scratch_bytes<TestType>(g));
    nn::kernels::channel_moments<TestType>(
        {g, x.data(), mean.data(), variance.data(), scratch.data()});
    CHECK(mean.guards_are_whole());
    CHECK(variance.guards_are_whole());

    const auto count = static_cast<double>(g.count());
    const auto channels = static_cast<std::size_t>(g.channels);
    std::vector<double> mean64(channels), variance64(channels);
    for_each(g, [&](Index c, Index i) {
      mean64[static_cast<std::size_t>(c)] +=
          static_cast<double>(x.data()[i]) / count;
    });
    for_each(g, [&](Index c, Index i) {
      const double v = static_cast<double>(x.data()[i]) -
                       mean64[static_cast<std::size_t>(c)];
      variance64[static_cast<std::size_t>(c)] += v * v / count;
    });
    const std::vector<TestType> wanted_mean(mean64.begin(), mean64.end());
    const std::vector<TestType> wanted(variance64.begin(), variance64.end());
    CHECK(relative_difference(mean.data(), wanted_mean.data(), g.channels) <=
          kRounding<TestType>);
    CHECK(relative_difference(variance.data(), wanted.data(), g.channels) <=
          kRounding<TestType>);
  }
}

TEST_CASE("channel moments keep the digits of a mean far from zero",
          "[kernels][batch_norm]") {
  // 1 and 3 around 4096: the squares would need 25 bits, float has 24.
  const ChannelGeometry g{1, 50, 40};
  std::vector<float> x(static_cast<std::size_t>(size_of(g)));
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = 4096.0f + (i % 2 == 0 ? 1.0f : 3.0f);
  }
  nn::Buffer scratch;
  scratch.reserve(nn::kernels::channel_scratch_bytes<float>(g));
  float mean = 0;
  float variance = 0;
  nn::kernels::channel_moments<float>(
      {g, x.data(), &mean, &variance, scratch.data()});
  CHECK(mean == 4098.0f);
  CHECK(variance == 1.0f);
}

TEMPLATE_TEST_CASE("channel loops agree with their definition",
                   "[kernels][batch_norm]",
                   float,
                   double) {
  using T = TestType;
  nn::Rng rng(72);
  for (const ChannelGeometry& g : kGeometries) {
    CAPTURE(g.channels, g.pixels, g.batch);
    const Index size = size_of(g);
    const auto x = random_numbers<T>(size, rng);
    const auto dy = random_numbers<T>(size, rng);
    const auto mean = random_numbers<T>(g.channels, rng);
    const auto a = random_numbers<T>(g.channels, rng);
    const auto b = random_numbers<T>(g.channels, rng);
    const auto c = random_numbers<T>(g.channels, rng);
    Guarded<T> y(size), dx(size), sum(g.channels), weighted(g.channels);
    nn::Buffer scratch;
    scratch.reserve(nn::kernels::channel_scratch_bytes<T>(g));
    nn::kernels::channel_affine<T>(
        {g, x.data(), mean.data(), a.data(), b.data(), y.data()});
    nn::kernels::channel_input_gradient<T>({g,
                                            x.data(),
                                            dy.data(),
                                            mean.data(),
                                            a.data(),
                                            b.data(),
                                            c.data(),
                                            dx.data()});
    nn::kernels::channel_gradients<T>({g,
                                       x.data(),
                                       dy.data(),
                                       mean.data(),
                                       sum.data(),
                                       weighted.data(),
                                       scratch.data()});
    CHECK(y.guards_are_whole());
    CHECK(dx.guards_are_whole());
    CHECK(sum.guards_are_whole());
    CHECK(weighted.guards_are_whole());

    const auto channels = static_cast<std::size_t>(g.channels);
    std::vector<T> wanted_y, wanted_dx;
    std::vector<double> sum64(channels), weighted64(channels);
    // What the sums add up to without signs: it is their rounding's scale.
    std::vector<T> scale(channels, T(0));
    for_each(g, [&](Index channel, Index element) {
      const auto k = static_cast<std::size_t>(channel);
      const auto i = static_cast<std::size_t>(element);
      const T v = x[i] - mean[k];
      wanted_y.push_back(v * a[k] + b[k]);
      wanted_dx.push_back(a[k] * (dy[i] - b[k] + c[k] * v));
      sum64[k] += static_cast<double>(dy[i]);
      weighted64[k] += static_cast<double>(dy[i]) * static_cast<double>(v);
      scale[k] += std::abs(dy[i]) * (1 + std::abs(v));
    });
    CHECK(relative_difference(y.data(), wanted_y.data(), size) <= kRounding<T>);
    CHECK(relative_difference(dx.data(), wanted_dx.data(), size) <=
          kRounding<T>);
    const std::vector<T> wanted_sum(sum64.begin(), sum64.end());
    const std::vector<T> wanted(weighted64.begin(), weighted64.end());
    CHECK(relative_difference(
              sum.data(), wanted_sum.data(), g.channels, scale.data()) <=
          kRounding<T>);
    CHECK(relative_difference(
              weighted.data(), wanted.data(), g.channels, scale.data()) <=
          kRounding<T>);
  }
}

TEST_CASE("channel sums are the same bits for any number of threads",
          "[kernels][batch_norm][threads]") {
  nn::Rng rng(74);
  for (const ChannelGeometry& g : kGeometries) {
    CAPTURE(g.channels, g.pixels, g.batch);
    const auto x = random_numbers<float>(size_of(g), rng);
    const auto dy = random_numbers<float>(size_of(g), rng);
    const auto run = [&](int threads) {
      const nn_test::ScopedThreads scope(threads);
      const auto channels = static_cast<std::size_t>(g.channels);
      std::vector<std::vector<float>> results(4, std::vector<float>(channels));
      nn::Buffer scratch;
      scratch.reserve(nn::kernels::channel_scratch_bytes<float>(g));
      nn::kernels::channel_moments<float>(
          {g, x.data(), results[0].data(), results[1].data(), scratch.data()});
      nn::kernels::channel_gradients<float>({g,
                                             x.data(),
                                             dy.data(),
                                             results[0].data(),
                                             results[2].data(),
                                             results[3].data(),
                                             scratch.data()});
      return results;
    };
    const auto alone = run(1);
    CHECK(run(2) == alone);
    CHECK(run(5) == alone);
  }
}
