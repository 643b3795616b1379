#include "nn/layers/max_pool2d.h"

#include <cstdint>

#include "kernels/pooling.h"
#include "layers/geometry.h"
#include "nn/check.h"
#include "nn/parallel.h"

namespace nn {
namespace {

Shape pool_output_shape(const Shape& in,
                        const Extent& window,
                        const Extent& stride) {
  check_extent("MaxPool2d", "window", window, 1);
  check_extent("MaxPool2d", "stride", stride, 1);
  check_argument(window.height <= in.height && window.width <= in.width,
                 "[MaxPool2d] window ",
                 window,
                 " is larger than the input ",
                 in.channels,
                 "x",
                 in.height,
                 "x",
                 in.width);
  check_argument(window.height * window.width <= 255,
                 "[MaxPool2d] expected a window of at most 255 elements, got ",
                 window);
  return {in.channels,
          (in.height - window.height) / stride.height + 1,
          (in.width - window.width) / stride.width + 1};
}

}  // namespace

template <typename Scalar>
MaxPool2d<Scalar>::MaxPool2d(const Shape& input_shape, Extent window)
    : MaxPool2d(input_shape, window, window) {}

template <typename Scalar>
MaxPool2d<Scalar>::MaxPool2d(const Shape& input_shape,
                             Extent window,
                             Extent stride)
    : Layer<Scalar>(input_shape,
                    pool_output_shape(input_shape, window, stride),
                    kLibraryKind),
      window_(window),
      stride_(stride) {}

template <typename Scalar>
std::string MaxPool2d<Scalar>::describe() const {
  return concat("MaxPool2d(window ", window_, ", stride ", stride_, ")");
}

template <typename Scalar>
Settings MaxPool2d<Scalar>::settings() const {
  Settings settings;
  set_extent(settings, "kernel_size", window_);
  set_extent(settings, "stride", stride_);
  return settings;
}

template <typename Scalar>
MemoryNeeds MaxPool2d<Scalar>::memory_needs(Index batch, Mode mode) const {
  // The winners' places, a byte each.
  if (mode == Mode::kInference) return {};
  return {array_bytes(this->output_shape().features(), batch, 1)};
}

template <typename Scalar>
void MaxPool2d<Scalar>::do_forward(ConstView<Scalar> x,
                                   View<Scalar> y,
                                   Mode mode,
                                   PassMemory memory) const {
  const kernels::PoolGeometry g = geometry_of(*this);
  auto* argmax = mode == Mode::kTraining
                     ? reinterpret_cast<std::uint8_t*>(memory.saved)
                     : nullptr;
  parallel_for(x.cols(), [&](Index n, int) {
    kernels::max_pool_image(g,
                            x.col(n).data(),
                            y.col(n).data(),
                            argmax ? argmax + n * y.rows() : nullptr);
  });
}

template <typename Scalar>
void MaxPool2d<Scalar>::do_backward(ConstView<Scalar> x,
                                    ConstView<Scalar> y,
                                    ConstView<Scalar> dy,
                                    View<Scalar> dx,
                                    PassMemory memory) {
  if (dx.size() == 0) return;
  const kernels::PoolGeometry g = geometry_of(*this);
  const auto* argmax = reinterpret_cast<const std::uint8_t*>(memory.saved);
  parallel_for(x.cols(), [&](Index n, int) {
    kernels::max_pool_backward_image<Scalar>(
        g, dy.col(n).data(), argmax + n * y.rows(), nullptr, dx.col(n).data());
  });
}

template class MaxPool2d<float>;
template class MaxPool2d<double>;

}  // namespace nn
