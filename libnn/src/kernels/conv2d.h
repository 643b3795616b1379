#ifndef NN_SRC_KERNELS_CONV2D_H_
#define NN_SRC_KERNELS_CONV2D_H_

#include <cstddef>
#include <cstdint>

#include "kernels/geometry.h"
#include "kernels/scratch.h"

namespace nn::kernels {

/// What may follow a convolution and is then done image by image, while the
/// convolution's output is still in cache.
struct ConvEpilogue {
  bool relu = false;
  const PoolGeometry* pool = nullptr;  ///< over the convolution's output
};

/// The elements of a sample of y.
inline Index out_features(const ConvGeometry& geometry,
                          const ConvEpilogue& epilogue) {
  return epilogue.pool ? epilogue.pool->out_features()
                       : geometry.out_features();
}

/// y = epilogue(conv(x, weight) + bias) for a batch.
template <typename T>
struct ConvForwardArgs {
  ConvGeometry geometry;
  ConvEpilogue epilogue;
  Index batch;
  const T* x;       ///< in_features x batch
  const T* weight;  ///< K x O
  const T* bias;    ///< O
  T* y;             ///< out_features x batch, of the pool if there is one
  /// With a pool: where each winner stands in its window, kh * window_w + kw;
  /// one byte per element of y. May be null in inference.
  std::uint8_t* argmax;
  /// From one sample to the next; 0 means that they follow each other.
  Index x_stride = 0;
  Index y_stride = 0;

  Index x_step() const { return x_stride ? x_stride : geometry.in_features(); }
  Index y_step() const {
    return y_stride ? y_stride : out_features(geometry, epilogue);
  }
};

/// The gradients of the same.
template <typename T>
struct ConvBackwardArgs {
  ConvGeometry geometry;
  ConvEpilogue epilogue;
  Index batch;
  const T* x;
  const T* weight;
  const T* y;   ///< what the forward pass wrote; read if there is a ReLU
  const T* dy;  ///< same size as y
  const std::uint8_t* argmax;
  T* dx;       ///< or null: not wanted
  T* dweight;  ///< K x O, overwritten
  T* dbias;    ///< O, overwritten
  /// From one sample to the next in x and dx, and in y, dy and argmax; 0 means
  /// that they follow each other.
  Index x_stride = 0;
  Index y_stride = 0;

  Index x_step() const { return x_stride ? x_stride : geometry.in_features(); }
  Index y_step() const {
    return y_stride ? y_stride : out_features(geometry, epilogue);
  }
};

/// The gradient by the convolution's output, `count` elements, from dy, that by
/// the epilogue's, of which `pool` may be null; and so may `relu_output`, what
/// the forward pass wrote, where there is no ReLU. For whole images or channels
/// of them.
template <typename T>
void epilogue_gradient(const PoolGeometry* pool,
                       const T* relu_output,
                       const T* dy,
                       const std::uint8_t* argmax,
                       Index count,
                       T* out);

/// A smaller batch needs no more than a larger one.
template <typename T>
ScratchNeeds conv2d_forward_scratch(const ConvGeometry& geometry,
                                    const ConvEpilogue& epilogue,
                                    Index batch);
template <typename T>
ScratchNeeds conv2d_backward_scratch(const ConvGeometry& geometry,
                                     const ConvEpilogue& epilogue,
                                     Index batch);

/// For one group of channels; grouped_conv2d.h takes more.
/// Both run on up to scratch.workers threads, cut by images; results do not
/// depend on the number. References: conv2d_forward_reference() and
/// conv2d_backward_reference().
template <typename T>
void conv2d_forward(const ConvForwardArgs<T>& args, const Scratch& scratch);
template <typename T>
void conv2d_backward(const ConvBackwardArgs<T>& args, const Scratch& scratch);

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_CONV2D_H_
