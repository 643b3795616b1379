#include "kernels/conv2d.h"

#include <algorithm>
#include <cstring>

#include "kernels/conv2d_sparse.h"
#include "kernels/dispatch.h"
#include "kernels/elementwise.h"
#include "kernels/pooling.h"
#include "kernels/scratch.h"
#include "kernels/spread.h"
#include "nn/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv2d.cpp"
#include <hwy/foreach_target.h>
// Must come after foreach_target.h.
#include "kernels/entry-inl.h"
#include "kernels/tile-inl.h"

// Convolution without an im2col matrix.
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

#ifndef NN_SRC_KERNELS_CONV2D_TYPES
#define NN_SRC_KERNELS_CONV2D_TYPES
namespace nn::kernels {

// Reads and writes go on in whole vectors past the end of spread images and
// scratch matrices: 3 of them, the height of a tile.
constexpr Index kSlackBytes = 3 * 64;

template <typename T>
constexpr Index kSlack = kSlackBytes / static_cast<Index>(sizeof(T));

// Vectors of pixels in a tile.
constexpr Index kTileRows = 3;

template <typename T>
struct ConvTable {
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

}  // namespace nn::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace nn::kernels {
namespace HWY_NAMESPACE {
namespace {

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
        const hn::CappedTag<T, 1> single;
        spread_plane(single, s, in, planes, [single](const T* p) HWY_ATTR {
          return hn::LoadU(single, p);
        });
      }
      planes += s.plane();
    }
  }
}

template <typename T>
void spread(const Spread& s, const T* x, T* padded, T* planes) {
  if (s.is_padded_image()) {
    pad_image(s, x, planes);
    return;
  }
  pad_image(s, x, padded);
  // Stores of a whole vector for a short row would mostly straddle two cache
  // lines.
  constexpr int kHalf = HWY_MAX(kLanes<T> / 2, HWY_MIN(kLanes<T>, 2));
  if (s.out_width > kHalf) {
    spread_by(Tag<T>(), s, padded, planes);
  } else {
    spread_by(hn::CappedTag<T, kHalf>(), s, padded, planes);
  }
}

// A run of taps of a product: what product() hands down to its tiles.
template <typename T>
struct ProductPass {
  Index pixels;
  Index taps;  // of the whole product: the distance between columns of W
  const T* planes;
  const Index* offsets;
  const T* weight;
  const T* bias;
  bool relu;
  T* y;
  Index first_tap;
  Index pass_taps;

  bool is_first() const { return first_tap == 0; }
  bool is_last() const { return first_tap + pass_taps == taps; }
};

template <typename T, int V, int C>
HWY_NOINLINE void product_tile(const ProductPass<T>& pass,
                               Index first,
                               Index column) {
  Tile<T, V, C> tile;
  T* y = pass.y + column * pass.pixels + first;
  const Index rows = HWY_MIN(pass.pixels - first, Index{V * kLanes<T>});
  const bool whole = rows == V * kLanes<T>;
  if (pass.is_first()) {
    tile.clear();
  } else if (whole) {
    tile.load(y, pass.pixels);
  } else {
    tile.load_rows(y, pass.pixels, rows);
  }
  const T* weight = pass.weight + column * pass.taps + pass.first_tap;
  PointerColumns<T, C> columns;
  for (int j = 0; j < C; ++j) columns.b[j] = weight + j * pass.taps;
  tile.multiply(
      pass.pass_taps,
      OffsetRows<T>{pass.planes + first, pass.offsets + pass.first_tap},
      columns);
  if (pass.is_last()) {
    if (pass.bias) tile.add_to_columns(pass.bias + column);
    if (pass.relu) tile.relu();
  }
  if (whole) {
    tile.store(y, pass.pixels);
  } else {
    tile.store_rows(y, pass.pixels, rows);
  }
}

