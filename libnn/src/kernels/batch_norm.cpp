#include "kernels/batch_norm.h"

#include <algorithm>

#include "kernels/dispatch.h"
#include "kernels/row_tiling.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/batch_norm.cpp"
#include <hwy/foreach_target.h>
// Must come after foreach_target.h.
#include "kernels/entry-inl.h"
#include "kernels/row_loops-inl.h"

#ifndef NN_SRC_KERNELS_BATCH_NORM_TYPES
#define NN_SRC_KERNELS_BATCH_NORM_TYPES
namespace nn::kernels {

// The serial loops, as one target provides them. Arguments that hold a number
// for each row or column are named so.
template <typename T>
struct BatchNormTable {
  // sums[row] = sum of x.
  void (*row_sums)(const MatrixTile& tile, const T* x, T* sums);
  // sums[row] = sum of (x - mean[row])^2.
  void (*row_squares)(const MatrixTile& tile,
                      const T* x,
                      const T* row_mean,
                      T* sums);
  // y = (x - mean[row]) * scale[row] + shift[row].
  void (*row_affine)(const MatrixTile& tile,
                     const T* x,
                     const T* row_mean,
                     const T* row_scale,
                     const T* row_shift,
                     T* y);
  // sums[row] = sum of dy, weighted[row] = sum of dy * (x - mean[row]).
  void (*row_gradients)(const MatrixTile& tile,
                        const T* x,
                        const T* dy,
                        const T* row_mean,
                        T* sums,
                        T* weighted);
  // dx = scale[row] * (dy - mean_dy[row] + slope[row] * (x - mean[row])).
  void (*row_input_gradient)(const MatrixTile& tile,
                             const T* x,
                             const T* dy,
                             const T* row_mean,
                             const T* row_scale,
                             const T* row_mean_dy,
                             const T* row_slope,
                             T* dx);
  // The sum of a column.
  T (*sum)(const T* x, Index count);
};

}  // namespace nn::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace nn::kernels {
namespace HWY_NAMESPACE {
namespace {

// All loops go along the rows of a tile: row_tiling.h says why.
template <typename T>
void row_sums(const MatrixTile& tile, const T* x, T* sums) {
  for_rows<T>(tile.rows, [&](auto ops, Index i) HWY_ATTR {
    using Ops = decltype(ops);
    auto sum = Ops::set(T(0));
    const T* p = x + i;
    for (Index n = 0; n < tile.cols; ++n, p += tile.stride) {
      sum = Ops::add(sum, Ops::load(p));
    }
    Ops::store(sum, sums + i);
  });
}

template <typename T>
void row_squares(const MatrixTile& tile,
                 const T* x,
                 const T* row_mean,
                 T* sums) {
  for_rows<T>(tile.rows, [&](auto ops, Index i) HWY_ATTR {
    using Ops = decltype(ops);
    const auto mean = Ops::load(row_mean + i);
    auto sum = Ops::set(T(0));
    const T* p = x + i;
    for (Index n = 0; n < tile.cols; ++n, p += tile.stride) {
      const auto v = Ops::sub(Ops::load(p), mean);
      sum = Ops::mul_add(v, v, sum);
    }
    Ops::store(sum, sums + i);
  });
}

template <typename T>
void row_affine(const MatrixTile& tile,
                const T* x,
                const T* row_mean,
                const T* row_scale,
                const T* row_shift,
                T* y) {
  for (Index n = 0; n < tile.cols; ++n, x += tile.stride, y += tile.stride) {
    for_rows<T>(tile.rows, [&](auto ops, Index i) HWY_ATTR {
      using Ops = decltype(ops);
      const auto v = Ops::sub(Ops::load(x + i), Ops::load(row_mean + i));
      Ops::store(
          Ops::mul_add(v, Ops::load(row_scale + i), Ops::load(row_shift + i)),
          y + i);
    });
  }
}

template <typename T>
void row_gradients(const MatrixTile& tile,
                   const T* x,
                   const T* dy,
                   const T* row_mean,
                   T* sums,
                   T* weighted) {
  for_rows<T>(tile.rows, [&](auto ops, Index i) HWY_ATTR {
    using Ops = decltype(ops);
    const auto mean = Ops::load(row_mean + i);
    auto sum = Ops::set(T(0));
    auto weighted_sum = Ops::set(T(0));
    Index at = i;
    for (Index n = 0; n < tile.cols; ++n, at += tile.stride) {
      const auto g = Ops::load(dy + at);
      sum = Ops::add(sum, g);
      weighted_sum =
          Ops::mul_add(g, Ops::sub(Ops::load(x + at), mean), weighted_sum);
    }
    Ops::store(sum, sums + i);
    Ops::store(weighted_sum, weighted + i);
  });
}

template <typename T>
void row_input_gradient(const MatrixTile& tile,
                        const T* x,
                        const T* dy,
                        const T* row_mean,
                        const T* row_scale,
                        const T* row_mean_dy,
                        const T* row_slope,
                        T* dx) {
  for (Index n = 0; n < tile.cols; ++n) {
    const Index column = n * tile.stride;
    for_rows<T>(tile.rows, [&](auto ops, Index i) HWY_ATTR {
      using Ops = decltype(ops);
      const auto v =
          Ops::sub(Ops::load(x + column + i), Ops::load(row_mean + i));
      const auto g =
          Ops::sub(Ops::load(dy + column + i), Ops::load(row_mean_dy + i));
      Ops::store(Ops::mul(Ops::load(row_scale + i),
                          Ops::mul_add(v, Ops::load(row_slope + i), g)),
                 dx + column + i);
    });
  }
}

template <typename T>
const BatchNormTable<T>& table() {
  static constexpr BatchNormTable<T> kTable{kEntry<row_sums<T>>,
                                            kEntry<row_squares<T>>,
                                            kEntry<row_affine<T>>,
                                            kEntry<row_gradients<T>>,
                                            kEntry<row_input_gradient<T>>,
                                            kEntry<sum<T>>};
  return kTable;
}
NN_EXPORT_TABLES(BatchNormTable)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nn::kernels {
namespace {

NN_CHOOSE_TABLES(BatchNormTable)

// A number a channel, repeated for every row of the tile.
template <typename T>
void expand(const Tiling::Place& p, const T* values, T* rows) {
  if (p.channel_pixels == 1) {
    std::copy_n(values + p.channel, p.channels, rows);
    return;
  }
  for (Index c = 0; c < p.channels; ++c) {
    std::fill_n(
        rows + c * p.channel_pixels, p.channel_pixels, values[p.channel + c]);
  }
}

// The sum of the rows of each channel: out[c] for the tile's channels.
template <typename T>
void fold(const Tiling::Place& p, const T* rows, T* out) {
  if (p.channel_pixels == 1) {
    std::copy_n(rows, p.channels, out);
    return;
  }
  for (Index c = 0; c < p.channels; ++c) {
    out[c] = table<T>().sum(rows + c * p.channel_pixels, p.channel_pixels);
  }
}

}  // namespace

template <typename T>
std::size_t channel_scratch_bytes(const ChannelGeometry& g) {
  return Parts<T>::bytes(Tiling(g), g.channels);
}

template <typename T>
void channel_moments(const ChannelGeometry& g,
                     const T* x,
                     T* mean,
                     T* variance,
                     std::byte* scratch) {
  const Tiling tiling(g);
  const Parts<T> parts(tiling, g.channels, scratch);
  parallel_for(tiling.tiles(), [&](Index t, int) {
    const Tiling::Place p = tiling.place(t);
    T rows[kMaxRows];
    T row_mean[kMaxRows];
    T* part_mean = parts.first + p.part * g.channels;
    T* part_squares = parts.second + p.part * g.channels + p.channel;
    table<T>().row_sums(p.tile, x + p.first, rows);
    fold(p, rows, part_mean + p.channel);
    const auto count = static_cast<T>(p.channel_pixels * p.tile.cols);
    for (Index c = 0; c < p.channels; ++c) part_mean[p.channel + c] /= count;
    expand(p, part_mean, row_mean);
    table<T>().row_squares(p.tile, x + p.first, row_mean, rows);
    fold(p, rows, part_squares);
  });
  // The squares about the common mean are those about the parts' means and what
  // the parts' means are away from it.
  const auto total = static_cast<double>(g.count());
  for_channels(g.channels, [&](Index c) {
    double sum = 0;
    for (Index part = 0; part < tiling.parts(); ++part) {
      sum += static_cast<double>(tiling.part_count(part)) *
             static_cast<double>(parts.first[part * g.channels + c]);
    }
    const double common = sum / total;
    double squares = 0;
    for (Index part = 0; part < tiling.parts(); ++part) {
      const Index i = part * g.channels + c;
      const double away = static_cast<double>(parts.first[i]) - common;
      squares += static_cast<double>(parts.second[i]) +
                 static_cast<double>(tiling.part_count(part)) * away * away;
    }
    mean[c] = static_cast<T>(common);
    variance[c] = static_cast<T>(squares / total);
  });
}

template <typename T>
void channel_affine(const ChannelGeometry& g,
                    const T* x,
                    const T* mean,
                    const T* scale,
                    const T* shift,
                    T* y) {
  const Tiling tiling(g);
  parallel_for(tiling.tiles(), [&](Index t, int) {
    const Tiling::Place p = tiling.place(t);
    T rows[3][kMaxRows];
    expand(p, mean, rows[0]);
    expand(p, scale, rows[1]);
    expand(p, shift, rows[2]);
    table<T>().row_affine(
        p.tile, x + p.first, rows[0], rows[1], rows[2], y + p.first);
  });
}

template <typename T>
void channel_gradients(const ChannelGeometry& g,
                       const T* x,
                       const T* dy,
                       const T* mean,
                       T* sum,
                       T* weighted_sum,
                       std::byte* scratch) {
  const Tiling tiling(g);
  const Parts<T> parts(tiling, g.channels, scratch);
  parallel_for(tiling.tiles(), [&](Index t, int) {
    const Tiling::Place p = tiling.place(t);
    T row_mean[kMaxRows];
    T rows[2][kMaxRows];
    expand(p, mean, row_mean);
    table<T>().row_gradients(
        p.tile, x + p.first, dy + p.first, row_mean, rows[0], rows[1]);
    const Index i = p.part * g.channels + p.channel;
    fold(p, rows[0], parts.first + i);
    fold(p, rows[1], parts.second + i);
  });
  add_parts(tiling, parts, g.channels, sum, weighted_sum);
}

template <typename T>
void channel_input_gradient(const ChannelGeometry& g,
                            const T* x,
                            const T* dy,
                            const T* mean,
                            const T* scale,
                            const T* mean_dy,
                            const T* slope,
                            T* dx) {
  const Tiling tiling(g);
  parallel_for(tiling.tiles(), [&](Index t, int) {
    const Tiling::Place p = tiling.place(t);
    T rows[4][kMaxRows];
    expand(p, mean, rows[0]);
    expand(p, scale, rows[1]);
    expand(p, mean_dy, rows[2]);
    expand(p, slope, rows[3]);
    table<T>().row_input_gradient(p.tile,
                                  x + p.first,
                                  dy + p.first,
                                  rows[0],
                                  rows[1],
                                  rows[2],
                                  rows[3],
                                  dx + p.first);
  });
}

#define NN_INSTANTIATE(T)                                                  \
  template std::size_t channel_scratch_bytes<T>(const ChannelGeometry&);   \
  template void channel_moments<T>(                                        \
      const ChannelGeometry&, const T*, T*, T*, std::byte*);               \
  template void channel_affine<T>(                                         \
      const ChannelGeometry&, const T*, const T*, const T*, const T*, T*); \
  template void channel_gradients<T>(const ChannelGeometry&,               \
                                     const T*,                             \
                                     const T*,                             \
                                     const T*,                             \
                                     T*,                                   \
                                     T*,                                   \
                                     std::byte*);                          \
  template void channel_input_gradient<T>(const ChannelGeometry&,          \
                                          const T*,                        \
                                          const T*,                        \
                                          const T*,                        \
                                          const T*,                        \
                                          const T*,                        \
                                          const T*,                        \
                                          T*);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn::kernels
#endif  // HWY_ONCE
