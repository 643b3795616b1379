#include "kernels/conv2d.h"

#include <vector>

#include "support/catch.h"
#include "support/convolution.h"
#include "support/guarded.h"
#include "support/kernel_scratch.h"
#include "support/threads.h"

namespace {

using nn::Index;
using nn::kernels::ConvGeometry;
using nn_test::ConvCase;
using nn_test::difference_from_reference;
using nn_test::Guarded;

}  // namespace

TEMPLATE_TEST_CASE(
    "conv2d agrees with the im2col reference at any shape and dilation",
    "[kernels][conv2d]",
    float,
    double) {
  nn::Rng rng(21);
  for (int i = 0; i < 300; ++i) {
    CAPTURE(i);
    const ConvCase c = nn_test::random_convolution(rng, /*most_groups=*/1);
    REQUIRE(difference_from_reference<TestType>(c, rng) <=
            nn_test::kRounding<TestType>);
  }
}

TEMPLATE_TEST_CASE("conv2d agrees with the reference at the sizes of MNIST",
                   "[kernels][conv2d]",
                   float,
                   double) {
  nn::Rng rng(22);
  ConvCase first;
  first.geometry = {1, 28, 28, 16, 5, 5, 1, 1, 2, 2};
  first.pool = {16, 28, 28, 2, 2, 2, 2};
  ConvCase second;
  second.geometry = {16, 14, 14, 32, 5, 5, 1, 1, 2, 2};
  second.pool = {32, 14, 14, 2, 2, 2, 2};
  for (ConvCase* c : {&first, &second}) {
    c->has_pool = true;
    c->relu = true;
    c->batch = 5;
    CHECK(difference_from_reference<TestType>(*c, rng) <=
          nn_test::kRounding<TestType>);
  }
}

TEMPLATE_TEST_CASE("conv2d agrees with the reference with many channels",
                   "[kernels][conv2d]",
                   float,
                   double) {
  nn::Rng rng(23);
  for (Index channels : {32, 49, 65, 100}) {
    ConvCase c;
    c.batch = 2;
    // 49 pixels are one more than whole vectors of any width.
    for (Index width : {7, 9}) {
      for (Index stride : {1, 2, 3}) {
        CAPTURE(channels, width, stride);
        c.geometry = {
            channels, 7, width, channels + 3, 3, 3, stride, stride, 1, 1};
        CHECK(difference_from_reference<TestType>(c, rng) <=
              nn_test::kRounding<TestType>);
      }
    }
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
    nn_test::KernelScratch scratch(
        nn::kernels::conv2d_backward_scratch<float>(g, {}, batch));
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
        scratch);
    if (threads == 1) first = result;
    CHECK(result == first);
  }
}