template <typename T, int C>
void product_columns(const ProductPass<T>& pass,
                     Index first,
                     Index vectors,
                     Index column) {
  if (vectors == 3) {
    product_tile<T, 3, C>(pass, first, column);
  } else if (vectors == 2) {
    product_tile<T, 2, C>(pass, first, column);
  } else {
    product_tile<T, 1, C>(pass, first, column);
  }
}

// Pixels behind a tile's last whole vector, if they are this few, are not worth
// a vector of their own: a tile of one takes a third of the time of one of
// three.
template <typename T>
constexpr Index kFewPixels = kLanes<T> / 4;

// The product of the last P pixels, with the taps along the vectors: as many
// dot products as there are pixels and columns.
template <typename T, int P>
HWY_NOINLINE void product_of_few(const ProductPass<T>& pass, Index columns) {
  const Tag<T> d;
  constexpr Index lanes = kLanes<T>;
  constexpr Index kBlock = 256;
  constexpr int kColumns = 4;
  HWY_ALIGN T rows[P * kBlock];
  const Index first = pass.pixels - P;
  for (Index k = 0; k < pass.taps; k += kBlock) {
    const Index taps = HWY_MIN(kBlock, pass.taps - k);
    for (Index i = 0; i < taps; ++i) {
      const T* from = pass.planes + pass.offsets[k + i] + first;
      for (int p = 0; p < P; ++p) rows[p * kBlock + i] = from[p];
    }
    for (Index j = 0; j < columns; j += kColumns) {
      // The last columns may be fewer: then one is taken several times.
      const T* weight[kColumns];
      for (int c = 0; c < kColumns; ++c) {
        weight[c] = pass.weight + HWY_MIN(j + c, columns - 1) * pass.taps + k;
      }
      Vec<T> sum[P][kColumns];
      NN_UNROLL
      for (int p = 0; p < P; ++p) {
        NN_UNROLL
        for (int c = 0; c < kColumns; ++c) sum[p][c] = hn::Zero(d);
      }
      Index i = 0;
      for (; i + lanes <= taps; i += lanes) {
        Vec<T> w[kColumns];
        NN_UNROLL
        for (int c = 0; c < kColumns; ++c) w[c] = hn::LoadU(d, weight[c] + i);
        NN_UNROLL
        for (int p = 0; p < P; ++p) {
          const Vec<T> row = hn::Load(d, rows + p * kBlock + i);
          NN_UNROLL
          for (int c = 0; c < kColumns; ++c) {
            sum[p][c] = hn::MulAdd(row, w[c], sum[p][c]);
          }
        }
      }
      NN_UNROLL
      for (int p = 0; p < P; ++p) {
        NN_UNROLL
        for (int c = 0; c < kColumns; ++c) {
          if (j + c >= columns) break;
          T total = hn::GetLane(hn::SumOfLanes(d, sum[p][c]));
          for (Index rest = i; rest < taps; ++rest) {
            total += rows[p * kBlock + rest] * weight[c][rest];
          }
          T& y = pass.y[(j + c) * pass.pixels + first + p];
          y = k == 0 ? total : y + total;
          if (k + taps < pass.taps) continue;
          if (pass.bias) y += pass.bias[j + c];
          if (pass.relu && y < 0) y = 0;
        }
      }
    }
  }
}

template <typename T, int Most = kFewPixels<T>>
void product_of_rest(const ProductPass<T>& pass, Index pixels, Index columns) {
  if constexpr (Most > 0) {
    if (pixels == Most) {
      product_of_few<T, Most>(pass, columns);
    } else {
      product_of_rest<T, Most - 1>(pass, pixels, columns);
    }
  }
}

