#include "kernels/conv2d_image.h"

#include <algorithm>
#include <array>
#include <vector>

#include "kernels/spread.h"
#include "nn/random.h"
#include "support/catch.h"
#include "support/convolution.h"
#include "support/guarded.h"

namespace {

using nn::Index;
using nn::kernels::conv_kernels;
using nn::kernels::ConvGeometry;
using nn::kernels::GradientAxis;
using nn::kernels::GradientPhase;
using nn::kernels::InputGradient;
using nn::kernels::kSlack;
using nn::kernels::Spread;
using nn_test::draw;
using nn_test::Guarded;

// A pixel of an image in zeros that go on without end.
template <typename T>
T pixel(const Spread& s, const T* x, Index c, Index h, Index w) {
  if (h < 0 || h >= s.height || w < 0 || w >= s.width) return T(0);
  return x[(c * s.height + h) * s.width + w];
}

}  // namespace

TEMPLATE_TEST_CASE("the run of a tap holds the pixels that it meets",
                   "[kernels][conv2d]",
                   float,
                   double) {
  nn::Rng rng(31);
  for (int i = 0; i < 600; ++i) {
    // Also rows that fit a vector, and half of one.
    const Index widest =
        std::array<Index, 3>{40, 16, 8}[static_cast<std::size_t>(i % 3)];
    const Spread s{draw(rng, 1, 3),
                   draw(rng, 1, 20),
                   draw(rng, 1, widest),
                   draw(rng, 1, 4),
                   draw(rng, 1, 4),
                   draw(rng, 1, 3),
                   draw(rng, 1, 3),
                   draw(rng, -2, 3),
                   draw(rng, -2, 3),
                   draw(rng, 1, 3),
                   draw(rng, 1, 3),
                   draw(rng, 1, 9),
                   draw(rng, 1, widest)};
    Guarded<TestType> x(s.channels * s.height * s.width);
    x.fill(rng);
    std::vector<TestType> padded(
        static_cast<std::size_t>(s.padded_size() + kSlack<TestType>));
    std::vector<TestType> planes(
        static_cast<std::size_t>(s.size() + kSlack<TestType>));
    std::vector<Index> offsets(static_cast<std::size_t>(s.taps()));
    nn::kernels::fill_offsets(s, offsets.data());
    conv_kernels<TestType>().spread(s, x.data(), padded.data(), planes.data());
    Index wrong = 0;
    const Index* offset = offsets.data();
    for (Index c = 0; c < s.channels; ++c) {
      for (Index kh = 0; kh < s.kernel_h; ++kh) {
        for (Index kw = 0; kw < s.kernel_w; ++kw) {
          const TestType* run = planes.data() + *offset++;
          for (Index oh = 0; oh < s.out_height; ++oh) {
            for (Index ow = 0; ow < s.out_width; ++ow) {
              const TestType expected =
                  pixel(s,
                        x.data(),
                        c,
                        oh * s.stride_h + kh * s.dilation_h - s.pad_h,
                        ow * s.stride_w + kw * s.dilation_w - s.pad_w);
              if (*run++ != expected) ++wrong;
            }
          }
        }
      }
    }
    CAPTURE(i);
    REQUIRE(wrong == 0);
    CHECK(x.guards_are_whole());
  }
}

TEST_CASE("at stride 2 the taps of a kernel part between two phases",
          "[kernels][conv2d]") {
  // Rows 0, 2, 4 of five lie beneath tap 1 alone, rows 1 and 3 beneath 0 and 2.
  const GradientAxis axis(/*size=*/5, /*kernel=*/3, /*stride=*/2, /*pad=*/1, 1);
  REQUIRE(axis.phases() == 2);
  CHECK(axis.pixels(0) == 3);
  CHECK(axis.pixels(1) == 2);
  CHECK(axis.taps(0) == 1);
  CHECK(axis.taps(1) == 2);
  CHECK(axis.meets(0, 1));
  CHECK(axis.shift(0, 1) == 0);
  CHECK(axis.shift(1, 0) == 1);
  CHECK(axis.shift(1, 2) == 0);
  CHECK(axis.lowest == 0);
  CHECK(axis.highest == 1);
}

TEST_CASE("at stride 1 there is one phase, and its kernel is the flipped one",
          "[kernels][conv2d]") {
  const ConvGeometry g{2, 6, 7, 3, 3, 5, 1, 1, 1, 2};
  const InputGradient gradient(g);
  REQUIRE(gradient.phases() == 1);
  CHECK(gradient.spread.pad_h == g.kernel_h - 1 - g.pad_h);
  CHECK(gradient.spread.pad_w == g.kernel_w - 1 - g.pad_w);
  CHECK(gradient.spread.out_height == g.height);
  CHECK(gradient.spread.out_width == g.width);
  const std::size_t taps = 3 * 3 * 5;
  std::vector<Index> offsets(taps);
  std::vector<Index> weights(taps);
  gradient.fill_taps(offsets.data(), weights.data());
  std::vector<Index> expected(taps);
  nn::kernels::fill_offsets(gradient.spread, expected.data());
  CHECK(offsets == expected);
  for (std::size_t k = 0; k < taps; ++k) {
    const auto area = static_cast<std::size_t>(g.kernel_h * g.kernel_w);
    const std::size_t filter = k / area;
    CHECK(weights[k] ==
          static_cast<Index>(filter * 2 * area + area - 1 - k % area));
  }
}

