#include "kernels/conv2d.h"

#include <algorithm>
#include <vector>

#include "kernels/reference.h"
#include "nn/buffer.h"
#include "support/catch.h"
#include "support/guarded.h"
#include "support/threads.h"

namespace {

using nn::Index;
using nn::kernels::ConvEpilogue;
using nn::kernels::ConvGeometry;
using nn::kernels::PoolGeometry;
using nn_test::Guarded;

struct Case {
  ConvGeometry geometry;
  PoolGeometry pool;
  bool has_pool = false;
  bool relu = false;
  Index batch = 1;

  ConvEpilogue epilogue() const { return {relu, has_pool ? &pool : nullptr}; }
  Index out_features() const {
    return has_pool ? pool.out_features() : geometry.out_features();
  }
};

Index draw(nn::Rng& rng, Index low, Index high) {
  return low + rng.index(high - low + 1);
}

Case random_case(nn::Rng& rng) {
  for (;;) {
    Case c;
    ConvGeometry& g = c.geometry;
    g.in_channels = draw(rng, 1, 6);
    g.height = draw(rng, 1, 20);
    g.width = draw(rng, 1, 20);
    g.out_channels = draw(rng, 1, 20);
    g.kernel_h = draw(rng, 1, 6);
    g.kernel_w = draw(rng, 1, 6);
    g.stride_h = draw(rng, 1, 3);
    g.stride_w = draw(rng, 1, 3);
    // One more than a kernel can use happens too.
    g.pad_h = draw(rng, 0, g.kernel_h);
    g.pad_w = draw(rng, 0, g.kernel_w);
    if (g.kernel_h > g.height + 2 * g.pad_h ||
        g.kernel_w > g.width + 2 * g.pad_w) {
      continue;
    }
    c.relu = rng.index(2) == 0;
    c.batch = draw(rng, 1, 9);
    const Index pooling = rng.index(3);
    if (pooling > 0) {
      c.pool = {g.out_channels, g.out_height(), g.out_width(), 2, 2, 2, 2};
      if (pooling == 2) {
        c.pool.window_h = draw(rng, 1, 3);
        c.pool.window_w = draw(rng, 1, 3);
        c.pool.stride_h = draw(rng, 1, 3);
        c.pool.stride_w = draw(rng, 1, 3);
      }
      c.has_pool =
          c.pool.window_h <= c.pool.height && c.pool.window_w <= c.pool.width;
    }
    return c;
  }
}

/// Runs one case through kernel and reference, in guarded memory and with
/// scratch memory full of NaNs, and returns the largest relative difference.
template <typename T>
double difference(const Case& c, nn::Rng& rng) {
  const ConvGeometry& g = c.geometry;
  CAPTURE(g.in_channels,
          g.height,
          g.width,
          g.out_channels,
          g.kernel_h,
          g.kernel_w,
          g.stride_h,
          g.stride_w,
          g.pad_h,
          g.pad_w);
  CAPTURE(c.relu, c.has_pool, c.batch);
  const Index in = g.in_features() * c.batch;
  const Index out = c.out_features() * c.batch;
  const Index weights = g.taps() * g.out_channels;
  Guarded<T> x(in), weight(weights), bias(g.out_channels), dy(out);
  for (Guarded<T>* input : {&x, &weight, &bias, &dy}) input->fill(rng);

  Guarded<T> y(out), dx(in), dweight(weights), dbias(g.out_channels);
  Guarded<std::uint8_t> argmax(out);
  std::vector<T> y_ref(static_cast<std::size_t>(out));
  std::vector<T> dx_ref(static_cast<std::size_t>(in));
  std::vector<T> dweight_ref(static_cast<std::size_t>(weights));
  std::vector<T> dbias_ref(static_cast<std::size_t>(g.out_channels));
  std::vector<std::uint8_t> argmax_ref(static_cast<std::size_t>(out));

  nn::Buffer scratch;
  const auto fresh_scratch = [&] {
    std::memset(scratch.data(), 0xff, scratch.size_bytes());
    return scratch.data();
  };
  scratch.reserve(
      nn::kernels::conv2d_forward_scratch_bytes<T>(g, c.epilogue(), c.batch));
  nn::kernels::conv2d_forward<T>({g,
                                  c.epilogue(),
                                  c.batch,
                                  x.data(),
                                  weight.data(),
                                  bias.data(),
                                  y.data(),
                                  argmax.data()},
                                 fresh_scratch());
  nn::kernels::conv2d_forward_reference<T>({g,
                                            c.epilogue(),
                                            c.batch,
                                            x.data(),
                                            weight.data(),
                                            bias.data(),
                                            y_ref.data(),
                                            argmax_ref.data()});

  scratch.reserve(
      nn::kernels::conv2d_backward_scratch_bytes<T>(g, c.epilogue(), c.batch));
  // From the reference's output, so that a rounding difference in the forward
  // pass cannot send a gradient elsewhere.
  nn::kernels::conv2d_backward<T>({g,
                                   c.epilogue(),
                                   c.batch,
                                   x.data(),
                                   weight.data(),
                                   y_ref.data(),
                                   dy.data(),
                                   argmax_ref.data(),
                                   dx.data(),
                                   dweight.data(),
                                   dbias.data()},
                                  fresh_scratch());
  nn::kernels::conv2d_backward_reference<T>({g,
                                             c.epilogue(),
                                             c.batch,
                                             x.data(),
                                             weight.data(),
                                             y_ref.data(),
                                             dy.data(),
                                             argmax_ref.data(),
                                             dx_ref.data(),
                                             dweight_ref.data(),
                                             dbias_ref.data()});

  CHECK(y.guards_are_whole());
  CHECK(argmax.guards_are_whole());
  CHECK(dx.guards_are_whole());
  CHECK(dweight.guards_are_whole());
  CHECK(dbias.guards_are_whole());
  if (c.has_pool) {
    CHECK(std::equal(argmax_ref.begin(), argmax_ref.end(), argmax.data()));
  }
  // The gradients once more over absolute values: what they cancel down from.
  for (Guarded<T>* input : {&x, &weight, &dy}) {
    for (Index i = 0; i < input->size(); ++i) {
      input->data()[i] = std::abs(input->data()[i]);
    }
  }
  std::vector<T> dx_size(dx_ref), dweight_size(dweight_ref),
      dbias_size(dbias_ref);
  nn::kernels::conv2d_backward_reference<T>({g,
                                             c.epilogue(),
                                             c.batch,
                                             x.data(),
                                             weight.data(),
                                             y_ref.data(),
                                             dy.data(),
                                             argmax_ref.data(),
                                             dx_size.data(),
                                             dweight_size.data(),
                                             dbias_size.data()});
  using nn_test::relative_difference;
  return std::max(
      {relative_difference(y.data(), y_ref.data(), out),
       relative_difference(dx.data(), dx_ref.data(), in, dx_size.data()),
       relative_difference(
           dweight.data(), dweight_ref.data(), weights, dweight_size.data()),
       relative_difference(
           dbias.data(), dbias_ref.data(), g.out_channels, dbias_size.data())});
}

}  // namespace

