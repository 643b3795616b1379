#include "kernels/grouped_conv2d.h"

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

TEMPLATE_TEST_CASE("grouped convolutions agree with the reference",
                   "[kernels][grouped_conv2d]",
                   float,
                   double) {
  nn::Rng rng(91);
  for (int i = 0; i < 250; ++i) {
    CAPTURE(i);
    ConvCase c = nn_test::random_convolution(rng, /*most_groups=*/4);
    REQUIRE(difference_from_reference<TestType>(c, rng) <=
            nn_test::kRounding<TestType>);
  }
}

TEST_CASE("grouped convolutions give the same bits for any number of threads",
          "[kernels][grouped_conv2d][threads]") {
  nn::Rng rng(93);
  // Two groups, and depthwise with two outputs a channel.
  for (const Index groups : {2, 4}) {
    ConvGeometry g{4, 11, 13, 8, 3, 4, 1, 2, 1, 2, 2, 1, groups};
    const Index batch = 70;
    Guarded<float> x(g.in_features() * batch);
    Guarded<float> weight(g.taps() * g.out_channels);
    Guarded<float> bias(g.out_channels);
    Guarded<float> dy(g.out_features() * batch);
    for (Guarded<float>* input : {&x, &weight, &bias, &dy}) input->fill(rng);
    const auto run = [&](int threads) {
      const nn_test::ScopedThreads scoped(threads);
      nn_test::KernelScratch forward_scratch(
          nn::kernels::grouped_conv2d_forward_scratch<float>(g, {}, batch));
      nn_test::KernelScratch backward_scratch(
          nn::kernels::grouped_conv2d_backward_scratch<float>(g, {}, batch));
      std::vector<float> y(static_cast<std::size_t>(dy.size()));
      std::vector<float> gradients(
          static_cast<std::size_t>(x.size() + weight.size() + g.out_channels));
      nn::kernels::grouped_conv2d_forward<float>({g,
                                                  {},
                                                  batch,
                                                  x.data(),
                                                  weight.data(),
                                                  bias.data(),
                                                  y.data(),
                                                  nullptr},
                                                 forward_scratch);
      nn::kernels::grouped_conv2d_backward<float>(
          {g,
           {},
           batch,
           x.data(),
           weight.data(),
           nullptr,
           dy.data(),
           nullptr,
           gradients.data(),
           gradients.data() + x.size(),
           gradients.data() + x.size() + weight.size()},
          backward_scratch);
      y.insert(y.end(), gradients.begin(), gradients.end());
      return y;
    };
    const std::vector<float> alone = run(1);
    CHECK(run(2) == alone);
    CHECK(run(3) == alone);
    CHECK(run(8) == alone);
  }
}
