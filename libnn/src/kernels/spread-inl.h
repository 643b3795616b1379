// Spreading an image into planes (kernels/conv2d_image.h says what they are).
// Included once per target, inside no namespace.

#if defined(NN_SRC_KERNELS_SPREAD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NN_SRC_KERNELS_SPREAD_INL_H_
#undef NN_SRC_KERNELS_SPREAD_INL_H_
#else
#define NN_SRC_KERNELS_SPREAD_INL_H_
#endif

#include <hwy/highway.h>

#include <cstring>
#include <type_traits>

#include "kernels/spread.h"
#include "kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nn::kernels {
namespace HWY_NAMESPACE {

// For short rows: half of a vector, but two lanes at least where there are two.
template <typename T>
constexpr int kHalf = HWY_MAX(kLanes<T> / 2, HWY_MIN(kLanes<T>, 2));
template <typename T>
using HalfTag = hn::CappedTag<T, kHalf<T>>;

// The image in its frame of zeros; what the frame cuts off is left out.
template <typename T>
void pad_image(const Spread& s, const T* x, T* out) {
  const Tag<T> d;
  constexpr Index lanes = kLanes<T>;
  const Index rows = s.padded_height();
  const Index cols = s.padded_width();
  // Columns of the frame that the image covers: w = col - pad_w.
  const Index first = HWY_MAX(Index{0}, s.pad_w);
  const Index last = HWY_MIN(cols, s.width + s.pad_w);
  const Index count = last - first;
  const T* x_end = x + s.channels * s.height * s.width;
  std::memset(static_cast<void*>(out),
              0,
              static_cast<size_t>(s.channels * rows * cols) * sizeof(T));
  if (count <= 0) return;
  const auto tail_mask = hn::FirstN(d, static_cast<size_t>(count % lanes));
  for (Index c = 0; c < s.channels; ++c) {
    for (Index row = 0; row < rows; ++row) {
      const Index h = row - s.pad_h;
      if (h < 0 || h >= s.height) continue;
      const T* in = x + (c * s.height + h) * s.width + (first - s.pad_w);
      T* o = out + (c * rows + row) * cols + first;
      Index i = 0;
      for (; i + lanes <= count; i += lanes) {
        hn::StoreU(hn::LoadU(d, in + i), d, o + i);
      }
      if (i == count) continue;
      if (in + i + lanes <= x_end) {
        // Zeros go on past the row: over its right frame and into rows that
        // come later.
        hn::StoreU(
            hn::IfThenElseZero(tail_mask, hn::LoadU(d, in + i)), d, o + i);
      } else {
        for (; i < count; ++i) o[i] = in[i];
      }
    }
  }
}

// One plane of a padded channel, whose first pixel for this plane is at `in`.
// load(in) is a vector of pixels that are stride_w apart. A vector's store past
// the end of a row is overwritten by the next row, which follows in memory.
template <class D, typename T, class Load>
HWY_INLINE void spread_plane(
    D d, const Spread& s, const T* in, T* out, const Load& load) {
  const Index lanes = static_cast<Index>(hn::MaxLanes(d));
  const Index rows = s.padded_height();
  const Index row_step = s.stride_h * s.padded_width();
  const Index width = s.out_width;
  for (Index phase = 0; phase < HWY_MIN(s.stride_h, rows); ++phase) {
    const T* row = in + phase * s.padded_width();
    for (Index i = phase; i < rows; i += s.stride_h) {
      hn::StoreU(load(row), d, out);
      for (Index ow = lanes; ow < width; ow += lanes) {
        hn::StoreU(load(row + ow * s.stride_w), d, out + ow);
      }
      row += row_step;
      out += width;
    }
  }
}

// All planes, by vectors of D.
template <class D, typename T>
void spread_by(D d, const Spread& s, const T* padded, T* planes) {
  for (Index c = 0; c < s.channels; ++c) {
    const T* channel = padded + c * s.padded_height() * s.padded_width();
    for (Index kw = 0; kw < s.kernel_w; ++kw) {
      const T* in = channel + kw * s.dilation_w;
      if (s.stride_w == 1) {
        spread_plane(d, s, in, planes, [d](const T* p) HWY_ATTR {
          return hn::LoadU(d, p);
        });
#if HWY_TARGET != HWY_SCALAR
      } else if (s.stride_w == 2) {
        spread_plane(d, s, in, planes, [d](const T* p) HWY_ATTR {
          const auto lanes = hn::MaxLanes(d);
          return hn::ConcatEven(d, hn::LoadU(d, p + lanes), hn::LoadU(d, p));
        });
#endif
      } else {
        const SingleTag<T> single;
        spread_plane(single, s, in, planes, [single](const T* p) HWY_ATTR {
          return hn::LoadU(single, p);
        });
      }
      planes += s.plane();
    }
  }
}

// Images whose rows fit a vector need no frame: every plane loads them from
// the image, and a permutation puts their pixels in place.
template <class D, class DOut, typename T>
void spread_short_rows(
    D d, DOut d_out, const Spread& s, const T* x, T* planes) {
  using Lane = hwy::MakeSigned<T>;
  const hn::RebindToSigned<D> d_lane;
  const auto lane = [d_lane](Index i) HWY_ATTR {
    return hn::Set(d_lane, static_cast<Lane>(i));
  };
  HWY_ALIGN Lane steps[hn::MaxLanes(d)];
  for (Index ow = 0; ow < static_cast<Index>(hn::MaxLanes(d)); ++ow) {
    steps[ow] = static_cast<Lane>(ow * s.stride_w);
  }
  const auto in_row = hn::FirstN(d, static_cast<size_t>(s.width));
  // Rows of the frame that the image covers: from `top` to `bottom` - 1.
  const Index rows = s.padded_height();
  const Index top = HWY_MIN(rows, s.pad_h);
  const Index bottom = HWY_MIN(rows, s.pad_h + s.height);
  // Copies, which the compiler need not read again after every store.
  const Index step = s.stride_h;
  const Index row_step = step * s.width;
  const Index out_width = s.out_width;
  const auto put = [&](hn::Vec<D> row) HWY_ATTR {
    if constexpr (std::is_same_v<D, DOut>) {
      hn::StoreU(row, d_out, planes);
    } else {
      hn::StoreU(hn::LowerHalf(d_out, row), d_out, planes);
    }
    planes += out_width;
  };
  for (Index c = 0; c < s.channels; ++c) {
    const T* channel = x + c * s.height * s.width;
    for (Index kw = 0; kw < s.kernel_w; ++kw) {
      const auto column =
          hn::Add(hn::Load(d_lane, steps), lane(kw * s.dilation_w - s.pad_w));
      const auto in_image =
          hn::And(hn::Gt(column, lane(-1)), hn::Lt(column, lane(s.width)));
      const auto from =
          hn::IndicesFromVec(d, hn::IfThenElseZero(in_image, column));
      const auto keep = hn::RebindMask(d, in_image);
      for (Index phase = 0; phase < HWY_MIN(step, rows); ++phase) {
        Index i = phase;
        for (; i < top; i += step) put(hn::Zero(d));
        const T* in = channel + (i - s.pad_h) * s.width;
        for (; i < bottom; i += step) {
          const auto row = hn::MaskedLoad(in_row, d, in);
          put(hn::IfThenElseZero(keep, hn::TableLookupLanes(row, from)));
          in += row_step;
        }
        for (; i < rows; i += step) put(hn::Zero(d));
      }
    }
  }
}

template <typename T>
void spread(const Spread& s, const T* x, T* padded, T* planes) {
  if (s.is_padded_image()) {
    pad_image(s, x, planes);
    return;
  }
  const Index half = kHalf<T>;
  if (kMaskedLoads && HWY_MAX(s.width, s.out_width) <= kLanes<T>) {
    if (s.width <= half && s.out_width <= half) {
      spread_short_rows(HalfTag<T>(), HalfTag<T>(), s, x, planes);
    } else if (s.out_width <= half) {
      spread_short_rows(Tag<T>(), HalfTag<T>(), s, x, planes);
    } else {
      spread_short_rows(Tag<T>(), Tag<T>(), s, x, planes);
    }
    return;
  }
  pad_image(s, x, padded);
  // Stores of a whole vector for a short row would mostly straddle two cache
  // lines.
  if (s.out_width > half) {
    spread_by(Tag<T>(), s, padded, planes);
  } else {
    spread_by(HalfTag<T>(), s, padded, planes);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace nn::kernels
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
