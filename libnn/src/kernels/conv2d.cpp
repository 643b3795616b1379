#include "kernels/conv2d.h"

#include <algorithm>
#include <cstring>

#include "kernels/conv2d_sparse.h"
#include "kernels/dispatch.h"
#include "kernels/pooling.h"
#include "kernels/scratch.h"
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
//   input gradient   at stride 1 the forward pass of another convolution: dY,
//                    padded by (KH - 1) * dilation_h - pad_h, with the flipped
//                    kernel; at other strides dY W^T, a few taps at a time,
//                    added into place (col2im)
//
// docs/math/conv2d.md derives these. Images are independent: each is one
// thread's work from the first copy to the pooled output, while it is in cache.

#ifndef NN_SRC_KERNELS_CONV2D_TYPES
#define NN_SRC_KERNELS_CONV2D_TYPES
namespace nn::kernels {

// How an image is spread, and where each tap's run starts.
struct Spread {
  Index channels;
  Index height;  // of the image
  Index width;
  Index kernel_h;
  Index kernel_w;
  Index stride_h;
  Index stride_w;
  Index pad_h;  // may be negative: then the image is cropped
  Index pad_w;
  Index dilation_h;
  Index dilation_w;
  Index out_height;
  Index out_width;

  Index pixels() const { return out_height * out_width; }
  Index taps() const { return channels * kernel_h * kernel_w; }
  // What the taps see of the padded image.
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
  // With one tap column and stride 1, the planes are the padded image.
  bool is_padded_image() const {
    return kernel_w == 1 && stride_w == 1 && stride_h == 1;
  }
};

// Reads and writes go on in whole vectors past the end of spread images and
// scratch matrices: 3 of them, the height of a tile.
constexpr Index kSlackBytes = 3 * 64;

template <typename T>
constexpr Index kSlack = kSlackBytes / static_cast<Index>(sizeof(T));

// Vectors of pixels in a tile.
constexpr Index kTileRows = 3;

// Taps that the weight gradient and the strided input gradient take at once.
constexpr Index kTapGroup = 8;

template <typename T>
struct ConvTable {
  Index lanes;
  Index tile_columns;
  // x (one image) to `planes`; `padded` is room for padded_size() + slack.
  void (*spread)(const Spread& s, const T* x, T* padded, T* planes);
  // y(P x columns) = cols * W, + bias per column unless null, ReLU if wanted.
  // Column j of W is weight + j * taps.
  // In passes of `pass_taps`, see taps_of_pass().
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
  // cols(P x 8) = dY(P x O) * Wt, Wt given as [O][8]; dy has whole vectors of
  // readable memory behind it. Column j of cols starts at j * ldc.
  void (*tap_products)(Index pixels,
                       Index out_channels,
                       const T* dy,
                       const T* weight,
                       T* cols,
                       Index ldc);
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

template <typename T>
void spread(const Spread& s, const T* x, T* padded, T* planes) {
  const Tag<T> d;
  constexpr Index lanes = kLanes<T>;
  if (s.is_padded_image()) {
    pad_image(s, x, planes);
    return;
  }
  pad_image(s, x, padded);
  const Index rows = s.padded_height();
  const Index cols = s.padded_width();
  const Index ow_end = s.out_width;
  T* out = planes;
  // Rows are written in the order in which they lie in memory: a whole vector's
  // store past the end of one is overwritten by the next.
  for (Index c = 0; c < s.channels; ++c) {
    for (Index kw = 0; kw < s.kernel_w; ++kw) {
      const T* plane = padded + c * rows * cols + kw * s.dilation_w;
      if (s.stride_h == 1 && s.stride_w == 1 && ow_end <= 2 * lanes) {
        // Small images: a row is a vector or two.
        const bool two = ow_end > lanes;
        for (Index row = 0; row < rows; ++row) {
          hn::StoreU(hn::LoadU(d, plane), d, out);
          if (two) {
            hn::StoreU(hn::LoadU(d, plane + lanes), d, out + lanes);
          }
          plane += cols;
          out += ow_end;
        }
        continue;
      }
      for (Index phase = 0; phase < HWY_MIN(s.stride_h, rows); ++phase) {
        for (Index row = phase; row < rows; row += s.stride_h) {
          const T* in = plane + row * cols;
          if (s.stride_w == 1) {
            for (Index ow = 0; ow < ow_end; ow += lanes) {
              hn::StoreU(hn::LoadU(d, in + ow), d, out + ow);
            }
          } else {
            for (Index ow = 0; ow < ow_end; ++ow) out[ow] = in[ow * s.stride_w];
          }
          out += ow_end;
        }
      }
    }
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
void product_columns(const ProductPass<T>& pass, Index first, Index column) {
  const Index vectors = (pass.pixels - first + kLanes<T> - 1) / kLanes<T>;
  if (vectors >= 3) {
    product_tile<T, 3, C>(pass, first, column);
  } else if (vectors == 2) {
    product_tile<T, 2, C>(pass, first, column);
  } else {
    product_tile<T, 1, C>(pass, first, column);
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
  constexpr Index step = kTileVectors * kLanes<T>;
  ProductPass<T> pass{
      pixels, taps, planes, offsets, weight, bias, relu, y, 0, 0};
  // Pixels and taps outside, channels inside: what a tile reads of the planes
  // in one pass stays in the first-level cache for all output channels.
  for (Index first = 0; first < pixels; first += step) {
    for (pass.first_tap = 0; pass.first_tap < taps;
         pass.first_tap += pass.pass_taps) {
      pass.pass_taps = HWY_MIN(pass_taps, taps - pass.first_tap);
      Index j = 0;
      for (; j + kTileColumns <= columns; j += kTileColumns) {
        product_columns<T, kTileColumns>(pass, first, j);
      }
      if (kTileColumns == 8 && j + 4 <= columns) {
        product_columns<T, 4>(pass, first, j);
        j += 4;
      }
      if (j + 2 <= columns) {
        product_columns<T, 2>(pass, first, j);
        j += 2;
      }
      if (j + 1 <= columns) product_columns<T, 1>(pass, first, j);
    }
  }
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
    for (Index v = 0; v < vectors;) {
      const Index left = vectors - v;
      const T* r = rows + v * lanes;
      T* s = sums + v * lanes;
      // Four vectors are two tiles of two, not three and a starving one.
      if (left == 1) {
        gradient_vectors<T, 1>(count, taps, planes + p, offsets, r, stride, s);
        v += 1;
      } else if (left == 2 || left == 4) {
        gradient_vectors<T, 2>(count, taps, planes + p, offsets, r, stride, s);
        v += 2;
      } else {
        gradient_vectors<T, 3>(count, taps, planes + p, offsets, r, stride, s);
        v += 3;
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
void tap_products(Index pixels,
                  Index out_channels,
                  const T* dy,
                  const T* weight,
                  T* cols,
                  Index ldc) {
  constexpr Index step = kTileVectors * kLanes<T>;
  for (Index first = 0; first < pixels; first += step) {
    for (Index j = 0; j < kTapGroup; j += kTileColumns) {
      Tile<T, kTileVectors, kTileColumns> tile;
      tile.clear();
      tile.multiply(out_channels,
                    StridedRows<T>{dy + first, pixels},
                    AdjacentColumns<T, kTileColumns>{weight + j, kTapGroup});
      tile.store(cols + first + j * ldc, ldc);
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
                                       kEntry<tap_products<T>>};
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

// The convolution itself.
Spread spread_of_input(const ConvGeometry& g) {
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

// The convolution that the input gradient at stride 1 is.
Spread spread_of_gradient(const ConvGeometry& g) {
  return {g.out_channels,
          g.out_height(),
          g.out_width(),
          g.kernel_h,
          g.kernel_w,
          1,
          1,
          g.span_h() - 1 - g.pad_h,
          g.span_w() - 1 - g.pad_w,
          g.dilation_h,
          g.dilation_w,
          g.height,
          g.width};
}

bool has_unit_stride(const ConvGeometry& g) {
  return g.stride_h == 1 && g.stride_w == 1;
}

// Where the run of tap k = (c, kh, kw) starts in the planes.
void fill_offsets(const Spread& s, Index* offsets) {
  const Index rows = s.padded_height();
  Index k = 0;
  for (Index c = 0; c < s.channels; ++c) {
    for (Index kh = 0; kh < s.kernel_h; ++kh) {
      // Rows of earlier phases: phase r has ceil((rows - r) / stride) rows.
      const Index phase = kh * s.dilation_h % s.stride_h;
      Index row = kh * s.dilation_h / s.stride_h;
      for (Index r = 0; r < phase; ++r) {
        row += (rows - r + s.stride_h - 1) / s.stride_h;
      }
      for (Index kw = 0; kw < s.kernel_w; ++kw) {
        offsets[k++] = (c * s.kernel_w + kw) * s.plane() + row * s.out_width;
      }
    }
  }
}

// Taps that a product takes in one pass: those of as many channels as keep what
// a tile reads of the planes, and the weights beside it, in 32 KiB. For the few
// channels of the reference CNN the number makes no difference that could be
// measured; it bounds what many channels read again for every group of outputs.
template <typename T>
Index taps_of_pass(const Spread& s) {
  const Index tile_rows = kTileRows * table<T>().lanes;
  const Index run = std::min(
      s.plane(), tile_rows + (s.kernel_h - 1) * s.dilation_h * s.out_width);
  const Index channel_bytes = s.kernel_w *
                              (run + s.kernel_h * table<T>().tile_columns) *
                              static_cast<Index>(sizeof(T));
  return s.kernel_h * s.kernel_w *
         std::max<Index>(1, 32 * 1024 / channel_bytes);
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
    T* dy;   // dY(P x O), rows for whole vectors of channels
    T* dyt;  // its transpose
    T* cols;
  };
  Index* input_offsets;
  Index* gradient_offsets;
  T* weight;       // rearranged for the input gradient
  T* sums;         // per chunk: [K][channels] and [channels]
  Index channels;  // out_channels in whole vectors
  Index sums_per_chunk;
  std::byte* workers;
  std::size_t worker_bytes;
  std::size_t total_bytes;

  BackwardScratch(const ConvGeometry& g, Index batch, std::byte* start) {
    channels = round_up(g.out_channels, table<T>().lanes);
    sums_per_chunk = (g.taps() + 1) * channels;
    Cutter shared(start);
    input_offsets = shared.cut<Index>(g.taps());
    gradient_offsets = shared.cut<Index>(spread_of_gradient(g).taps());
    weight = shared.cut<T>(round_up(g.taps(), kTapGroup) * g.out_channels);
    sums = shared.cut<T>(sums_per_chunk * ImageChunks(batch).count);
    workers = start ? start + shared.used() : nullptr;
    Cutter one(nullptr);
    cut_worker(g, one);
    worker_bytes = one.used();
    total_bytes =
        shared.used() + worker_bytes * static_cast<std::size_t>(num_threads());
  }
  PerWorker cut_worker(const ConvGeometry& g, Cutter& cutter) const {
    const Spread s = spread_of_input(g);
    Index padded = s.padded_size();
    Index planes = s.size();
    if (has_unit_stride(g)) {
      const Spread t = spread_of_gradient(g);
      padded = std::max(padded, t.padded_size());
      planes = std::max(planes, t.size());
    }
    PerWorker w{};
    w.padded = cutter.cut<T>(padded + kSlack<T>);
    w.planes = cutter.cut<T>(planes + kSlack<T>);
    w.dy = cutter.cut<T>(channels * g.pixels() + kSlack<T>);
    w.dyt = cutter.cut<T>(channels * g.pixels() + kSlack<T>);
    if (!has_unit_stride(g)) {
      w.cols = cutter.cut<T>(kTapGroup * column_stride(g) + kSlack<T>);
    }
    return w;
  }
  // Of the strided input gradient's columns: whole tiles.
  static Index column_stride(const ConvGeometry& g) {
    return round_up(g.pixels(), kSlack<T>);
  }
};

// The weights as the input gradient wants them. At stride 1 the flipped
// kernel, one column per input channel:
//   out(o, kh, kw; c) = W(c, KH-1-kh, KW-1-kw; o)
// else W^T in groups of taps: out[group][o][tap].
template <typename T>
void rearrange_weight(const ConvGeometry& g, const T* weight, T* out) {
  const Index taps = g.taps();
  if (has_unit_stride(g)) {
    const Index area = g.kernel_h * g.kernel_w;
    parallel_for(g.in_channels, [&](Index c, int) {
      T* column = out + c * g.out_channels * area;
      for (Index o = 0; o < g.out_channels; ++o) {
        const T* filter = weight + o * taps + c * area;
        for (Index i = 0; i < area; ++i) *column++ = filter[area - 1 - i];
      }
    });
    return;
  }
  for (Index group = 0; group < taps; group += kTapGroup) {
    for (Index o = 0; o < g.out_channels; ++o) {
      for (Index j = 0; j < kTapGroup; ++j) {
        const Index k = group + j;
        *out++ = k < taps ? weight[o * taps + k] : T(0);
      }
    }
  }
}

// dx of one image at a stride above 1.
template <typename T>
void strided_input_gradient(
    const ConvGeometry& g, const T* dy, const T* weight, T* cols, T* dx) {
  std::fill_n(dx, g.in_features(), T(0));
  const Index ldc = BackwardScratch<T>::column_stride(g);
  const Index taps = g.taps();
  const Index out_width = g.out_width();
  for (Index group = 0; group < taps; group += kTapGroup) {
    table<T>().tap_products(g.pixels(),
                            g.out_channels,
                            dy,
                            weight + group * g.out_channels,
                            cols,
                            ldc);
    for (Index k = group; k < std::min(taps, group + kTapGroup); ++k) {
      const Index c = k / (g.kernel_h * g.kernel_w);
      const Index kh = k / g.kernel_w % g.kernel_h;
      const Index kw = k % g.kernel_w;
      // Output columns whose tap falls inside the image.
      const Index left = kw * g.dilation_w - g.pad_w;
      const Index low = std::max<Index>(0, -left);
      const Index ow_begin = (low + g.stride_w - 1) / g.stride_w;
      const Index high = g.width - 1 - left;
      const Index ow_end =
          high < 0 ? 0 : std::min(out_width, high / g.stride_w + 1);
      for (Index oh = 0; oh < g.out_height(); ++oh) {
        const Index h = oh * g.stride_h + kh * g.dilation_h - g.pad_h;
        if (h < 0 || h >= g.height) continue;
        const T* from = cols + (k - group) * ldc + oh * out_width;
        T* to = dx + (c * g.height + h) * g.width + left;
        for (Index ow = ow_begin; ow < ow_end; ++ow) {
          to[ow * g.stride_w] += from[ow];
        }
      }
    }
  }
}

// The gradient by the convolution's output of one image, from that by the
// epilogue's.
template <typename T>
void epilogue_gradient(const ConvBackwardArgs<T>& args, Index n, T* dy) {
  const ConvGeometry& g = args.geometry;
  if (const PoolGeometry* pool = args.epilogue.pool) {
    const Index first = n * args.y_step();
    max_pool_backward_image(*pool,
                            args.dy + first,
                            args.argmax + first,
                            args.epilogue.relu ? args.y + first : nullptr,
                            dy);
    return;
  }
  const Index size = g.out_features();
  const T* from = args.dy + n * args.y_step();
  if (args.epilogue.relu) {
    const T* y = args.y + n * args.y_step();
    for (Index i = 0; i < size; ++i) dy[i] = y[i] > 0 ? from[i] : T(0);
  } else {
    std::copy_n(from, size, dy);
  }
}

}  // namespace

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
  return BackwardScratch<T>(geometry, batch, nullptr).total_bytes;
}

template <typename T>
void conv2d_forward(const ConvForwardArgs<T>& args, std::byte* scratch) {
  const ConvGeometry& g = args.geometry;
  const PoolGeometry* pool = args.epilogue.pool;
  const ForwardScratch<T> memory(g, args.epilogue, scratch);
  const Spread s = spread_of_input(g);
  fill_offsets(s, memory.offsets);
  const Index pass_taps = taps_of_pass<T>(s);
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
  const BackwardScratch<T> memory(g, args.batch, scratch);
  const Spread input = spread_of_input(g);
  const Spread gradient = spread_of_gradient(g);
  const ConvTable<T>& kernels = table<T>();
  const Index vectors = memory.channels / kernels.lanes;
  const Index taps = g.taps();
  const Index gradient_pass_taps = taps_of_pass<T>(gradient);
  fill_offsets(input, memory.input_offsets);
  if (args.dx) {
    if (has_unit_stride(g)) fill_offsets(gradient, memory.gradient_offsets);
    rearrange_weight(g, args.weight, memory.weight);
  }

  const ImageChunks chunks(args.batch);
  parallel_for(chunks.count, [&](Index chunk, int worker) {
    Cutter cutter(memory.workers +
                  memory.worker_bytes * static_cast<std::size_t>(worker));
    const auto w = memory.cut_worker(g, cutter);
    T* sums = memory.sums + chunk * memory.sums_per_chunk;
    std::fill_n(sums, memory.sums_per_chunk, T(0));
    // Channels that fill up the last vector have no gradient.
    std::fill_n(w.dy + g.out_features(),
                (memory.channels - g.out_channels) * g.pixels() + kSlack<T>,
                T(0));
    for (Index n = chunks.begin(chunk); n < chunks.end(chunk); ++n) {
      epilogue_gradient(args, n, w.dy);
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
      if (!args.dx) continue;
      T* dx = args.dx + n * args.x_step();
      if (has_unit_stride(g)) {
        kernels.spread(gradient, w.dy, w.padded, w.planes);
        kernels.product(gradient.pixels(),
                        gradient.taps(),
                        gradient_pass_taps,
                        w.planes,
                        memory.gradient_offsets,
                        memory.weight,
                        g.in_channels,
                        nullptr,
                        false,
                        dx);
      } else {
        strided_input_gradient(g, w.dy, memory.weight, w.cols, dx);
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
