#include "kernels/conv2d_image.h"

#include <type_traits>

#include "kernels/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv2d_image.cpp"
#include <hwy/foreach_target.h>
// Must come after foreach_target.h.
#include "kernels/entry-inl.h"
#include "kernels/spread-inl.h"
#include "kernels/tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nn::kernels {
namespace HWY_NAMESPACE {
namespace {

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
  tile.multiply(
      pass.pass_taps,
      OffsetRows<T>{pass.planes + first, pass.offsets + pass.first_tap},
      StridedColumns<T, C>(weight, pass.taps));
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
      Vec<T> sum[P * kColumns];
      NN_UNROLL
      for (int c = 0; c < P * kColumns; ++c) sum[c] = hn::Zero(d);
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
            Vec<T>& to = sum[p * kColumns + c];
            to = hn::MulAdd(row, w[c], to);
          }
        }
      }
      T totals[P * kColumns];
      sums_of_lanes<P * kColumns>(sum, totals);
      for (int p = 0; p < P; ++p) {
        for (int c = 0; c < kColumns && j + c < columns; ++c) {
          T total = totals[p * kColumns + c];
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
  static_assert(kTileRows == kTileVectors, "what a pass is measured by");
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

// Two phases fill a row by turns. Whole vectors go on past the row, over what
// comes later, as long as there is more of the image.
template <class D, typename T>
HWY_INLINE void join_row(
    D d, const T* even, const T* odd, Index size, T* row, const T* image_end) {
  const Index lanes = static_cast<Index>(hn::MaxLanes(d));
  Index i = 0;
  for (; 2 * i < size && 2 * (i + lanes) <= image_end - row; i += lanes) {
    hn::StoreInterleaved2(
        hn::LoadU(d, even + i), hn::LoadU(d, odd + i), d, row + 2 * i);
  }
  for (i *= 2; i < size; ++i) row[i] = (i % 2 == 0 ? even : odd)[i / 2];
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
        const T* even = blocks + phase[0].first_pixel + first;
        const T* odd = blocks + phase[1].first_pixel + first;
        if (columns.size > 2 * kHalf<T>) {
          join_row(Tag<T>(), even, odd, columns.size, dx, dx_end);
        } else {
          join_row(HalfTag<T>(), even, odd, columns.size, dx, dx_end);
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
const ConvKernels<T>& table() {
  static constexpr ConvKernels<T> kTable{kLanes<T>,
                                         kTileColumns,
                                         kEntry<spread<T>>,
                                         kEntry<product<T>>,
                                         kEntry<transpose<T>>,
                                         kEntry<weight_gradient<T>>,
                                         kEntry<join_phases<T>>};
  return kTable;
}
NN_EXPORT_TABLES(ConvKernels)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nn::kernels {
namespace {

NN_CHOOSE_TABLES(ConvKernels)

}  // namespace

template <>
const ConvKernels<float>& conv_kernels<float>() {
  return table<float>();
}
template <>
const ConvKernels<double>& conv_kernels<double>() {
  return table<double>();
}

}  // namespace nn::kernels
#endif  // HWY_ONCE
