#include "kernels/depthwise.h"

#include <vector>

#include "support/catch.h"
#include "support/convolution.h"
#include "support/guarded.h"

using nn::Index;
using nn_test::ConvCase;
using nn_test::difference_from_reference;

TEMPLATE_TEST_CASE("depthwise convolutions agree with the reference",
                   "[kernels][depthwise]",
                   float,
                   double) {
  nn::Rng rng(81);
  for (int i = 0; i < 250; ++i) {
    CAPTURE(i);
    ConvCase c = nn_test::random_convolution(rng, /*most_groups=*/6);
    c.geometry.in_channels = c.geometry.groups = nn_test::draw(rng, 2, 5);
    c.set_out_channels(c.geometry.groups * nn_test::draw(rng, 1, 3));
    REQUIRE(difference_from_reference<TestType>(c, rng) <=
            nn_test::kRounding<TestType>);
  }
}

TEMPLATE_TEST_CASE(
    "depthwise convolutions agree with the reference at common sizes",
    "[kernels][depthwise]",
    float,
    double) {
  nn::Rng rng(82);
  for (const Index stride : {1, 2}) {
    for (const Index dilation : {1, 2}) {
      for (const Index kernel : {3, 5, 7}) {
        ConvCase c;
        c.geometry = {35,
                      14,
                      15,
                      35,
                      kernel,
                      kernel,
                      stride,
                      stride,
                      kernel / 2,
                      kernel / 2,
                      dilation,
                      dilation,
                      35};
        c.batch = 9;
        CAPTURE(stride, dilation, kernel);
        REQUIRE(difference_from_reference<TestType>(c, rng) <=
                nn_test::kRounding<TestType>);
      }
    }
  }
}
