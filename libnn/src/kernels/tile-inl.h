// The register tile: the one inner loop behind matrix products and
// convolutions. Included once per target, inside no namespace.

#if defined(NN_SRC_KERNELS_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NN_SRC_KERNELS_TILE_INL_H_
#undef NN_SRC_KERNELS_TILE_INL_H_
#else
#define NN_SRC_KERNELS_TILE_INL_H_
#endif

#include <hwy/highway.h>

#include "kernels/vectors-inl.h"
#include "nn/types.h"

HWY_BEFORE_NAMESPACE();
namespace nn::kernels {
namespace HWY_NAMESPACE {

// A tile is V vectors by C columns. 3 x 8 fills the 32 registers of AVX-512 and
// AArch64 (24 accumulators, 3 vectors of A, 1 broadcast), 3 x 4 the 16 of AVX2
// and SSE. Each FMA takes its operands from registers; per step of k there are
// V + C loads for V * C FMAs.
constexpr int kTileVectors = 3;
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON
constexpr int kTileColumns = 8;
#else
constexpr int kTileColumns = 4;
#endif

/// The height of the next tile, or of the panel that is packed for it, when
/// `left` vectors are left: four are two tiles of two, not three and one whose
/// few sums wait for each other.
constexpr Index tile_vectors(Index left) {
  return left == 4 ? 2 : HWY_MIN(left, Index{kTileVectors});
}

// Where the vectors of step k are. Both read whole vectors, so there must be
// memory behind the last one.

/// At a + k * stride. A panel is longer than the first-level cache, so what
/// comes next is asked for: 8 steps take some 100 cycles.
template <typename T>
struct StridedRows {
  const T* a;
  Index stride;
  HWY_INLINE const T* at(Index k) const { return a + k * stride; }
  HWY_INLINE void prefetch(Index k, int vector) const {
    __builtin_prefetch(at(k + 8) + vector * kLanes<T>);
  }
};
/// At a + offset[k], in the first-level cache.
template <typename T>
struct OffsetRows {
  const T* a;
  const Index* offset;
  HWY_INLINE const T* at(Index k) const { return opaque(a + offset[k]); }
  HWY_INLINE void prefetch(Index /*k*/, int /*vector*/) const {}
};

// Where the scalar of step k and column j is. next() follows every step.

/// At b[k * stride + j].
template <typename T, int C>
struct AdjacentColumns {
  const T* b;
  Index stride;
  HWY_INLINE T at(Index k, int j) const { return b[k * stride + j]; }
  HWY_INLINE void next() {}
};
/// At b[j][k].
template <typename T, int C>
struct PointerColumns {
  const T* b[C];
  HWY_INLINE T at(Index k, int j) const { return b[j][k]; }
  HWY_INLINE void next() {}
};
/// At first[j * stride + k]. Four columns share a pointer and two distances:
/// with a pointer for each, there are too few registers, and g++ keeps some in
/// vectors, from where they come by an instruction that takes an FMA's place.
template <typename T, int C>
struct StridedColumns {
  static constexpr int kPointers = (C + 3) / 4;
  const T* b[kPointers];
  Index stride;
  Index stride3;

  StridedColumns(const T* first, Index stride_in)
      : stride(stride_in), stride3(3 * stride_in) {
    for (int i = 0; i < kPointers; ++i) b[i] = first + 4 * i * stride;
  }
  HWY_INLINE T at(Index /*k*/, int j) const {
    const T* p = b[j / 4];
    switch (j % 4) {
      case 0:
        return p[0];
      case 1:
        return p[stride];
      case 2:
        return p[2 * stride];
      default:
        return p[stride3];
    }
  }
  HWY_INLINE void next() {
    NN_UNROLL
    for (int i = 0; i < kPointers; ++i) b[i] = opaque(b[i] + 1);
  }
};

/// Element (r, j) from from[j * from_column + r * from_row] to
/// to[j * to_column + r * to_row]. For the edges of a result, hence not inlined
/// into every tile.
template <typename T>
HWY_NOINLINE void copy_block(const T* from,
                             Index from_column,
                             Index from_row,
                             T* to,
                             Index to_column,
                             Index to_row,
                             Index rows,
                             Index columns) {
  for (Index j = 0; j < columns; ++j) {
    for (Index r = 0; r < rows; ++r) {
      to[j * to_column + r * to_row] = from[j * from_column + r * from_row];
    }
  }
}

/// Four neighbours at a time to out, out + ldc, ...
template <typename T>
HWY_INLINE void copy_quads(const T* quads, T* out, Index ldc, Index count) {
  for (Index r = 0; r < count; ++r) {
    __builtin_memcpy(out + r * ldc, quads + 4 * r, 4 * sizeof(T));
  }
}

template <typename T, int V, int C>
struct Tile {
  Vec<T> sum[V][C];

