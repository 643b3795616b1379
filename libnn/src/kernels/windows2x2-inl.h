// The walk over windows of 2 x 2 side by side, as most networks pool them, and
// the way back. Included once per target, inside no namespace.
//
// Rows are short against a vector: reading goes on into the next row, and what
// is written past the end of this one is overwritten by it. So rows are written
// one after the other, and where no next row is, by way of the stack.

#if defined(NN_SRC_KERNELS_WINDOWS2X2_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NN_SRC_KERNELS_WINDOWS2X2_INL_H_
#undef NN_SRC_KERNELS_WINDOWS2X2_INL_H_
#else
#define NN_SRC_KERNELS_WINDOWS2X2_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>

#include "kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nn::kernels {
namespace HWY_NAMESPACE {

/// Calls body(first, count, left, right, left_below, right_below) for vectors
/// of windows, in their order: lane i < count has those of window first + i.
template <typename T, class Body>
HWY_INLINE void for_each_2x2(
    Index planes, Index height, Index width, const T* x, const Body& body) {
  const Tag<T> d;
  constexpr Index lanes = kLanes<T>;
  const Index cols = width / 2;
  const T* end = x + planes * height * width;
  Index first = 0;
  for (Index plane = 0; plane < planes; ++plane) {
    for (Index row = 0; row < height / 2; ++row) {
      const T* top = x + (plane * height + 2 * row) * width;
      for (Index col = 0; col < cols; col += lanes) {
        const Index count = HWY_MIN(lanes, cols - col);
        const T* above = top + 2 * col;
        const T* below = above + width;
        HWY_ALIGN T edge[2][2 * lanes];
        if (below + 2 * lanes > end) {
          for (Index i = 0; i < 2 * lanes; ++i) {
            edge[0][i] = i < 2 * count ? above[i] : T(0);
            edge[1][i] = i < 2 * count ? below[i] : T(0);
          }
          above = edge[0];
          below = edge[1];
        }
        Vec<T> left, right, left_below, right_below;
        hn::LoadInterleaved2(d, above, left, right);
        hn::LoadInterleaved2(d, below, left_below, right_below);
        body(first, count, left, right, left_below, right_below);
        first += count;
      }
    }
  }
}

/// Writes all of dx: for the upper (half = 0) and the lower (1) pixels of the
/// same vectors of windows body(first, count, half, left, right) sets their
/// gradients, the last two arguments. Pixels in no window have none.
template <typename T, class Body>
HWY_INLINE void for_each_half_of_2x2(
    Index planes, Index height, Index width, T* dx, const Body& body) {
  const Tag<T> d;
  constexpr Index lanes = kLanes<T>;
  const Index cols = width / 2;
  const T* end = dx + planes * height * width;
  Index first = 0;
  for (Index plane = 0; plane < planes; ++plane) {
    for (Index row = 0; row < height / 2; ++row, first += cols) {
      for (int half = 0; half < 2; ++half, dx += width) {
        for (Index col = 0; col < cols; col += lanes) {
          const Index count = HWY_MIN(lanes, cols - col);
          Vec<T> left, right;
          body(first + col, count, half, left, right);
          T* out = dx + 2 * col;
          if (out + 2 * lanes <= end) {
            hn::StoreInterleaved2(left, right, d, out);
          } else {
            HWY_ALIGN T pairs[2 * lanes];
            hn::StoreInterleaved2(left, right, d, pairs);
            for (Index i = 0; i < 2 * count; ++i) out[i] = pairs[i];
          }
        }
        if (2 * cols < width) dx[width - 1] = T(0);
      }
    }
    if (height % 2 != 0) {
      std::fill_n(dx, width, T(0));
      dx += width;
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace nn::kernels
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
