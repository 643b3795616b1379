#include "support/convolution.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/reference.h"
#include "nn/buffer.h"
#include "support/catch.h"
#include "support/guarded.h"

namespace nn_test {

using nn::Index;
using nn::kernels::ConvGeometry;

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