template <typename T>
void product(Index pixels,
             Index taps,
             Index pass_taps,
             const T* planes,
             const Index* offsets,
             const T* weight,
             Index columns,
             const T* bias,
             bool relu,
             T* y) {
  constexpr Index lanes = kLanes<T>;
  ProductPass<T> pass{
      pixels, taps, planes, offsets, weight, bias, relu, y, 0, 0};
  // Pixels and taps outside, channels inside: what a tile reads of the planes
  // in one pass stays in the first-level cache for all output channels.
  const Index rest = pixels % lanes <= kFewPixels<T> ? pixels % lanes : 0;
  const Index end = pixels - rest;
  Index vectors = 0;
  for (Index first = 0; first < end; first += vectors * lanes) {
    vectors = tile_vectors((end - first + lanes - 1) / lanes);
    for (pass.first_tap = 0; pass.first_tap < taps;
         pass.first_tap += pass.pass_taps) {
      pass.pass_taps = HWY_MIN(pass_taps, taps - pass.first_tap);
      Index j = 0;
      for (; j + kTileColumns <= columns; j += kTileColumns) {
        product_columns<T, kTileColumns>(pass, first, vectors, j);
      }
      if (kTileColumns == 8 && j + 4 <= columns) {
        product_columns<T, 4>(pass, first, vectors, j);
        j += 4;
      }
      if (j + 2 <= columns) {
        product_columns<T, 2>(pass, first, vectors, j);
        j += 2;
      }
      if (j + 1 <= columns) product_columns<T, 1>(pass, first, vectors, j);
    }
  }
  product_of_rest<T>(pass, rest, columns);
}

template <typename T>
void transpose(Index pixels, Index vectors, const T* dy, T* dyt) {
  constexpr Index lanes = kLanes<T>;
  for (Index v = 0; v < vectors; ++v) {
    pack_transposed(dy + v * lanes * pixels,
                    pixels,
                    pixels,
                    dyt + v * lanes,
                    vectors * lanes);
  }
}

template <typename T, int V, int C>
HWY_NOINLINE void gradient_tile(Index pixels,
                                const T* planes,
                                const Index* offsets,
                                const T* dyt,
                                Index stride,
                                T* sums) {
  Tile<T, V, C> tile;
  tile.load(sums, stride);
  PointerColumns<T, C> columns;
  for (int j = 0; j < C; ++j) columns.b[j] = planes + offsets[j];
  tile.multiply(pixels, StridedRows<T>{dyt, stride}, columns);
  tile.store(sums, stride);
}

template <typename T, int V>
void gradient_vectors(Index pixels,
                      Index taps,
                      const T* planes,
                      const Index* offsets,
                      const T* dyt,
                      Index stride,
                      T* sums) {
  Index k = 0;
  const auto run = [&](auto count) HWY_ATTR {
    constexpr int C = decltype(count)::value;
    gradient_tile<T, V, C>(
        pixels, planes, offsets + k, dyt, stride, sums + k * stride);
    k += C;
  };
  while (k + kTileColumns <= taps) {
    run(std::integral_constant<int, kTileColumns>());
  }
  if (kTileColumns == 8 && k + 4 <= taps) {
    run(std::integral_constant<int, 4>());
  }
  if (k + 2 <= taps) run(std::integral_constant<int, 2>());
  if (k + 1 <= taps) run(std::integral_constant<int, 1>());
}

template <typename T>
void weight_gradient(Index pixels,
                     Index taps,
                     Index vectors,
                     const T* planes,
                     const Index* offsets,
                     const T* dyt,
                     T* sums,
                     T* bias_sums) {
  const Tag<T> d;
  constexpr Index lanes = kLanes<T>;
  const Index stride = vectors * lanes;
  // Pixels whose dyt rows stay in the first-level cache beside the runs of a
  // group of taps: 24 KiB.
  const Index tile_bytes =
      HWY_MIN(vectors, Index{kTileVectors}) * lanes * Index{sizeof(T)};
  const Index block = HWY_MAX(Index{32}, Index{24 * 1024} / tile_bytes);
  const Index blocks = (pixels + block - 1) / block;
  const Index step = (pixels + blocks - 1) / blocks;
  for (Index p = 0; p < pixels; p += step) {
    const Index count = HWY_MIN(step, pixels - p);
    const T* rows = dyt + p * stride;
    Index height = 0;
    for (Index v = 0; v < vectors; v += height) {
      height = tile_vectors(vectors - v);
      const T* r = rows + v * lanes;
      T* s = sums + v * lanes;
      if (height == 1) {
        gradient_vectors<T, 1>(count, taps, planes + p, offsets, r, stride, s);
      } else if (height == 2) {
        gradient_vectors<T, 2>(count, taps, planes + p, offsets, r, stride, s);
      } else {
        gradient_vectors<T, 3>(count, taps, planes + p, offsets, r, stride, s);
      }
    }
  }
  for (Index v = 0; v < vectors; ++v) {
    auto sum = hn::LoadU(d, bias_sums + v * lanes);
    for (Index p = 0; p < pixels; ++p) {
      sum = hn::Add(sum, hn::LoadU(d, dyt + p * stride + v * lanes));
    }
    hn::StoreU(sum, d, bias_sums + v * lanes);
  }
}