TEMPLATE_TEST_CASE(
    "conv2d agrees with the im2col reference at any shape, stride and padding",
    "[kernels][conv2d]",
    float,
    double) {
  nn::Rng rng(21);
  for (int i = 0; i < 300; ++i) {
    CAPTURE(i);
    const Case c = random_case(rng);
    REQUIRE(difference<TestType>(c, rng) <= nn_test::kRounding<TestType>);
  }
}

TEMPLATE_TEST_CASE("conv2d agrees with the reference at the sizes of MNIST",
                   "[kernels][conv2d]",
                   float,
                   double) {
  nn::Rng rng(22);
  Case first;
  first.geometry = {1, 28, 28, 16, 5, 5, 1, 1, 2, 2};
  first.pool = {16, 28, 28, 2, 2, 2, 2};
  Case second;
  second.geometry = {16, 14, 14, 32, 5, 5, 1, 1, 2, 2};
  second.pool = {32, 14, 14, 2, 2, 2, 2};
  for (Case* c : {&first, &second}) {
    c->has_pool = true;
    c->relu = true;
    c->batch = 5;
    CHECK(difference<TestType>(*c, rng) <= nn_test::kRounding<TestType>);
  }
}

TEMPLATE_TEST_CASE("conv2d agrees with the reference with many channels",
                   "[kernels][conv2d]",
                   float,
                   double) {
  nn::Rng rng(23);
  for (Index channels : {32, 49, 65, 100}) {
    Case c;
    c.geometry = {channels, 7, 9, channels + 3, 3, 3, 1, 1, 1, 1};
    c.batch = 2;
    CHECK(difference<TestType>(c, rng) <= nn_test::kRounding<TestType>);
    c.geometry.stride_h = c.geometry.stride_w = 2;
    CHECK(difference<TestType>(c, rng) <= nn_test::kRounding<TestType>);
  }
}

TEST_CASE("conv2d gives the same bits for any number of threads",
          "[kernels][conv2d][threads]") {
  nn::Rng rng(24);
  const ConvGeometry g{3, 11, 13, 5, 3, 4, 1, 1, 1, 2};
  const Index batch = 70;
  Guarded<float> x(g.in_features() * batch);
  Guarded<float> weight(g.taps() * g.out_channels);
  Guarded<float> dy(g.out_features() * batch);
  for (Guarded<float>* input : {&x, &weight, &dy}) input->fill(rng);
  std::vector<float> first;
  for (int threads : {1, 2, 3, 8}) {
    const nn_test::ScopedThreads scoped(threads);
    nn::Buffer scratch;
    scratch.reserve(
        nn::kernels::conv2d_backward_scratch_bytes<float>(g, {}, batch));
    std::vector<float> result(
        static_cast<std::size_t>(x.size() + weight.size() + g.out_channels));
    nn::kernels::conv2d_backward<float>(
        {g,
         {},
         batch,
         x.data(),
         weight.data(),
         nullptr,
         dy.data(),
         nullptr,
         result.data(),
         result.data() + x.size(),
         result.data() + x.size() + weight.size()},
        scratch.data());
    if (threads == 1) first = result;
    CHECK(result == first);
  }
}
