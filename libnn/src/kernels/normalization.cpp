#include "kernels/normalization.h"

#include <algorithm>
#include <cmath>

#include "kernels/dispatch.h"
#include "nn/buffer.h"
#include "nn/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/normalization.cpp"
#include <hwy/foreach_target.h>
// Must come after foreach_target.h.
#include "kernels/entry-inl.h"

// Channels lie in runs of P pixels, P from 1 (after a Linear layer) to
// thousands, and seldom a multiple of a vector. So the loops do not go along
// the runs: they go along the rows of the features x batch matrix, which are
// contiguous whatever P is, with one number for every row (a channel's numbers
// are repeated for each of its pixels). Sums run over the columns first, so
// that vectors never meet a channel's border; only the sums of rows, one in
// `cols` of the work, are then added up channel by channel.
//
// The matrix is cut into tiles of at most kMaxRows rows, whole channels where
// they are smaller, by kTileElements / rows columns: a tile's second pass reads
// cache.

#ifndef NN_SRC_KERNELS_NORMALIZATION_TYPES
#define NN_SRC_KERNELS_NORMALIZATION_TYPES
namespace nn::kernels {

// A tile of a column-major matrix. Pointers to it point to its first element.
struct MatrixTile {
  Index rows;
  Index cols;
  Index stride;  // between columns
};

// The serial loops, as one target provides them. Arguments that hold a number
// for each row or column are named so.
template <typename T>
struct NormalizationTable {
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
  // One column: the sum of x, and the sum of (x - mean)^2.
  T (*sum)(const T* x, Index count);
  T (*squares)(const T* x, Index count, T mean);
  // One column: y = (x - mean) * scale * weight[row] + bias[row].
  void (*column_affine)(const T* x,
                        Index count,
                        T mean,
                        T scale,
                        const T* weight,
                        const T* bias,
                        T* y);
  // One column: sums[0] = sum of g and sums[1] = sum of g * (x - mean), with
  // g = dy * weight[row].
  void (*column_gradients)(
      const T* x, const T* dy, Index count, T mean, const T* weight, T* sums);
  // One column: dx = scale * (g - mean_g + slope * (x - mean)), with the same
  // g.
  void (*column_input_gradient)(const T* x,
                                const T* dy,
                                Index count,
                                T mean,
                                const T* weight,
                                T scale,
                                T mean_g,
                                T slope,
                                T* dx);
  // sums[row] = sum of dy, weighted[row] = sum of dy * (x - mean[col]) *
  // scale[col].
  void (*parameter_gradients)(const MatrixTile& tile,
                              const T* x,
                              const T* dy,
                              const T* col_mean,
                              const T* col_scale,
                              T* sums,
                              T* weighted);
};

}  // namespace nn::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace nn::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// A number for a lane or for all of a vector: the same code for whole vectors
// and for what is left behind them.
template <typename T>
struct Wide {
  using Tag = hn::ScalableTag<T>;
  using V = hn::Vec<Tag>;
  static constexpr Index kStep = static_cast<Index>(hn::MaxLanes(Tag()));
  static HWY_INLINE V load(const T* p) { return hn::LoadU(Tag(), p); }
  static HWY_INLINE void store(V v, T* p) { hn::StoreU(v, Tag(), p); }
  static HWY_INLINE V set(T v) { return hn::Set(Tag(), v); }
  static HWY_INLINE V add(V a, V b) { return hn::Add(a, b); }
  static HWY_INLINE V sub(V a, V b) { return hn::Sub(a, b); }
  static HWY_INLINE V mul(V a, V b) { return hn::Mul(a, b); }
  static HWY_INLINE V mul_add(V a, V b, V c) { return hn::MulAdd(a, b, c); }
};
template <typename T>
struct Narrow {
  using V = T;
  static constexpr Index kStep = 1;
  static HWY_INLINE V load(const T* p) { return *p; }
  static HWY_INLINE void store(V v, T* p) { *p = v; }
  static HWY_INLINE V set(T v) { return v; }
  static HWY_INLINE V add(V a, V b) { return a + b; }
  static HWY_INLINE V sub(V a, V b) { return a - b; }
  static HWY_INLINE V mul(V a, V b) { return a * b; }
  static HWY_INLINE V mul_add(V a, V b, V c) { return a * b + c; }
};

// Calls body(Ops, first row) for all rows: vectors, then single ones.
template <typename T, typename Body>
HWY_INLINE void for_rows(Index rows, const Body& body) {
  Index i = 0;
  for (; i + Wide<T>::kStep <= rows; i += Wide<T>::kStep) body(Wide<T>(), i);
  for (; i < rows; ++i) body(Narrow<T>(), i);
}

