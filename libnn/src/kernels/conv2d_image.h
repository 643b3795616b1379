#ifndef NN_SRC_KERNELS_CONV2D_IMAGE_H_
#define NN_SRC_KERNELS_CONV2D_IMAGE_H_

#include "kernels/spread.h"

namespace nn::kernels {

// Convolution without an im2col matrix: the work on one image.
//
// The im2col matrix cols (P x K, output pixel fastest) repeats every input
// pixel up to KH * KW times. Here an image is *spread* instead: for every
// channel c and tap column kw there is one plane that holds, for each padded
// input row h, the OW pixels that the taps of that column see in it,
//
//   plane(c, kw)[h][ow] = x(c, h - pad_h,
//                           ow * stride_w + kw * dilation_w - pad_w).
//
// A plane's rows are OW long, so going down one output row is going on by OW
// elements, and column k = (c, kh, kw) of cols is a contiguous run of P
// elements of plane(c, kw) that starts in row kh * dilation_h. For a stride
// above 1 the rows of a plane are sorted by h mod stride_h, which keeps that
// so. The copy costs KW times the image, not KH * KW times, and the taps of a
// column overlap in cache.
//
// With output pixels along the vectors, the register tile then reads cols
// straight out of the planes (at an offset per k) and its result lands in the
// layer's output layout, with nothing to permute:
//
//   forward          Y(P x O)   = cols(P x K) W(K x O)
//   weight gradient  dW(K x O)  = sum over images of cols^T(K x P) dY(P x O);
//                    dY is transposed so that channels lie along the vectors,
//                    and cols is the operand that is broadcast
//   input gradient   the forward pass of other convolutions at stride 1, of dY:
//                    one for the pixels of x in every phase of the stride, by
//                    the taps that meet them. At stride 1 it is one, with the
//                    flipped kernel
//
// docs/math/conv2d.md derives these. Images are independent: each is one
// thread's work from the first copy to the pooled output, while it is in cache.

// Reads and writes go on in whole vectors past the end of spread images and
// scratch matrices: 3 of them, the height of a tile.
constexpr Index kSlackBytes = 3 * 64;

template <typename T>
constexpr Index kSlack = kSlackBytes / static_cast<Index>(sizeof(T));

// Vectors of pixels in a tile: kTileVectors of tile-inl.h.
constexpr Index kTileRows = 3;

template <typename T>
struct ConvKernels {
  Index lanes;
  Index tile_columns;
  // x (one image) to `planes`; `padded` is room for padded_size() + slack.
  void (*spread)(const Spread& s, const T* x, T* padded, T* planes);
  // y(P x columns) = cols * W, + bias per column unless null, ReLU if wanted.
  // Column j of W is weight + j * taps.
  // In passes of `pass_taps`, see channels_of_pass().
  void (*product)(Index pixels,
                  Index taps,
                  Index pass_taps,
                  const T* planes,
                  const Index* offsets,
                  const T* weight,
                  Index columns,
                  const T* bias,
                  bool relu,
                  T* y);
  // Transposes dy (`vectors` * lanes rows of P) into dyt, [P][vectors * lanes].
  void (*transpose)(Index pixels, Index vectors, const T* dy, T* dyt);
  // sums[k][o] += cols^T dY, bias_sums[o] += column sums of dY.
  void (*weight_gradient)(Index pixels,
                          Index taps,
                          Index vectors,
                          const T* planes,
                          const Index* offsets,
                          const T* dyt,
                          T* sums,
                          T* bias_sums);
  // Puts the blocks of an input gradient's phases together to an image.
  void (*join_phases)(const InputGradient& gradient,
                      const GradientPhase* phases,
                      const T* blocks,
                      T* dx);
};

// Those of the chosen instruction set.
template <typename T>
const ConvKernels<T>& conv_kernels();

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_CONV2D_IMAGE_H_