TEST_CASE("every tap that reaches the image belongs to one phase",
          "[kernels][conv2d]") {
  nn::Rng rng(32);
  for (int i = 0; i < 300; ++i) {
    const Index kernel = draw(rng, 1, 7);
    const GradientAxis axis(draw(rng, 1, 12),
                            kernel,
                            draw(rng, 1, 5),
                            draw(rng, 0, 6),
                            draw(rng, 1, 4));
    CAPTURE(axis.size, kernel, axis.stride, axis.pad, axis.dilation);
    Index pixels = 0;
    for (Index j = 0; j < axis.phases(); ++j) pixels += axis.pixels(j);
    CHECK(pixels == axis.size);
    for (Index k = 0; k < kernel; ++k) {
      Index phases = 0;
      for (Index j = 0; j < axis.phases(); ++j) {
        if (!axis.meets(j, k)) continue;
        ++phases;
        CHECK(axis.shift(j, k) * axis.stride ==
              j + axis.pad - k * axis.dilation);
        CHECK((axis.shift(j, k) - axis.lowest) % axis.step() == 0);
        CHECK(axis.shift(j, k) <= axis.highest);
      }
      CHECK(phases <= 1);
      if (axis.size >= axis.stride) CHECK(phases == 1);
    }
  }
}

TEMPLATE_TEST_CASE("a product is the same for any number of pixels",
                   "[kernels][conv2d]",
                   float,
                   double) {
  nn::Rng rng(33);
  const auto& kernels = conv_kernels<TestType>();
  for (const Index taps : {1, 17, 300}) {
    for (Index pixels = 1; pixels <= 70; ++pixels) {
      for (const Index columns : {1, 3, 8, 11}) {
        CAPTURE(taps, pixels, columns);
        // Whole numbers: sums are exact, in whatever order.
        std::vector<TestType> planes(
            static_cast<std::size_t>(taps + pixels + kSlack<TestType>));
        for (TestType& value : planes) value = TestType(draw(rng, -3, 3));
        std::vector<Index> offsets(static_cast<std::size_t>(taps));
        for (Index k = 0; k < taps; ++k) {
          offsets[static_cast<std::size_t>(k)] = taps - 1 - k;
        }
        Guarded<TestType> weight(taps * columns);
        for (Index k = 0; k < weight.size(); ++k) {
          weight.data()[k] = TestType(draw(rng, -3, 3));
        }
        Guarded<TestType> bias(columns);
        for (Index j = 0; j < columns; ++j) bias.data()[j] = TestType(j);
        Guarded<TestType> y(pixels * columns);
        kernels.product(pixels,
                        taps,
                        /*pass_taps=*/100,
                        planes.data(),
                        offsets.data(),
                        weight.data(),
                        columns,
                        bias.data(),
                        /*relu=*/true,
                        y.data());
        Index wrong = 0;
        for (Index j = 0; j < columns; ++j) {
          for (Index p = 0; p < pixels; ++p) {
            TestType sum = bias.data()[j];
            for (Index k = 0; k < taps; ++k) {
              sum += planes[static_cast<std::size_t>(taps - 1 - k + p)] *
                     weight.data()[j * taps + k];
            }
            const TestType expected = std::max(sum, TestType(0));
            if (y.data()[j * pixels + p] != expected) ++wrong;
          }
        }
        REQUIRE(wrong == 0);
        REQUIRE(y.guards_are_whole());
      }
    }
  }
}

TEMPLATE_TEST_CASE("the blocks of all phases join to the image",
                   "[kernels][conv2d]",
                   float,
                   double) {
  nn::Rng rng(34);
  for (int i = 0; i < 300; ++i) {
    const Index stride_h = draw(rng, 1, 4);
    const Index stride_w = draw(rng, 1, 4);
    const ConvGeometry g{draw(rng, 1, 3),
                         draw(rng, 1, 9),
                         draw(rng, 1, 70),
                         1,
                         1,
                         1,
                         stride_h,
                         stride_w};
    CAPTURE(g.in_channels, g.height, g.width, stride_h, stride_w);
    const InputGradient gradient(g);
    std::vector<GradientPhase> phases(
        static_cast<std::size_t>(gradient.phases()));
    gradient.fill_phases(phases.data());
    std::vector<TestType> blocks(
        static_cast<std::size_t>(gradient.size() + kSlack<TestType>));
    std::size_t next = 0;
    // The value of pixel (c, h, w) is its place in the image.
    for (Index r = 0; r < gradient.rows.phases(); ++r) {
      for (Index q = 0; q < gradient.columns.phases(); ++q) {
        const GradientPhase& phase = phases[next++];
        for (Index c = 0; c < g.in_channels; ++c) {
          for (Index h = 0; h < gradient.rows.pixels(r); ++h) {
            for (Index w = 0; w < gradient.columns.pixels(q); ++w) {
              const Index to = phase.first_pixel + c * phase.pixels +
                               h * gradient.width() + w;
              blocks[static_cast<std::size_t>(to)] =
                  TestType((c * g.height + h * stride_h + r) * g.width +
                           w * stride_w + q);
            }
          }
        }
      }
    }
    Guarded<TestType> dx(g.in_features());
    conv_kernels<TestType>().join_phases(
        gradient, phases.data(), blocks.data(), dx.data());
    Index wrong = 0;
    for (Index k = 0; k < dx.size(); ++k) {
      if (dx.data()[k] != TestType(k)) ++wrong;
    }
    REQUIRE(wrong == 0);
    REQUIRE(dx.guards_are_whole());
  }
}