// The sum over i of term(Ops, i), of single elements after whole vectors. Four
// sums hide the latency of an addition.
template <typename T, typename Term>
HWY_INLINE T sum_of(Index count, const Term& term) {
  using W = Wide<T>;
  constexpr Index lanes = W::kStep;
  auto s0 = W::set(T(0));
  auto s1 = s0;
  auto s2 = s0;
  auto s3 = s0;
  Index i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    s0 = W::add(s0, term(W(), i));
    s1 = W::add(s1, term(W(), i + lanes));
    s2 = W::add(s2, term(W(), i + 2 * lanes));
    s3 = W::add(s3, term(W(), i + 3 * lanes));
  }
  for (; i + lanes <= count; i += lanes) s0 = W::add(s0, term(W(), i));
  const auto all = W::add(W::add(s0, s1), W::add(s2, s3));
  T total = hn::GetLane(hn::SumOfLanes(typename W::Tag(), all));
  for (; i < count; ++i) total += term(Narrow<T>(), i);
  return total;
}

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
T sum(const T* x, Index count) {
  return sum_of<T>(count, [&](auto ops, Index i) HWY_ATTR {
    return decltype(ops)::load(x + i);
  });
}

template <typename T>
T squares(const T* x, Index count, T mean) {
  return sum_of<T>(count, [&](auto ops, Index i) HWY_ATTR {
    using Ops = decltype(ops);
    const auto v = Ops::sub(Ops::load(x + i), Ops::set(mean));
    return Ops::mul(v, v);
  });
}

template <typename T>
void column_affine(const T* x,
                   Index count,
                   T mean,
                   T scale,
                   const T* weight,
                   const T* bias,
                   T* y) {
  for_rows<T>(count, [&](auto ops, Index i) HWY_ATTR {
    using Ops = decltype(ops);
    const auto v =
        Ops::mul(Ops::sub(Ops::load(x + i), Ops::set(mean)), Ops::set(scale));
    Ops::store(weight
                   ? Ops::mul_add(v, Ops::load(weight + i), Ops::load(bias + i))
                   : v,
               y + i);
  });
}

// dy * weight, where there is a weight.
template <typename Ops, typename T>
HWY_INLINE typename Ops::V weighted_gradient(const T* dy,
                                             const T* weight,
                                             Index i) {
  const auto g = Ops::load(dy + i);
  return weight ? Ops::mul(g, Ops::load(weight + i)) : g;
}

template <typename T>
void column_gradients(
    const T* x, const T* dy, Index count, T mean, const T* weight, T* sums) {
  sums[0] = sum_of<T>(count, [&](auto ops, Index i) HWY_ATTR {
    return weighted_gradient<decltype(ops)>(dy, weight, i);
  });
  sums[1] = sum_of<T>(count, [&](auto ops, Index i) HWY_ATTR {
    using Ops = decltype(ops);
    return Ops::mul(weighted_gradient<Ops>(dy, weight, i),
                    Ops::sub(Ops::load(x + i), Ops::set(mean)));
  });
}

template <typename T>
void column_input_gradient(const T* x,
                           const T* dy,
                           Index count,
                           T mean,
                           const T* weight,
                           T scale,
                           T mean_g,
                           T slope,
                           T* dx) {
  for_rows<T>(count, [&](auto ops, Index i) HWY_ATTR {
    using Ops = decltype(ops);
    const auto v = Ops::sub(Ops::load(x + i), Ops::set(mean));
    const auto g =
        Ops::sub(weighted_gradient<Ops>(dy, weight, i), Ops::set(mean_g));
    Ops::store(Ops::mul(Ops::set(scale), Ops::mul_add(v, Ops::set(slope), g)),
               dx + i);
  });
}

template <typename T>
void parameter_gradients(const MatrixTile& tile,
                         const T* x,
                         const T* dy,
                         const T* col_mean,
                         const T* col_scale,
                         T* sums,
                         T* weighted) {
  for_rows<T>(tile.rows, [&](auto ops, Index i) HWY_ATTR {
    using Ops = decltype(ops);
    auto sum = Ops::set(T(0));
    auto weighted_sum = Ops::set(T(0));
    Index at = i;
    for (Index n = 0; n < tile.cols; ++n, at += tile.stride) {
      const auto g = Ops::load(dy + at);
      const auto v =
          Ops::mul(Ops::sub(Ops::load(x + at), Ops::set(col_mean[n])),
                   Ops::set(col_scale[n]));
      sum = Ops::add(sum, g);
      weighted_sum = Ops::mul_add(g, v, weighted_sum);
    }
    Ops::store(sum, sums + i);
    Ops::store(weighted_sum, weighted + i);
  });
}