template <typename T>
void join_phases(const InputGradient& gradient,
                 const GradientPhase* phases,
                 const T* blocks,
                 T* dx) {
  const GradientAxis& rows = gradient.rows;
  const GradientAxis& columns = gradient.columns;
  const Index width = gradient.width();
  const T* dx_end = dx + gradient.in_channels * rows.size * columns.size;
  for (Index c = 0; c < gradient.in_channels; ++c) {
    for (Index h = 0; h < rows.size; ++h) {
      const Index row_phase = h % rows.stride;
      const GradientPhase* phase = phases + row_phase * columns.phases();
      const Index first =
          (c * rows.pixels(row_phase) + h / rows.stride) * width;
      if (columns.phases() == 2) {
        // Two phases fill a row by turns. Whole vectors go on past the row,
        // over what comes later, as long as there is more of the image.
        const Tag<T> d;
        constexpr Index lanes = kLanes<T>;
        const T* even = blocks + phase[0].first_pixel + first;
        const T* odd = blocks + phase[1].first_pixel + first;
        Index i = 0;
        for (; 2 * i < columns.size && 2 * (i + lanes) <= dx_end - dx;
             i += lanes) {
          hn::StoreInterleaved2(
              hn::LoadU(d, even + i), hn::LoadU(d, odd + i), d, dx + 2 * i);
        }
        for (i *= 2; i < columns.size; ++i) {
          dx[i] = (i % 2 == 0 ? even : odd)[i / 2];
        }
      } else {
        for (Index w = 0; w < columns.phases(); ++w) {
          const T* from = blocks + phase[w].first_pixel + first;
          for (Index i = 0; i < columns.pixels(w); ++i) {
            dx[i * columns.stride + w] = from[i];
          }
        }
      }
      dx += columns.size;
    }
  }
}