  HWY_INLINE void clear() {
    NN_UNROLL
    for (int i = 0; i < V; ++i) {
      NN_UNROLL
      for (int j = 0; j < C; ++j) sum[i][j] = hn::Zero(Tag<T>());
    }
  }

  /// sum += A * B over k steps.
  template <class Rows, class Columns>
  HWY_INLINE void multiply(Index k, const Rows& rows, Columns columns) {
    const Tag<T> d;
    Vec<T> s[V][C];
    NN_UNROLL
    for (int i = 0; i < V; ++i) {
      NN_UNROLL
      for (int j = 0; j < C; ++j) s[i][j] = sum[i][j];
    }
    for (Index kk = 0; kk < k; ++kk) {
      const T* a = rows.at(kk);
      Vec<T> v[V];
      NN_UNROLL
      for (int i = 0; i < V; ++i) {
        v[i] = hn::LoadU(d, a + i * kLanes<T>);
        rows.prefetch(kk, i);
      }
      NN_UNROLL
      for (int j = 0; j < C; ++j) {
        const Vec<T> b = hn::Set(d, columns.at(kk, j));
        NN_UNROLL
        for (int i = 0; i < V; ++i) s[i][j] = hn::MulAdd(v[i], b, s[i][j]);
      }
      columns.next();
    }
    NN_UNROLL
    for (int i = 0; i < V; ++i) {
      NN_UNROLL
      for (int j = 0; j < C; ++j) sum[i][j] = s[i][j];
    }
  }

  /// Adds one value per column.
  HWY_INLINE void add_to_columns(const T* bias) {
    const Tag<T> d;
    NN_UNROLL
    for (int j = 0; j < C; ++j) {
      const Vec<T> b = hn::Set(d, bias[j]);
      NN_UNROLL
      for (int i = 0; i < V; ++i) sum[i][j] = hn::Add(sum[i][j], b);
    }
  }

  /// Adds one value per row; bias holds V whole vectors.
  HWY_INLINE void add_to_rows(const T* bias) {
    const Tag<T> d;
    NN_UNROLL
    for (int i = 0; i < V; ++i) {
      const Vec<T> b = hn::LoadU(d, bias + i * kLanes<T>);
      NN_UNROLL
      for (int j = 0; j < C; ++j) sum[i][j] = hn::Add(sum[i][j], b);
    }
  }

  /// max(sum, 0); a NaN stays one.
  HWY_INLINE void relu() {
    NN_UNROLL
    for (int i = 0; i < V; ++i) {
      NN_UNROLL
      for (int j = 0; j < C; ++j) sum[i][j] = rectified(Tag<T>(), sum[i][j]);
    }
  }

  /// Column j to c + j * ldc, whole vectors.
  HWY_INLINE void store(T* c, Index ldc) const {
    const Tag<T> d;
    NN_UNROLL
    for (int j = 0; j < C; ++j) {
      NN_UNROLL
      for (int i = 0; i < V; ++i) {
        hn::StoreU(sum[i][j], d, c + j * ldc + i * kLanes<T>);
      }
    }
  }
  HWY_INLINE void load(const T* c, Index ldc) {
    const Tag<T> d;
    NN_UNROLL
    for (int j = 0; j < C; ++j) {
      NN_UNROLL
      for (int i = 0; i < V; ++i) {
        sum[i][j] = hn::LoadU(d, c + j * ldc + i * kLanes<T>);
      }
    }
  }

  /// The first `rows` rows of column j to c + j * ldc. Touches nothing else.
  HWY_INLINE void store_rows(T* c, Index ldc, Index rows) const {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
    // Masked stores leave the rest of the memory alone here; elsewhere they are
    // a read and a write of the whole vector, which may belong to a neighbour's
    // task.
    const Tag<T> d;
    NN_UNROLL
    for (int i = 0; i < V; ++i) {
      const Index count = rows - i * kLanes<T>;
      if (count <= 0) return;
      const auto mask = hn::FirstN(d, static_cast<size_t>(count));
      NN_UNROLL
      for (int j = 0; j < C; ++j) {
        hn::BlendedStore(sum[i][j], mask, d, c + j * ldc + i * kLanes<T>);
      }
    }
#else
    HWY_ALIGN T buffer[V * kLanes<T> * C];
    store(buffer, V * kLanes<T>);
    copy_block(buffer, V * kLanes<T>, 1, c, ldc, 1, rows, C);
#endif
  }
  HWY_INLINE void load_rows(const T* c, Index ldc, Index rows) {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
    const Tag<T> d;
    NN_UNROLL
    for (int i = 0; i < V; ++i) {
      const Index count = HWY_MAX(rows - i * kLanes<T>, Index{0});
      const auto mask = hn::FirstN(d, static_cast<size_t>(count));
      NN_UNROLL
      for (int j = 0; j < C; ++j) {
        sum[i][j] = hn::MaskedLoad(mask, d, c + j * ldc + i * kLanes<T>);
      }
    }
#else
    HWY_ALIGN T buffer[V * kLanes<T> * C] = {};
    copy_block(c, ldc, 1, buffer, V * kLanes<T>, 1, rows, C);
    load(buffer, V * kLanes<T>);
#endif
  }

