#ifndef NN_SRC_KERNELS_SPREAD_H_
#define NN_SRC_KERNELS_SPREAD_H_

#include <algorithm>

#include "kernels/geometry.h"

namespace nn::kernels {

/// How an image is spread into planes (kernels/conv2d_image.h draws them).
struct Spread {
  Index channels;
  Index height;  ///< of the image
  Index width;
  Index kernel_h;
  Index kernel_w;
  Index stride_h;
  Index stride_w;
  Index pad_h;  ///< may be negative: then the image is cropped
  Index pad_w;
  Index dilation_h;
  Index dilation_w;
  Index out_height;
  Index out_width;

  Index pixels() const { return out_height * out_width; }
  Index taps() const { return channels * kernel_h * kernel_w; }
  /// What the taps see of the padded image.
  Index padded_height() const {
    return (out_height - 1) * stride_h + (kernel_h - 1) * dilation_h + 1;
  }
  Index padded_width() const {
    return (out_width - 1) * stride_w + (kernel_w - 1) * dilation_w + 1;
  }
  Index plane() const { return padded_height() * out_width; }
  Index padded_size() const {
    return channels * padded_height() * padded_width();
  }
  Index size() const { return channels * kernel_w * plane(); }
  /// With one tap column and stride 1, the planes are the padded image.
  bool is_padded_image() const {
    return kernel_w == 1 && stride_w == 1 && stride_h == 1;
  }
  /// Where padded row `row` lies in a plane: rows are sorted by row mod
  /// stride_h, and phase r has ceil((padded_height - r) / stride_h) of them.
  Index row_in_plane(Index row) const {
    const Index phase = row % stride_h;
    Index place = row / stride_h;
    for (Index r = 0; r < phase; ++r) {
      place += (padded_height() - r + stride_h - 1) / stride_h;
    }
    return place;
  }
};

/// The convolution itself.
inline Spread spread_of_input(const ConvGeometry& g) {
  return {g.in_channels,
          g.height,
          g.width,
          g.kernel_h,
          g.kernel_w,
          g.stride_h,
          g.stride_w,
          g.pad_h,
          g.pad_w,
          g.dilation_h,
          g.dilation_w,
          g.out_height(),
          g.out_width()};
}

/// Where the run of tap k = (c, kh, kw) starts in the planes.
inline void fill_offsets(const Spread& s, Index* offsets) {
  for (Index c = 0; c < s.channels; ++c) {
    for (Index kh = 0; kh < s.kernel_h; ++kh) {
      const Index row = s.row_in_plane(kh * s.dilation_h);
      for (Index kw = 0; kw < s.kernel_w; ++kw) {
        *offsets++ = (c * s.kernel_w + kw) * s.plane() + row * s.out_width;
      }
    }
  }
}

/// One direction, rows or columns, of a convolution's input gradient
/// (docs/math/conv2d.md, (9)). Pixels of x that are `stride` apart form a
/// phase, stride * i + j in phase j, and see the same taps k: those that meet
/// it, each at the place i + shift(j, k) of dy.
struct GradientAxis {
  Index size;  ///< of x
  Index kernel;
  Index stride;
  Index pad;
  Index dilation;
  Index lowest = 0;  ///< shifts; 0 and 0 if no tap meets any phase
  Index highest = 0;

  GradientAxis(Index size_in,
               Index kernel_in,
               Index stride_in,
               Index pad_in,
               Index dilation_in)
      : size(size_in),
        kernel(kernel_in),
        stride(stride_in),
        pad(pad_in),
        dilation(dilation_in) {
    bool first = true;
    for (Index j = 0; j < phases(); ++j) {
      for (Index k = 0; k < kernel; ++k) {
        if (!meets(j, k)) continue;
        lowest = first ? shift(j, k) : std::min(lowest, shift(j, k));
        highest = first ? shift(j, k) : std::max(highest, shift(j, k));
        first = false;
      }
    }
  }