template <typename T>
const ConvTable<T>& table() {
  static constexpr ConvTable<T> kTable{kLanes<T>,
                                       kTileColumns,
                                       kEntry<spread<T>>,
                                       kEntry<product<T>>,
                                       kEntry<transpose<T>>,
                                       kEntry<weight_gradient<T>>,
                                       kEntry<join_phases<T>>};
  return kTable;
}
NN_EXPORT_TABLES(ConvTable)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nn::kernels {
namespace {

NN_CHOOSE_TABLES(ConvTable)

// Channels whose taps a product takes in one pass: as many as keep what a tile
// reads of the planes, and the weights beside it, in 32 KiB. For the few
// channels of the reference CNN the number makes no difference that could be
// measured; it bounds what many channels read again for every group of outputs.
template <typename T>
Index channels_of_pass(const Spread& s) {
  const Index tile_rows = kTileRows * table<T>().lanes;
  const Index run = std::min(
      s.plane(), tile_rows + (s.kernel_h - 1) * s.dilation_h * s.out_width);
  const Index channel_bytes = s.kernel_w *
                              (run + s.kernel_h * table<T>().tile_columns) *
                              static_cast<Index>(sizeof(T));
  return std::max<Index>(1, 32 * 1024 / channel_bytes);
}

template <typename T>
struct ForwardScratch {
  struct PerWorker {
    T* padded;
    T* planes;
    T* y;  // the convolution's output, where a pool follows
  };
  Index* offsets;
  std::byte* workers;
  std::size_t worker_bytes;

  ForwardScratch(const ConvGeometry& g,
                 const ConvEpilogue& epilogue,
                 std::byte* start) {
    Cutter shared(start);
    offsets = shared.cut<Index>(g.taps());
    workers = start ? start + shared.used() : nullptr;
    Cutter one(nullptr);
    cut_worker(g, epilogue, one);
    worker_bytes = one.used();
    total_bytes =
        shared.used() + worker_bytes * static_cast<std::size_t>(num_threads());
  }
  static PerWorker cut_worker(const ConvGeometry& g,
                              const ConvEpilogue& epilogue,
                              Cutter& cutter) {
    const Spread s = spread_of_input(g);
    PerWorker w{};
    w.padded = cutter.cut<T>(s.padded_size() + kSlack<T>);
    w.planes = cutter.cut<T>(s.size() + kSlack<T>);
    if (epilogue.pool) w.y = cutter.cut<T>(g.out_features() + kSlack<T>);
    return w;
  }
  std::size_t total_bytes;
};

template <typename T>
struct BackwardScratch {
  struct PerWorker {
    T* padded;
    T* planes;
    T* dy;      // dY(P x O), rows for whole vectors of channels
    T* dyt;     // its transpose
    T* blocks;  // the input gradient by phases, if there are several
  };
  Index* input_offsets;
  GradientPhase* phases;
  Index* gradient_offsets;
  Index* gradient_weights;
  T* weight;       // rearranged for the input gradient
  T* sums;         // per chunk: [K][channels] and [channels]
  Index channels;  // out_channels in whole vectors
  Index sums_per_chunk;
  std::byte* workers;
  std::size_t worker_bytes;
  std::size_t total_bytes;

  BackwardScratch(const ConvGeometry& g,
                  const InputGradient& gradient,
                  Index batch,
                  std::byte* start) {
    channels = round_up(g.out_channels, table<T>().lanes);
    sums_per_chunk = (g.taps() + 1) * channels;
    Cutter shared(start);
    input_offsets = shared.cut<Index>(g.taps());
    phases = shared.cut<GradientPhase>(gradient.phases());
    const Index gradient_taps = g.out_channels * g.kernel_h * g.kernel_w;
    gradient_offsets = shared.cut<Index>(gradient_taps);
    gradient_weights = shared.cut<Index>(gradient_taps);
    weight = shared.cut<T>(g.taps() * g.out_channels);
    sums = shared.cut<T>(sums_per_chunk * ImageChunks(batch).count);
    workers = start ? start + shared.used() : nullptr;
    Cutter one(nullptr);
    cut_worker(g, gradient, one);
    worker_bytes = one.used();
    total_bytes =
        shared.used() + worker_bytes * static_cast<std::size_t>(num_threads());
  }
  PerWorker cut_worker(const ConvGeometry& g,
                       const InputGradient& gradient,
                       Cutter& cutter) const {
    const Spread& s = spread_of_input(g);
    const Spread& t = gradient.spread;
    PerWorker w{};
    w.padded =
        cutter.cut<T>(std::max(s.padded_size(), t.padded_size()) + kSlack<T>);
    w.planes = cutter.cut<T>(std::max(s.size(), t.size()) + kSlack<T>);
    w.dy = cutter.cut<T>(channels * g.pixels() + kSlack<T>);
    w.dyt = cutter.cut<T>(channels * g.pixels() + kSlack<T>);
    if (gradient.phases() > 1) {
      w.blocks = cutter.cut<T>(gradient.size() + kSlack<T>);
    }
    return w;
  }
};

// The weights as the input gradient wants them: per phase, one column of taps
// for each channel of x.
template <typename T>
void rearrange_weight(const InputGradient& gradient,
                      const BackwardScratch<T>& memory,
                      const T* weight) {
  const Index area = gradient.rows.kernel * gradient.columns.kernel;
  parallel_for(gradient.in_channels, [&](Index c, int) {
    for (Index i = 0; i < gradient.phases(); ++i) {
      const GradientPhase& phase = memory.phases[i];
      const Index* from = memory.gradient_weights + phase.first_tap;
      T* column = memory.weight + gradient.in_channels * phase.first_tap +
                  c * phase.taps;
      for (Index k = 0; k < phase.taps; ++k) {
        column[k] = weight[from[k] + c * area];
      }
    }
  });
}

// dx of one image.
template <typename T>
void input_gradient(const InputGradient& gradient,
                    const BackwardScratch<T>& memory,
                    const typename BackwardScratch<T>::PerWorker& w,
                    T* dx) {
  const ConvTable<T>& kernels = table<T>();
  kernels.spread(gradient.spread, w.dy, w.padded, w.planes);
  const bool joined = gradient.phases() > 1;
  const Index pass_channels = channels_of_pass<T>(gradient.spread);
  for (Index i = 0; i < gradient.phases(); ++i) {
    const GradientPhase& phase = memory.phases[i];
    T* block = joined ? w.blocks + phase.first_pixel : dx;
    if (phase.taps == 0) {
      std::fill_n(block, gradient.in_channels * phase.pixels, T(0));
      continue;
    }
    kernels.product(phase.pixels,
                    phase.taps,
                    pass_channels * (phase.taps / gradient.out_channels),
                    w.planes,
                    memory.gradient_offsets + phase.first_tap,
                    memory.weight + gradient.in_channels * phase.first_tap,
                    gradient.in_channels,
                    nullptr,
                    false,
                    block);
  }
  if (joined) kernels.join_phases(gradient, memory.phases, w.blocks, dx);
}

}  // namespace

template <typename T>
void epilogue_gradient(const PoolGeometry* pool,
                       const T* relu_output,
                       const T* dy,
                       const std::uint8_t* argmax,
                       Index count,
                       T* out) {
  if (pool) {
    max_pool_backward_image(*pool, dy, argmax, relu_output, out);
  } else if (relu_output) {
    relu_backward(relu_output, dy, out, count);
  } else {
    std::copy_n(dy, count, out);
  }
}

template <typename T>
std::size_t conv2d_forward_scratch_bytes(const ConvGeometry& geometry,
                                         const ConvEpilogue& epilogue,
                                         Index /*batch*/) {
  return ForwardScratch<T>(geometry, epilogue, nullptr).total_bytes;
}

template <typename T>
std::size_t conv2d_backward_scratch_bytes(const ConvGeometry& geometry,
                                          const ConvEpilogue& epilogue,
                                          Index batch) {
  if (conv2d_backward_is_sparse(geometry, epilogue)) {
    return conv2d_sparse_backward_scratch_bytes<T>(geometry, epilogue, batch);
  }
  return BackwardScratch<T>(geometry, InputGradient(geometry), batch, nullptr)
      .total_bytes;
}

template <typename T>
void conv2d_forward(const ConvForwardArgs<T>& args, std::byte* scratch) {
  const ConvGeometry& g = args.geometry;
  const PoolGeometry* pool = args.epilogue.pool;
  const ForwardScratch<T> memory(g, args.epilogue, scratch);
  const Spread s = spread_of_input(g);
  fill_offsets(s, memory.offsets);
  const Index pass_taps = channels_of_pass<T>(s) * g.kernel_h * g.kernel_w;
  parallel_for(args.batch, [&](Index n, int worker) {
    Cutter cutter(memory.workers +
                  memory.worker_bytes * static_cast<std::size_t>(worker));
    const auto w = ForwardScratch<T>::cut_worker(g, args.epilogue, cutter);
    table<T>().spread(s, args.x + n * args.x_step(), w.padded, w.planes);
    T* y = pool ? w.y : args.y + n * args.y_step();
    table<T>().product(g.pixels(),
                       g.taps(),
                       pass_taps,
                       w.planes,
                       memory.offsets,
                       args.weight,
                       g.out_channels,
                       args.bias,
                       args.epilogue.relu,
                       y);
    if (pool) {
      const Index first = n * args.y_step();
      max_pool_image(*pool,
                     y,
                     args.y + first,
                     args.argmax ? args.argmax + first : nullptr);
    }
  });
}

template <typename T>
void conv2d_backward(const ConvBackwardArgs<T>& args, std::byte* scratch) {
  if (conv2d_backward_is_sparse(args.geometry, args.epilogue)) {
    conv2d_sparse_backward(args, scratch);
    return;
  }
  const ConvGeometry& g = args.geometry;
  const InputGradient gradient(g);
  const BackwardScratch<T> memory(g, gradient, args.batch, scratch);
  const Spread input = spread_of_input(g);
  const ConvTable<T>& kernels = table<T>();
  const Index vectors = memory.channels / kernels.lanes;
  const Index taps = g.taps();
  fill_offsets(input, memory.input_offsets);
  if (args.dx) {
    gradient.fill_phases(memory.phases);
    gradient.fill_taps(memory.gradient_offsets, memory.gradient_weights);
    rearrange_weight(gradient, memory, args.weight);
  }

  const ImageChunks chunks(args.batch);
  parallel_for(chunks.count, [&](Index chunk, int worker) {
    Cutter cutter(memory.workers +
                  memory.worker_bytes * static_cast<std::size_t>(worker));
    const auto w = memory.cut_worker(g, gradient, cutter);
    T* sums = memory.sums + chunk * memory.sums_per_chunk;
    std::fill_n(sums, memory.sums_per_chunk, T(0));
    // Channels that fill up the last vector have no gradient.
    std::fill_n(w.dy + g.out_features(),
                (memory.channels - g.out_channels) * g.pixels() + kSlack<T>,
                T(0));
    for (Index n = chunks.begin(chunk); n < chunks.end(chunk); ++n) {
      const Index first = n * args.y_step();
      epilogue_gradient(args.epilogue.pool,
                        args.epilogue.relu ? args.y + first : nullptr,
                        args.dy + first,
                        args.epilogue.pool ? args.argmax + first : nullptr,
                        g.out_features(),
                        w.dy);
      kernels.transpose(g.pixels(), vectors, w.dy, w.dyt);
      kernels.spread(input, args.x + n * args.x_step(), w.padded, w.planes);
      kernels.weight_gradient(g.pixels(),
                              taps,
                              vectors,
                              w.planes,
                              memory.input_offsets,
                              w.dyt,
                              sums,
                              sums + taps * memory.channels);
      if (args.dx) {
        input_gradient(gradient, memory, w, args.dx + n * args.x_step());
      }
    }
  });

  // Row `taps` of the sums is the bias gradient.
  constexpr Index kRows = 64;
  parallel_for((taps + 1 + kRows - 1) / kRows, [&](Index block, int) {
    const Index end = std::min(taps + 1, (block + 1) * kRows);
    for (Index k = block * kRows; k < end; ++k) {
      T* total = memory.sums + k * memory.channels;
      add_chunks(total, memory.sums_per_chunk, chunks.count, 0, g.out_channels);
      for (Index o = 0; o < g.out_channels; ++o) {
        (k < taps ? args.dweight[o * taps + k] : args.dbias[o]) = total[o];
      }
    }
  });
}

#define NN_INSTANTIATE(T)                                                 \
  template void epilogue_gradient<T>(const PoolGeometry*,                 \
                                     const T*,                            \
                                     const T*,                            \
                                     const std::uint8_t*,                 \
                                     Index,                               \
                                     T*);                                 \
  template std::size_t conv2d_forward_scratch_bytes<T>(                   \
      const ConvGeometry&, const ConvEpilogue&, Index);                   \
  template std::size_t conv2d_backward_scratch_bytes<T>(                  \
      const ConvGeometry&, const ConvEpilogue&, Index);                   \
  template void conv2d_forward<T>(const ConvForwardArgs<T>&, std::byte*); \
  template void conv2d_backward<T>(const ConvBackwardArgs<T>&, std::byte*);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn::kernels
#endif  // HWY_ONCE