  /// Transposed: the first `rows` rows, row r to c + r * ldc.
  HWY_INLINE void store_transposed(T* c, Index ldc, Index rows) const {
    if constexpr (C % 4 == 0 && kLanes < T >> 1) {
      const Tag<T> d;
      NN_UNROLL
      for (int i = 0; i < V; ++i) {
        const Index count = HWY_MIN(rows - i * kLanes<T>, Index{kLanes<T>});
        if (count <= 0) return;
        NN_UNROLL
        for (int j = 0; j < C; j += 4) {
          HWY_ALIGN T quads[4 * kLanes<T>] = {};
          hn::StoreInterleaved4(
              sum[i][j], sum[i][j + 1], sum[i][j + 2], sum[i][j + 3], d, quads);
          copy_quads(quads, c + i * kLanes<T> * ldc + j, ldc, count);
        }
      }
    } else {
      HWY_ALIGN T buffer[V * kLanes<T> * C];
      store(buffer, V * kLanes<T>);
      copy_block(buffer, V * kLanes<T>, 1, c, 1, ldc, rows, C);
    }
  }
  HWY_INLINE void load_transposed(const T* c, Index ldc, Index rows) {
    HWY_ALIGN T buffer[V * kLanes<T> * C] = {};
    copy_block(c, 1, ldc, buffer, V * kLanes<T>, 1, rows, C);
    load(buffer, V * kLanes<T>);
  }
};

#if HWY_TARGET != HWY_SCALAR
/// Rows p + r * stride for r = 0, B, 2B, ... (B elements fill 16 bytes), 16
/// bytes of each, side by side in one vector.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load_blocks(D d, const T* p, Index stride) {
  constexpr int kBlock = 16 / sizeof(T);
  if constexpr (hn::MaxLanes(D()) <= kBlock) {
    return hn::LoadU(d, p);
  } else {
    const hn::Half<D> half;
    constexpr Index kHalfRows = static_cast<Index>(hn::MaxLanes(D())) / 2;
    return hn::Combine(d,
                       load_blocks(half, p + kHalfRows * stride, stride),
                       load_blocks(half, p, stride));
  }
}

#endif  // HWY_TARGET != HWY_SCALAR

/// Copies a k x rows block, in which k is contiguous (element (r, k) at
/// a[r * stride + k]), to out[k * out_stride + r]: one vector's worth of rows.
template <typename T>
HWY_INLINE void pack_transposed(
    const T* a, Index stride, Index k, T* out, Index out_stride) {
  Index kk = 0;
#if HWY_TARGET != HWY_SCALAR
  const Tag<T> d;
  if constexpr (sizeof(T) == 4) {
    const hn::Repartition<double, Tag<T>> wide;
    for (; kk + 4 <= k; kk += 4) {
      // Inside every 16-byte block, a 4 x 4 transpose.
      const auto a0 = load_blocks(d, a + kk, stride);
      const auto a1 = load_blocks(d, a + kk + stride, stride);
      const auto a2 = load_blocks(d, a + kk + 2 * stride, stride);
      const auto a3 = load_blocks(d, a + kk + 3 * stride, stride);
      const auto low01 = hn::BitCast(wide, hn::InterleaveLower(d, a0, a1));
      const auto low23 = hn::BitCast(wide, hn::InterleaveLower(d, a2, a3));
      const auto high01 = hn::BitCast(wide, hn::InterleaveUpper(d, a0, a1));
      const auto high23 = hn::BitCast(wide, hn::InterleaveUpper(d, a2, a3));
      T* o = out + kk * out_stride;
      hn::StoreU(hn::BitCast(d, hn::InterleaveLower(wide, low01, low23)), d, o);
      o += out_stride;
      hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(wide, low01, low23)), d, o);
      o += out_stride;
      hn::StoreU(
          hn::BitCast(d, hn::InterleaveLower(wide, high01, high23)), d, o);
      o += out_stride;
      hn::StoreU(
          hn::BitCast(d, hn::InterleaveUpper(wide, high01, high23)), d, o);
    }
  } else {
    for (; kk + 2 <= k; kk += 2) {
      const auto a0 = load_blocks(d, a + kk, stride);
      const auto a1 = load_blocks(d, a + kk + stride, stride);
      hn::StoreU(hn::InterleaveLower(d, a0, a1), d, out + kk * out_stride);
      hn::StoreU(
          hn::InterleaveUpper(d, a0, a1), d, out + (kk + 1) * out_stride);
    }
  }
#endif
  for (; kk < k; ++kk) {
    for (int r = 0; r < kLanes<T>; ++r) {
      out[kk * out_stride + r] = a[r * stride + kk];
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace nn::kernels
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
