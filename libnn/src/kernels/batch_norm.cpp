#include "kernels/batch_norm.h"

#include <algorithm>

#include "kernels/dispatch.h"
#include "kernels/row_tiling.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/batch_norm.cpp"
#include <hwy/foreach_target.h>
// Must come after foreach_target.h.
#include "kernels/entry-inl.h"
#include "kernels/vectors-inl.h"

#ifndef NN_SRC_KERNELS_BATCH_NORM_TYPES
#define NN_SRC_KERNELS_BATCH_NORM_TYPES
namespace nn::kernels {

// Arguments of the loops that take every element of a tile to another. Arrays
// other than `x`, `dy` and `out` have a number for each row.
template <typename T>
struct RowMapArgs {
  MatrixTile tile;
  const T* x;
  const T* dy;
  const T* mean;
  const T* scale;
  const T* shift;
  const T* slope;
  T* out;
};

// The serial loops, as one target provides them. Means are those of rows.
template <typename T>
struct BatchNormTable {
  // sums[row] = sum of x.
  void (*row_sums)(const TileSumsArgs<T>& args);
  // sums[row] = sum of (x - mean[row])^2.
  void (*row_squares)(const TileSumsArgs<T>& args);
  // sums[row] = sum of dy, weighted[row] = sum of dy * (x - mean[row]).
  void (*row_gradients)(const TileSumsArgs<T>& args);
  // out = (x - mean[row]) * scale[row] + shift[row].
  void (*row_affine)(const RowMapArgs<T>& args);
  // out = scale[row] * (dy - shift[row] + slope[row] * (x - mean[row])).
  void (*row_input_gradient)(const RowMapArgs<T>& args);
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
void row_sums(const TileSumsArgs<T>& args) {
  for_each_vector<T>(args.tile.rows, [a = args](auto d, Index i) NN_BODY {
    auto sum = hn::Zero(d);
    const T* p = a.x + i;
    for (Index n = 0; n < a.tile.cols; ++n, p += a.tile.stride) {
      sum = hn::Add(sum, hn::LoadU(d, p));
    }
    hn::StoreU(sum, d, a.sums + i);
  });
}

template <typename T>
void row_squares(const TileSumsArgs<T>& args) {
  for_each_vector<T>(args.tile.rows, [a = args](auto d, Index i) NN_BODY {
    const auto mean = hn::LoadU(d, a.mean + i);
    auto sum = hn::Zero(d);
    const T* p = a.x + i;
    for (Index n = 0; n < a.tile.cols; ++n, p += a.tile.stride) {
      const auto v = hn::Sub(hn::LoadU(d, p), mean);
      sum = hn::MulAdd(v, v, sum);
    }
    hn::StoreU(sum, d, a.sums + i);
  });
}

template <typename T>
void row_gradients(const TileSumsArgs<T>& args) {
  for_each_vector<T>(args.tile.rows, [a = args](auto d, Index i) NN_BODY {
    const auto mean = hn::LoadU(d, a.mean + i);
    auto sum = hn::Zero(d);
    auto weighted = sum;
    Index at = i;
    for (Index n = 0; n < a.tile.cols; ++n, at += a.tile.stride) {
      const auto g = hn::LoadU(d, a.dy + at);
      const auto v = hn::Sub(hn::LoadU(d, a.x + at), mean);
      sum = hn::Add(sum, g);
      weighted = hn::MulAdd(g, v, weighted);
    }
    hn::StoreU(sum, d, a.sums + i);
    hn::StoreU(weighted, d, a.weighted + i);
  });
}

// Calls body(d, at, row) for the vectors of a tile: element `at` of the matrix
// is the first of a vector, and `row` is its row.
template <typename T, class Body>
HWY_INLINE void for_each_vector_of(const MatrixTile& tile, const Body& body) {
  for (Index n = 0; n < tile.cols; ++n) {
    const Index column = n * tile.stride;
    for_each_vector<T>(tile.rows, [&](auto d, Index row) NN_BODY {
      body(d, column + row, row);
    });
  }
}

template <typename T>
void row_affine(const RowMapArgs<T>& args) {
  for_each_vector_of<T>(
      args.tile, [a = args](auto d, Index at, Index row) NN_BODY {
        const auto v =
            hn::Sub(hn::LoadU(d, a.x + at), hn::LoadU(d, a.mean + row));
        const auto scaled = hn::MulAdd(
            v, hn::LoadU(d, a.scale + row), hn::LoadU(d, a.shift + row));
        hn::StoreU(scaled, d, a.out + at);
      });
}

template <typename T>
void row_input_gradient(const RowMapArgs<T>& args) {
  for_each_vector_of<T>(
      args.tile, [a = args](auto d, Index at, Index row) NN_BODY {
        const auto v =
            hn::Sub(hn::LoadU(d, a.x + at), hn::LoadU(d, a.mean + row));
        const auto g =
            hn::Sub(hn::LoadU(d, a.dy + at), hn::LoadU(d, a.shift + row));
        const auto sloped = hn::MulAdd(v, hn::LoadU(d, a.slope + row), g);
        hn::StoreU(hn::Mul(hn::LoadU(d, a.scale + row), sloped), d, a.out + at);
      });
}

template <typename T>
const BatchNormTable<T>& table() {
  static constexpr BatchNormTable<T> kTable{kEntry<row_sums<T>>,
                                            kEntry<row_squares<T>>,
                                            kEntry<row_gradients<T>>,
                                            kEntry<row_affine<T>>,
                                            kEntry<row_input_gradient<T>>,
                                            kEntry<sum_of_elements<T>>};
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
void channel_moments(const ChannelMomentsArgs<T>& args) {
  const ChannelGeometry& g = args.geometry;
  const Tiling tiling(g);
  const Parts<T> parts(tiling, g.channels, args.scratch);
  parallel_for(tiling.tiles(), [&](Index t, int) {
    const Tiling::Place p = tiling.place(t);
    T row_mean[kMaxRows];
    T sums[kMaxRows];
    T* part_mean = parts.first + p.part * g.channels;
    T* part_squares = parts.second + p.part * g.channels + p.channel;
    const TileSumsArgs<T> rows{p.tile,
                               args.x + p.first,
                               /*dy=*/nullptr,
                               row_mean,
                               /*scale=*/nullptr,
                               sums,
                               /*weighted=*/nullptr};
    table<T>().row_sums(rows);
    fold(p, sums, part_mean + p.channel);
    const auto count = static_cast<T>(p.channel_pixels * p.tile.cols);
    for (Index c = 0; c < p.channels; ++c) part_mean[p.channel + c] /= count;
    expand(p, part_mean, row_mean);
    table<T>().row_squares(rows);
    fold(p, sums, part_squares);
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
    args.mean[c] = static_cast<T>(common);
    args.variance[c] = static_cast<T>(squares / total);
  });
}

template <typename T>
void channel_affine(const ChannelAffineArgs<T>& args) {
  const Tiling tiling(args.geometry);
  parallel_for(tiling.tiles(), [&](Index t, int) {
    const Tiling::Place p = tiling.place(t);
    T rows[3][kMaxRows];
    expand(p, args.mean, rows[0]);
    expand(p, args.scale, rows[1]);
    expand(p, args.shift, rows[2]);
    table<T>().row_affine({p.tile,
                           args.x + p.first,
                           /*dy=*/nullptr,
                           rows[0],
                           rows[1],
                           rows[2],
                           /*slope=*/nullptr,
                           args.y + p.first});
  });
}

template <typename T>
void channel_gradients(const ChannelGradientsArgs<T>& args) {
  const Index channels = args.geometry.channels;
  const Tiling tiling(args.geometry);
  const Parts<T> parts(tiling, channels, args.scratch);
  parallel_for(tiling.tiles(), [&](Index t, int) {
    const Tiling::Place p = tiling.place(t);
    T row_mean[kMaxRows];
    T rows[2][kMaxRows];
    expand(p, args.mean, row_mean);
    table<T>().row_gradients({p.tile,
                              args.x + p.first,
                              args.dy + p.first,
                              row_mean,
                              /*scale=*/nullptr,
                              rows[0],
                              rows[1]});
    const Index i = p.part * channels + p.channel;
    fold(p, rows[0], parts.first + i);
    fold(p, rows[1], parts.second + i);
  });
  add_parts(tiling, parts, channels, args.sum, args.weighted_sum);
}

template <typename T>
void channel_input_gradient(const ChannelInputGradientArgs<T>& args) {
  const Tiling tiling(args.geometry);
  parallel_for(tiling.tiles(), [&](Index t, int) {
    const Tiling::Place p = tiling.place(t);
    T rows[4][kMaxRows];
    expand(p, args.mean, rows[0]);
    expand(p, args.scale, rows[1]);
    expand(p, args.mean_dy, rows[2]);
    expand(p, args.slope, rows[3]);
    table<T>().row_input_gradient({p.tile,
                                   args.x + p.first,
                                   args.dy + p.first,
                                   rows[0],
                                   rows[1],
                                   rows[2],
                                   rows[3],
                                   args.dx + p.first});
  });
}

#define NN_INSTANTIATE(T)                                                \
  template std::size_t channel_scratch_bytes<T>(const ChannelGeometry&); \
  template void channel_moments<T>(const ChannelMomentsArgs<T>&);        \
  template void channel_affine<T>(const ChannelAffineArgs<T>&);          \
  template void channel_gradients<T>(const ChannelGradientsArgs<T>&);    \
  template void channel_input_gradient<T>(const ChannelInputGradientArgs<T>&);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn::kernels
#endif  // HWY_ONCE