  Index phases() const { return std::min(stride, size); }
  Index pixels(Index phase) const {
    return (size - phase + stride - 1) / stride;
  }
  bool meets(Index phase, Index tap) const {
    return (phase + pad - tap * dilation) % stride == 0;
  }
  Index shift(Index phase, Index tap) const {
    return (phase + pad - tap * dilation) / stride;
  }
  Index taps(Index phase) const {
    Index count = 0;
    for (Index k = 0; k < kernel; ++k) count += meets(phase, k) ? 1 : 0;
    return count;
  }
  /// All shifts are a multiple of it above the lowest.
  Index step() const { return dilation % stride == 0 ? dilation / stride : 1; }
  /// Shifts from the lowest to the highest.
  Index shifts() const { return (highest - lowest) / step() + 1; }
};

/// The pixels of x that are stride_h and stride_w apart: their gradient is a
/// convolution of dy at stride 1, by the taps that meet both of the phases.
struct GradientPhase {
  Index taps;         ///< of all channels of dy
  Index first_tap;    ///< taps of the phases before
  Index pixels;       ///< of a channel, in rows of InputGradient::width()
  Index first_pixel;  ///< of the block that it fills, of all channels of x
};

/// How the gradient by a convolution's input is computed. dy is spread once,
/// with a plane for every shift, for all phases. At stride 1 there is one
/// phase, and its kernel is the flipped one.
struct InputGradient {
  Index in_channels;
  Index out_channels;
  GradientAxis rows;
  GradientAxis columns;
  Spread spread;

  explicit InputGradient(const ConvGeometry& g)
      : in_channels(g.in_channels),
        out_channels(g.out_channels),
        rows(g.height, g.kernel_h, g.stride_h, g.pad_h, g.dilation_h),
        columns(g.width, g.kernel_w, g.stride_w, g.pad_w, g.dilation_w),
        spread{g.out_channels,
               g.out_height(),
               g.out_width(),
               rows.shifts(),
               columns.shifts(),
               1,
               1,
               -rows.lowest,
               -columns.lowest,
               rows.step(),
               columns.step(),
               rows.pixels(0),
               columns.pixels(0)} {}

  Index phases() const { return rows.phases() * columns.phases(); }
  /// Of the rows of every phase; those of the last ones may have a pixel less.
  Index width() const { return columns.pixels(0); }
  /// Of the blocks of all phases.
  Index size() const {
    return in_channels * rows.size * columns.phases() * width();
  }

  /// Writes phases(): rows outside, columns inside.
  void fill_phases(GradientPhase* phases) const {
    Index first_tap = 0;
    Index first_pixel = 0;
    for (Index r = 0; r < rows.phases(); ++r) {
      for (Index c = 0; c < columns.phases(); ++c) {
        const Index taps = out_channels * rows.taps(r) * columns.taps(c);
        const Index pixels = rows.pixels(r) * width();
        *phases++ = {taps, first_tap, pixels, first_pixel};
        first_tap += taps;
        first_pixel += in_channels * pixels;
      }
    }
  }

  /// For the taps of all phases, one phase after the other, and in a phase in
  /// the order in which the planes lie: where the tap's run starts in them, and
  /// which weight of channel 0 of x it has. At most out_channels * kernel_h *
  /// kernel_w of them.
  void fill_taps(Index* offsets, Index* weights) const {
    const Index area = rows.kernel * columns.kernel;
    for (Index r = 0; r < rows.phases(); ++r) {
      for (Index c = 0; c < columns.phases(); ++c) {
        const Index taps = fill_taps_of_channel(r, c, offsets, weights);
        for (Index i = taps; i < taps * out_channels; ++i) {
          offsets[i] = offsets[i - taps] + spread.kernel_w * spread.plane();
          weights[i] = weights[i - taps] + in_channels * area;
        }
        offsets += taps * out_channels;
        weights += taps * out_channels;
      }
    }
  }

 private:
  Index fill_taps_of_channel(Index row_phase,
                             Index column_phase,
                             Index* offsets,
                             Index* weights) const {
    Index taps = 0;
    for (Index kh = rows.kernel - 1; kh >= 0; --kh) {
      if (!rows.meets(row_phase, kh)) continue;
      const Index row = rows.shift(row_phase, kh) - rows.lowest;
      for (Index kw = columns.kernel - 1; kw >= 0; --kw) {
        if (!columns.meets(column_phase, kw)) continue;
        const Index plane =
            (columns.shift(column_phase, kw) - columns.lowest) / columns.step();
        offsets[taps] = plane * spread.plane() + row * spread.out_width;
        weights[taps++] = kh * columns.kernel + kw;
      }
    }
    return taps;
  }
};

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_SPREAD_H_
