#ifndef NN_SRC_KERNELS_AVERAGE_POOLING_H_
#define NN_SRC_KERNELS_AVERAGE_POOLING_H_

#include <cstddef>

#include "kernels/geometry.h"
#include "kernels/scratch.h"

namespace nn::kernels {

/// The sizes of average pooling of one image, with pad_h rows and pad_w columns
/// of zeros on each side, each at most half of the window.
struct AveragePoolGeometry {
  Index channels = 0;
  Index height = 0;
  Index width = 0;
  Index window_h = 0;
  Index window_w = 0;
  Index stride_h = 1;
  Index stride_w = 1;
  Index pad_h = 0;
  Index pad_w = 0;
  /// Whether the zeros count as elements of a window when its sum is divided.
  bool count_padding = true;

  Index out_height() const {
    return (height + 2 * pad_h - window_h) / stride_h + 1;
  }
  Index out_width() const {
    return (width + 2 * pad_w - window_w) / stride_w + 1;
  }
};

// Both passes go over planes (an image's channel), `planes` of them, on up to
// scratch.workers threads. Results do not depend on the number of threads.
// Inside of a plane, a window's rows are added up first, over the whole width
// at once, and then the columns of that sum: kh + kw additions instead of
// kh * kw, and all but the last in whole vectors.

/// What the passes want to write into.
template <typename T>
ScratchNeeds average_pool_scratch(const AveragePoolGeometry& g);

/// y (planes x OH*OW) from x (planes x H*W).
/// Reference: average_pool_reference().
template <typename T>
void average_pool(const AveragePoolGeometry& g,
                  Index planes,
                  const T* x,
                  T* y,
                  const Scratch& scratch);

/// Overwrites dx (planes x H*W).
/// Reference: average_pool_backward_reference().
template <typename T>
void average_pool_backward(const AveragePoolGeometry& g,
                           Index planes,
                           const T* dy,
                           T* dx,
                           const Scratch& scratch);

/// y(i) = the mean of the `size` elements of plane i.
template <typename T>
void plane_means(Index planes, Index size, const T* x, T* y);

/// Its gradient: every element of plane i of dx is dy(i) / size.
template <typename T>
void plane_means_backward(Index planes, Index size, const T* dy, T* dx);

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_AVERAGE_POOLING_H_
