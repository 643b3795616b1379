#include "support/convolution.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/grouped_conv2d.h"
#include "support/catch.h"
#include "support/guarded.h"
#include "support/kernel_reference.h"
#include "support/kernel_scratch.h"

namespace nn_test {

using nn::Index;
using nn::kernels::ConvGeometry;

Index draw(nn::Rng& rng, Index low, Index high) {
  return low + rng.index(high - low + 1);
}

ConvCase random_convolution(nn::Rng& rng, Index most_groups) {
  for (;;) {
    ConvCase c;
    ConvGeometry& g = c.geometry;
    g.groups = draw(rng, 1, most_groups);
    g.in_channels = g.groups * draw(rng, 1, g.groups > 1 ? 3 : 6);
    g.height = draw(rng, 1, 20);
    g.width = draw(rng, 1, 20);
    g.kernel_h = draw(rng, 1, 6);
    g.kernel_w = draw(rng, 1, 6);
    g.stride_h = draw(rng, 1, 3);
    g.stride_w = draw(rng, 1, 3);
    // Half of them are not dilated.
    g.dilation_h = std::max<Index>(1, draw(rng, -1, 3));
    g.dilation_w = std::max<Index>(1, draw(rng, -1, 3));
    g.pad_h = draw(rng, 0, g.kernel_h);
    g.pad_w = draw(rng, 0, g.kernel_w);
    if (g.span_h() > g.height + 2 * g.pad_h ||
        g.span_w() > g.width + 2 * g.pad_w) {
      continue;
    }
    c.relu = rng.index(2) == 0;
    c.batch = draw(rng, 1, 9);
    const Index pooling = rng.index(3);
    if (pooling > 0) {
      c.pool = {0, g.out_height(), g.out_width(), 2, 2, 2, 2};
      if (pooling == 2) {
        c.pool.window_h = draw(rng, 1, 3);
        c.pool.window_w = draw(rng, 1, 3);
        c.pool.stride_h = draw(rng, 1, 3);
        c.pool.stride_w = draw(rng, 1, 3);
      }
      c.has_pool =
          c.pool.window_h <= c.pool.height && c.pool.window_w <= c.pool.width;
    }
    c.set_out_channels(g.groups * draw(rng, 1, 20 / g.groups));
    return c;
  }
}

template <typename T>
double difference_from_reference(const ConvCase& c, nn::Rng& rng) {
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
          g.pad_w,
          g.dilation_h,
          g.dilation_w,
          g.groups);
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

  KernelScratch forward_scratch(
      nn::kernels::grouped_conv2d_forward_scratch<T>(g, c.epilogue(), c.batch));
  nn::kernels::grouped_conv2d_forward<T>({g,
                                          c.epilogue(),
                                          c.batch,
                                          x.data(),
                                          weight.data(),
                                          bias.data(),
                                          y.data(),
                                          argmax.data()},
                                         forward_scratch);
  nn_test::conv2d_forward_reference<T>({g,
                                        c.epilogue(),
                                        c.batch,
                                        x.data(),
                                        weight.data(),
                                        bias.data(),
                                        y_ref.data(),
                                        argmax_ref.data()});

  KernelScratch backward_scratch(
      nn::kernels::grouped_conv2d_backward_scratch<T>(
          g, c.epilogue(), c.batch));
  // From the reference's output, so that a rounding difference in the forward
  // pass cannot send a gradient elsewhere.
  nn::kernels::grouped_conv2d_backward<T>({g,
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
                                          backward_scratch);
  nn_test::conv2d_backward_reference<T>({g,
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
  nn_test::conv2d_backward_reference<T>({g,
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
  return std::max(
      {relative_difference(y.data(), y_ref.data(), out),
       relative_difference(dx.data(), dx_ref.data(), in, dx_size.data()),
       relative_difference(
           dweight.data(), dweight_ref.data(), weights, dweight_size.data()),
       relative_difference(
           dbias.data(), dbias_ref.data(), g.out_channels, dbias_size.data())});
}

template double difference_from_reference<float>(const ConvCase&, nn::Rng&);
template double difference_from_reference<double>(const ConvCase&, nn::Rng&);

}  // namespace nn_test