template <typename T>
const NormalizationTable<T>& table() {
  static constexpr NormalizationTable<T> kTable{
      kEntry<row_sums<T>>,
      kEntry<row_squares<T>>,
      kEntry<row_affine<T>>,
      kEntry<row_gradients<T>>,
      kEntry<row_input_gradient<T>>,
      kEntry<sum<T>>,
      kEntry<squares<T>>,
      kEntry<column_affine<T>>,
      kEntry<column_gradients<T>>,
      kEntry<column_input_gradient<T>>,
      kEntry<parameter_gradients<T>>};
  return kTable;
}
NN_EXPORT_TABLES(NormalizationTable)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nn::kernels {
namespace {

NN_CHOOSE_TABLES(NormalizationTable)

constexpr Index kMaxRows = 1024;        // their numbers: a few KiB of stack
constexpr Index kTileElements = 8192;   // 32 KiB of floats
constexpr Index kMaxColumnBlocks = 32;  // bounds the parts of a sum

Index blocks_of(Index size, Index block) {
  return (size + block - 1) / block;
}

// How a matrix is cut into tiles, by its sizes alone. Rows come in bands:
// several whole channels, or one of the equal parts of a channel.
class Tiling {
 public:
  explicit Tiling(const ChannelGeometry& g) : g_(g) {
    channels_per_band_ = std::clamp<Index>(kMaxRows / g.pixels, 1, g.channels);
    segments_ = blocks_of(g.pixels, kMaxRows);
    const Index rows = std::min(channels_per_band_ * g.pixels, kMaxRows);
    cols_ = std::max(
        {Index{1}, kTileElements / rows, blocks_of(g.batch, kMaxColumnBlocks)});
    column_blocks_ = blocks_of(g.batch, cols_);
    bands_ = blocks_of(g.channels, channels_per_band_) * segments_;
  }

  Index tiles() const { return bands_ * column_blocks_; }
  // The parts of which a channel's sum is made: one a tile that it lies in.
  Index parts() const { return segments_ * column_blocks_; }
  Index part_count(Index part) const {
    return segment_pixels(part % segments_) * columns_of(part / segments_);
  }

  struct Place {
    MatrixTile tile;
    Index first;    // element of the matrix
    Index channel;  // the first
    Index channels;
    Index channel_pixels;  // rows of each of them in this tile
    Index part;
  };
  Place place(Index t) const {
    const Index band = t % bands_;
    const Index block = t / bands_;
    const Index segment = band % segments_;
    Place p{};
    p.channel = band / segments_ * channels_per_band_;
    p.channels = std::min(channels_per_band_, g_.channels - p.channel);
    p.channel_pixels = segment_pixels(segment);
    p.part = block * segments_ + segment;
    p.tile.rows = p.channels * p.channel_pixels;
    p.tile.cols = columns_of(block);
    p.tile.stride = g_.channels * g_.pixels;
    p.first = block * cols_ * p.tile.stride + p.channel * g_.pixels +
              segment * kMaxRows;
    return p;
  }

 private:
  Index columns_of(Index block) const {
    return std::min(cols_, g_.batch - block * cols_);
  }
  Index segment_pixels(Index segment) const {
    return std::min(kMaxRows, g_.pixels - segment * kMaxRows);
  }

  ChannelGeometry g_;
  Index channels_per_band_;
  Index segments_;  // of a channel; above 1 only where a band has one channel
  Index cols_;
  Index column_blocks_;
  Index bands_;
};

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

// Calls body(channel) for all channels, in tasks of many.
template <typename Body>
void for_channels(Index channels, const Body& body) {
  constexpr Index kChannels = 256;
  parallel_for(blocks_of(channels, kChannels), [&](Index block, int) {
    const Index end = std::min(channels, (block + 1) * kChannels);
    for (Index c = block * kChannels; c < end; ++c) body(c);
  });
}

// Two numbers for every part of every channel: [part][channel].
template <typename T>
struct Parts {
  T* first;
  T* second;

  Parts(std::byte* scratch, Index count)
      : first(reinterpret_cast<T*>(scratch)),
        second(reinterpret_cast<T*>(scratch + bytes(count))) {}
  static std::size_t bytes(Index count) {
    return aligned_size(static_cast<std::size_t>(count) * sizeof(T));
  }
};

// The sums of the parts, in their order.
template <typename T>
void add_parts(const Tiling& tiling,
               const Parts<T>& parts,
               Index channels,
               T* first,
               T* second) {
  for_channels(channels, [&](Index c) {
    double sum = 0;
    double second_sum = 0;
    for (Index part = 0; part < tiling.parts(); ++part) {
      sum += static_cast<double>(parts.first[part * channels + c]);
      second_sum += static_cast<double>(parts.second[part * channels + c]);
    }
    first[c] = static_cast<T>(sum);
    second[c] = static_cast<T>(second_sum);
  });
}

}  // namespace

template <typename T>
std::size_t channel_scratch_bytes(const ChannelGeometry& g) {
  return 2 * Parts<T>::bytes(Tiling(g).parts() * g.channels);
}

template <typename T>
void channel_moments(const ChannelGeometry& g,
                     const T* x,
                     T* mean,
                     T* variance,
                     std::byte* scratch) {
  const Tiling tiling(g);
  const Parts<T> parts(scratch, tiling.parts() * g.channels);
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
  const Parts<T> parts(scratch, tiling.parts() * g.channels);
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

namespace {

// Calls body(column) for all columns, in tasks of about kTileElements.
template <typename Body>
void for_columns(Index rows, Index cols, const Body& body) {
  const Index step = std::max<Index>(1, kTileElements / rows);
  parallel_for(blocks_of(cols, step), [&](Index block, int) {
    const Index end = std::min(cols, (block + 1) * step);
    for (Index n = block * step; n < end; ++n) body(n);
  });
}

// The rows of a matrix as channels of one pixel.
ChannelGeometry rows_of(Index rows, Index cols) {
  return {rows, 1, cols};
}

}  // namespace

template <typename T>
void sample_normalize(const T* x,
                      Index rows,
                      Index cols,
                      T eps,
                      const T* weight,
                      const T* bias,
                      T* y,
                      T* mean,
                      T* inverse_std) {
  const auto count = static_cast<T>(rows);
  for_columns(rows, cols, [&](Index n) {
    const T* column = x + n * rows;
    const T m = table<T>().sum(column, rows) / count;
    const T variance = table<T>().squares(column, rows, m) / count;
    const T r = T(1) / std::sqrt(variance + eps);
    table<T>().column_affine(column, rows, m, r, weight, bias, y + n * rows);
    if (mean) mean[n] = m;
    if (inverse_std) inverse_std[n] = r;
  });
}

template <typename T>
void sample_normalize_backward(const T* x,
                               const T* dy,
                               Index rows,
                               Index cols,
                               const T* weight,
                               const T* mean,
                               const T* inverse_std,
                               T* dx) {
  const auto count = static_cast<T>(rows);
  for_columns(rows, cols, [&](Index n) {
    const Index first = n * rows;
    const T r = inverse_std[n];
    T sums[2];
    table<T>().column_gradients(
        x + first, dy + first, rows, mean[n], weight, sums);
    table<T>().column_input_gradient(x + first,
                                     dy + first,
                                     rows,
                                     mean[n],
                                     weight,
                                     r,
                                     sums[0] / count,
                                     -r * r * sums[1] / count,
                                     dx + first);
  });
}

template <typename T>
std::size_t sample_scratch_bytes(Index rows, Index cols) {
  return channel_scratch_bytes<T>(rows_of(rows, cols));
}

template <typename T>
void sample_normalize_parameters(const T* x,
                                 const T* dy,
                                 Index rows,
                                 Index cols,
                                 const T* mean,
                                 const T* inverse_std,
                                 T* dweight,
                                 T* dbias,
                                 std::byte* scratch) {
  const Tiling tiling(rows_of(rows, cols));
  const Parts<T> parts(scratch, tiling.parts() * rows);
  parallel_for(tiling.tiles(), [&](Index t, int) {
    const Tiling::Place p = tiling.place(t);
    const Index column = p.first / rows;
    const Index i = p.part * rows + p.channel;
    table<T>().parameter_gradients(p.tile,
                                   x + p.first,
                                   dy + p.first,
                                   mean + column,
                                   inverse_std + column,
                                   parts.first + i,
                                   parts.second + i);
  });
  add_parts(tiling, parts, rows, dbias, dweight);
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
                                          T*);                             \
  template void sample_normalize<T>(                                       \
      const T*, Index, Index, T, const T*, const T*, T*, T*, T*);          \
  template void sample_normalize_backward<T>(                              \
      const T*, const T*, Index, Index, const T*, const T*, const T*, T*); \
  template std::size_t sample_scratch_bytes<T>(Index, Index);              \
  template void sample_normalize_parameters<T>(const T*,                   \
                                               const T*,                   \
                                               Index,                      \
                                               Index,                      \
                                               const T*,                   \
                                               const T*,                   \
                                               T*,                         \
                                               T*,                         \
                                               std::byte*);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn::kernels
#endif  // HWY_ONCE
