#include "kernels/gemm.h"

#include <algorithm>
#include <cstdint>

#include "kernels/dispatch.h"
#include "kernels/scratch.h"
#include "nn/buffer.h"
#include "nn/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm.cpp"
#include <hwy/foreach_target.h>
// Must come after foreach_target.h.
#include "kernels/entry-inl.h"
#include "kernels/tile-inl.h"

// How a product is computed.
//
// One operand lies along the vectors, the other is broadcast: a tile of the
// result is (vectors of rows) x (single columns). The vector operand is packed
// into panels of kPanelVectors vectors, [k][rows], so that the inner loop reads
// it in order. The broadcast operand is read where it is: eight scalars a step,
// either neighbours in memory or on eight columns that each move on by one.
//
// Which of the two operands of C = A B lies along the vectors is chosen by cost
// (see choose_plan()); with B there, what is computed is C^T = B^T A^T, and the
// tiles are stored transposed.
//
// A product of which both operands run along k (W^T x), with few columns, is
// computed by dot products instead: there, packing costs more than it saves.

#ifndef NN_SRC_KERNELS_GEMM_TYPES
#define NN_SRC_KERNELS_GEMM_TYPES
namespace nn::kernels {

// Steps of k that one pass over a tile takes. A column tile of the broadcast
// operand (8 x 512 floats, 16 KiB) stays in the first-level cache, and adding
// a pass to the tile in memory costs 1 % of it.
constexpr Index kMaxDepth = 512;
// Transposed tiles are dearer to read back, so they get longer passes.
constexpr Index kMaxDepthTransposed = 2048;

// Columns in a block of the packed broadcast operand: a multiple of any tile's.
constexpr Index kColumnBlock = 16;

// Vectors of rows in a panel, and panels that a task goes through for each of
// its columns.
constexpr Index kPanelVectors = 3;
constexpr Index kPanelGroup = 8;

// Packed rows that are multiplied before the next are packed in their place:
// they stay in the second-level cache.
constexpr Index kPackedBytes = 768 * 1024;

// A part of the result: rows and columns as the tile sees them.
template <typename T>
struct GemmBlock {
  Index k;          // steps in this pass
  const T* panels;  // packed rows from `packed_row` on, or null
  Index packed_row;
  const T* rows_data;  // unpacked rows: element (r, k) at [r + k * rows_stride]
  Index rows_stride;
  Index first_row;
  Index rows;
  const T* columns;  // element (k, j) at [k * k_stride + j * j_stride]
  Index k_stride;
  Index j_stride;
  const T*
      column_blocks;  // the same, packed: [block][k][kColumnBlock], or null
  Index first_column;
  Index columns_count;
  T* c;  // element (r, j): [r + j * ldc], transposed [r * ldc + j]
  Index ldc;
  bool transposed;
  bool first_pass;
  bool last_pass;
  const T* row_bias;     // per row of the tile, or null
  const T* column_bias;  // per column of the tile, or null
  bool relu;
};

template <typename T>
struct DotBlock {
  Index k;
  const T* a;  // m vectors of k elements, lda apart
  Index lda;
  Index first;  // rows of C to compute
  Index rows;
  const T* b;  // n vectors of k elements, ldb apart
  Index ldb;
  Index n;
  T* c;  // element (i, j) at [i * c_row_stride + j * c_col_stride]
  Index c_row_stride;
  Index c_col_stride;
  const T* bias_i;
  const T* bias_j;
  bool relu;
};

template <typename T>
struct GemmTable {
  Index lanes;
  Index tile_columns;
  // Packs `rows` rows (at most a panel's) and k steps. Element (r, kk) is at
  // a[r * row_stride + kk * k_stride].
  void (*pack)(const T* a,
               Index row_stride,
               Index k_stride,
               Index rows,
               Index k,
               T* out,
               Index out_stride);
  void (*block)(const GemmBlock<T>& block);
  void (*dot)(const DotBlock<T>& block);
};

}  // namespace nn::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace nn::kernels {
namespace HWY_NAMESPACE {
namespace {

template <typename T>
void pack(const T* a,
          Index row_stride,
          Index k_stride,
          Index rows,
          Index k,
          T* out,
          Index out_stride) {
  const Tag<T> d;
  constexpr Index lanes = kLanes<T>;
  Index r = 0;
  if (row_stride == 1) {
    for (Index kk = 0; kk < k; ++kk) {
      const T* in = a + kk * k_stride;
      T* o = out + kk * out_stride;
      for (r = 0; r + lanes <= rows; r += lanes) {
        hn::StoreU(hn::LoadU(d, in + r), d, o + r);
      }
      for (; r < rows; ++r) o[r] = in[r];
      for (; r < out_stride; ++r) o[r] = T(0);
    }
    return;
  }
  if (k_stride == 1) {
    for (; r + lanes <= rows; r += lanes) {
      pack_transposed(a + r * row_stride, row_stride, k, out + r, out_stride);
    }
  }
  for (Index kk = 0; kk < k && r < out_stride; ++kk) {
    Index i = r;
    for (; i < rows; ++i) {
      out[kk * out_stride + i] = a[i * row_stride + kk * k_stride];
    }
    for (; i < out_stride; ++i) out[kk * out_stride + i] = T(0);
  }
}

template <typename T, int V, int C, class Rows>
HWY_NOINLINE void run_tile(const GemmBlock<T>& g,
                           const Rows& rows,
                           Index r,
                           Index row_count,
                           Index j) {
  Tile<T, V, C> tile;
  T* c = g.transposed ? g.c + r * g.ldc + j : g.c + r + j * g.ldc;
  const bool whole = row_count == V * kLanes<T>;
  if (g.first_pass) {
    tile.clear();
  } else if (g.transposed) {
    tile.load_transposed(c, g.ldc, row_count);
  } else if (whole) {
    tile.load(c, g.ldc);
  } else {
    tile.load_rows(c, g.ldc, row_count);
  }

  const T* b = g.columns + j * g.j_stride;
  if (g.column_blocks == nullptr && g.k_stride == 1) {
    tile.multiply(g.k, rows, StridedColumns<T, C>(b, g.j_stride));
  } else {
    AdjacentColumns<T, C> columns{b, g.k_stride};
    if (g.column_blocks) {
      const Index in_block = j % kColumnBlock;
      columns = {g.column_blocks + (j - in_block) * g.k + in_block,
                 kColumnBlock};
    }
    tile.multiply(g.k, rows, columns);
  }

  if (g.last_pass) {
    if (g.column_bias) tile.add_to_columns(g.column_bias + j);
    if (g.row_bias) {
      if (whole) {
        tile.add_to_rows(g.row_bias + r);
      } else {
        HWY_ALIGN T bias[V * kLanes<T>] = {};
        for (Index i = 0; i < row_count; ++i) bias[i] = g.row_bias[r + i];
        tile.add_to_rows(bias);
      }
    }
    if (g.relu) tile.relu();
  }
  if (g.transposed) {
    tile.store_transposed(c, g.ldc, row_count);
  } else if (whole) {
    tile.store(c, g.ldc);
  } else {
    tile.store_rows(c, g.ldc, row_count);
  }
}

template <typename T, int C, int kMaxVectors = kTileVectors>
void run_columns(const GemmBlock<T>& g, Index j) {
  static_assert(kPanelVectors == kTileVectors, "a panel is a tile's rows");
  constexpr Index lanes = kLanes<T>;
  const Index end = g.first_row + g.rows;
  for (Index r = g.first_row; r < end;) {
    const Index left = (end - r + lanes - 1) / lanes;
    const Index vectors = tile_vectors(left);
    const Index count = HWY_MIN(vectors * lanes, end - r);
    StridedRows<T> rows;
    if (g.panels) {
      rows = {g.panels + (r - g.packed_row) * g.k, vectors * lanes};
    } else {
      rows = {g.rows_data + r, g.rows_stride};
    }
    if constexpr (kMaxVectors >= 3) {
      if (vectors == 3) run_tile<T, 3, C>(g, rows, r, count, j);
    }
    if constexpr (kMaxVectors >= 2) {
      if (vectors == 2) run_tile<T, 2, C>(g, rows, r, count, j);
    }
    if (vectors == 1) run_tile<T, 1, C>(g, rows, r, count, j);
    r += count;
  }
}

template <typename T>
void block(const GemmBlock<T>& g) {
  Index j = g.first_column;
  const Index end = j + g.columns_count;
  // A single vector of rows takes twice as many columns: with eight, there
  // would be more loads than FMAs, and barely enough sums to hide the FMAs'
  // latency.
  if (g.rows <= kLanes<T>) {
    for (; j + 2 * kTileColumns <= end; j += 2 * kTileColumns) {
      run_columns<T, 2 * kTileColumns, 1>(g, j);
    }
  }
  for (; j + kTileColumns <= end; j += kTileColumns) {
    run_columns<T, kTileColumns>(g, j);
  }
  if constexpr (kTileColumns == 8) {
    if (end - j >= 4) {
      run_columns<T, 4>(g, j);
      j += 4;
    }
  }
  if (end - j >= 2) {
    run_columns<T, 2>(g, j);
    j += 2;
  }
  if (end - j >= 1) run_columns<T, 1>(g, j);
}

// R x C dot products at once: every vector loaded serves several.
//
// With few columns the time is that of reading `a`, and a vector that straddles
// two cache lines takes twice as long. So its rows are read in aligned vectors,
// which start up to a vector before the row with the missing lanes zero. Lane l
// then sums the elements whose number is l - shift modulo the lanes; turned
// back by `shift` at the end, the lanes hold the same sums for any alignment,
// and the result is the same to the bit wherever `a` lies.
template <typename T, int R, int C>
HWY_NOINLINE void dot_tile(const DotBlock<T>& g, Index i, Index j) {
  const Tag<T> d;
  constexpr Index lanes = kLanes<T>;
  const T* a = g.a + i * g.lda;
  const T* b = g.b + j * g.ldb;
  Index shift = 0;
  if (kMaskedLoads && g.lda % lanes == 0) {
    shift =
        static_cast<Index>(reinterpret_cast<std::uintptr_t>(a) / sizeof(T)) %
        lanes;
  }
  Vec<T> sum[R * C];
  NN_UNROLL
  for (int r = 0; r < R * C; ++r) sum[r] = hn::Zero(d);
  // Elements kk to kk + lanes - 1, of which only those from `first` to
  // `last` - 1 exist.
  const auto add_part = [&](Index kk, Index first, Index last) HWY_ATTR {
    Vec<T> v[C];
    NN_UNROLL
    for (int c = 0; c < C; ++c) {
      v[c] = load_lanes(b + c * g.ldb + kk, first, last);
    }
    NN_UNROLL
    for (int r = 0; r < R; ++r) {
      const Vec<T> w = load_lanes(a + r * g.lda + kk, first, last);
      NN_UNROLL
      for (int c = 0; c < C; ++c) {
        sum[r * C + c] = hn::MulAdd(w, v[c], sum[r * C + c]);
      }
    }
  };
  Index kk = -shift;
  if (shift > 0) {
    add_part(kk, shift, HWY_MIN(lanes, shift + g.k));
    kk += lanes;
  }
  for (; kk + lanes <= g.k; kk += lanes) {
    Vec<T> v[C];
    NN_UNROLL
    for (int c = 0; c < C; ++c) v[c] = hn::LoadU(d, b + c * g.ldb + kk);
    NN_UNROLL
    for (int r = 0; r < R; ++r) {
      const Vec<T> w = hn::LoadU(d, a + r * g.lda + kk);
      NN_UNROLL
      for (int c = 0; c < C; ++c) {
        sum[r * C + c] = hn::MulAdd(w, v[c], sum[r * C + c]);
      }
    }
  }
  if (kk < g.k) add_part(kk, 0, g.k - kk);

  if (shift > 0) {
    using Lane = hwy::MakeSigned<T>;
    const hn::RebindToSigned<Tag<T>> d_lane;
    const auto turn = hn::IndicesFromVec(
        d,
        hn::And(hn::Iota(d_lane, static_cast<Lane>(shift)),
                hn::Set(d_lane, static_cast<Lane>(lanes - 1))));
    NN_UNROLL
    for (int r = 0; r < R * C; ++r) {
      sum[r] = hn::TableLookupLanes(sum[r], turn);
    }
  }
  T total[R * C];
  sums_of_lanes<R * C>(sum, total);
  T* out = g.c + i * g.c_row_stride + j * g.c_col_stride;
  for (int r = 0; r < R; ++r) {
    for (int c = 0; c < C; ++c) {
      T value = total[r * C + c];
      if (g.bias_i) value += g.bias_i[i + r];
      if (g.bias_j) value += g.bias_j[j + c];
      if (g.relu && value < 0) value = T(0);
      out[r * g.c_row_stride + c * g.c_col_stride] = value;
    }
  }
}

template <typename T, int C>
void dot_columns(const DotBlock<T>& g, Index j) {
  // Eight sums at least hide the FMAs' latency.
  constexpr int R = C == 1 ? 8 : kTileColumns == 8 ? 4 : 2;
  Index i = g.first;
  const Index end = g.first + g.rows;
  for (; i + R <= end; i += R) dot_tile<T, R, C>(g, i, j);
  for (; i + 2 <= end; i += 2) dot_tile<T, 2, C>(g, i, j);
  for (; i < end; ++i) dot_tile<T, 1, C>(g, i, j);
}

template <typename T>
void dot(const DotBlock<T>& g) {
  Index j = 0;
  for (; j + 4 <= g.n; j += 4) dot_columns<T, 4>(g, j);
  switch (g.n - j) {
    case 3:
      dot_columns<T, 3>(g, j);
      break;
    case 2:
      dot_columns<T, 2>(g, j);
      break;
    case 1:
      dot_columns<T, 1>(g, j);
      break;
    default:
      break;
  }
}

template <typename T>
const GemmTable<T>& table() {
  static constexpr GemmTable<T> kTable{kLanes<T>,
                                       kTileColumns,
                                       kEntry<pack<T>>,
                                       kEntry<block<T>>,
                                       kEntry<dot<T>>};
  return kTable;
}
NN_EXPORT_TABLES(GemmTable)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nn::kernels {
namespace {

NN_CHOOSE_TABLES(GemmTable)

// The product as the tiles see it: rows along the vectors.
template <typename T>
struct Plan {
  bool transposed;
  Index rows;
  Index columns;
  Operand<T> row_operand;     // element (row, k)
  Operand<T> column_operand;  // element (column, k)
};

// Rough cycles of both ways; what counts is that one is not much worse.
template <typename T>
double cost(const Plan<T>& plan, Index k, Index lanes) {
  const double padded = static_cast<double>(round_up(plan.rows, lanes));
  const double elements = padded * static_cast<double>(k);
  const double vector_ops = elements / static_cast<double>(lanes);
  // Two FMAs a cycle, but a tile of one vector and few columns starves.
  const double compute = vector_ops * static_cast<double>(plan.columns) / 2.0;
  const bool runs_along_k = plan.row_operand.col_stride == 1;
  // A transposing pack costs about a third of a cycle an element in whole
  // vectors and more than one where rows are missing from the last vector.
  const double odd_rows = static_cast<double>(plan.rows % lanes);
  const double packing =
      runs_along_k ? 0.3 * elements + 1.2 * odd_rows * static_cast<double>(k)
                   : vector_ops;
  const double storing = plan.transposed
                             ? 0.6 * static_cast<double>(plan.rows) *
                                   static_cast<double>(plan.columns)
                             : 0.0;
  return compute + packing + storing;
}

template <typename T>
Plan<T> choose_plan(const GemmArgs<T>& args, Index lanes) {
  const auto swap = [](const Operand<T>& o) {
    return Operand<T>{o.data, o.col_stride, o.row_stride};
  };
  const Plan<T> direct{false, args.m, args.n, args.a, swap(args.b)};
  const Plan<T> turned{true, args.n, args.m, swap(args.b), args.a};
  return cost(direct, args.k, lanes) <= cost(turned, args.k, lanes) ? direct
                                                                    : turned;
}

// Columns up to which W^T x is computed by dot products.
template <typename T>
constexpr Index kMaxDotColumns = 6;

// Whether both operands run along k and one of them has few columns. One with a
// single row or column runs along k, whatever its strides say, only if its k
// stride is 1.
template <typename T>
bool is_dot_product(const GemmArgs<T>& args) {
  return args.a.col_stride == 1 && args.b.row_stride == 1 &&
         std::min(args.m, args.n) <= kMaxDotColumns<T>;
}

template <typename T>
void run_dot_products(const GemmArgs<T>& args) {
  const bool few_rows = args.m < args.n;
  DotBlock<T> dot{};
  dot.k = args.k;
  dot.a = few_rows ? args.b.data : args.a.data;
  dot.lda = few_rows ? args.b.col_stride : args.a.row_stride;
  dot.b = few_rows ? args.a.data : args.b.data;
  dot.ldb = few_rows ? args.a.row_stride : args.b.col_stride;
  dot.n = few_rows ? args.m : args.n;
  dot.c = args.c;
  dot.c_row_stride = few_rows ? args.ldc : 1;
  dot.c_col_stride = few_rows ? 1 : args.ldc;
  dot.bias_i = few_rows ? nullptr : args.row_bias;
  dot.bias_j = few_rows ? args.row_bias : nullptr;
  dot.relu = args.relu;
  const Index rows = few_rows ? args.n : args.m;
  // 128 Ki multiplications, some 10 microseconds, make a task worth handing
  // out.
  const Index step = std::max<Index>(
      8, round_up((Index{1} << 17) / std::max<Index>(1, args.k * dot.n), 8));
  parallel_for((rows + step - 1) / step, [&](Index task, int) {
    DotBlock<T> part = dot;
    part.first = task * step;
    part.rows = std::min(step, rows - part.first);
    table<T>().dot(part);
  });
}

// How a planned product is cut: along k into passes, along the rows into panels
// and blocks of panels, along the columns into tasks.
struct Blocking {
  Index lanes;
  Index rows;
  Index panel;  // rows of all panels but the last
  Index panels;
  bool last_is_wider;
  Index passes;
  Index depth;       // of a pass
  Index pass_depth;  // the same where k is less
  bool packs_rows;
  bool packs_columns;
  Index most_panels;  // of a block
  Index blocks;
  Index column_step;  // columns of a task
  Index column_tasks;

  // Where a panel starts: tile_vectors() moves the last one alone.
  Index first_row(Index i) const {
    if (i == panels) return rows;
    return i * panel - (last_is_wider && i == panels - 1 ? lanes : 0);
  }
};

template <typename T>
Blocking choose_blocking(const Plan<T>& plan, Index k) {
  const GemmTable<T>& kernels = table<T>();
  Blocking cut{};
  cut.lanes = kernels.lanes;
  cut.rows = plan.rows;
  cut.panel = kPanelVectors * cut.lanes;
  cut.panels = (plan.rows + cut.panel - 1) / cut.panel;
  const Index vectors = (plan.rows + cut.lanes - 1) / cut.lanes;
  cut.last_is_wider = vectors > 1 && vectors % kPanelVectors == 1;

  const Index max_depth = plan.transposed ? kMaxDepthTransposed : kMaxDepth;
  cut.passes = std::max<Index>(1, (k + max_depth - 1) / max_depth);
  cut.depth = round_up((k + cut.passes - 1) / cut.passes, 4);
  cut.pass_depth = std::min(cut.depth, k);

  // Rows that lie along the vectors already need no packing if few columns
  // would reuse it, provided that whole vectors can be read.
  cut.packs_rows = plan.row_operand.row_stride != 1 ||
                   plan.rows % cut.lanes != 0 ||
                   plan.columns > 3 * kernels.tile_columns;
  // Columns that lie side by side are far apart from one step of k to the next:
  // in rows of 256 floats, every fourth cache line of a whole operand, which
  // the first-level cache has no place for. Several panels make up for packing
  // them.
  cut.packs_columns = plan.column_operand.row_stride == 1 &&
                      plan.column_operand.col_stride >= 2 * kColumnBlock &&
                      cut.panels > 2 && k >= 8;

  // Panels are packed and multiplied block by block.
  const Index panel_bytes =
      cut.panel * cut.pass_depth * static_cast<Index>(sizeof(T));
  cut.most_panels =
      cut.packs_rows
          ? std::max<Index>(1, kPackedBytes / std::max<Index>(1, panel_bytes))
          : cut.panels;
  cut.blocks = (cut.panels + cut.most_panels - 1) / cut.most_panels;

  // Tasks are parts of a block's result: a group of panels, enough columns to
  // be worth handing out and few enough to leave some for every thread.
  const double flops_per_column = static_cast<double>(std::max<Index>(
      1, std::min(plan.rows, kPanelGroup * cut.panel) * cut.pass_depth));
  const Index unit = cut.packs_columns ? kColumnBlock : kernels.tile_columns;
  cut.column_step = std::clamp<Index>(
      round_up(static_cast<Index>(4e5 / flops_per_column), unit),
      unit,
      round_up(plan.columns, unit));
  cut.column_tasks = (plan.columns + cut.column_step - 1) / cut.column_step;
  return cut;
}

// Packs `k` steps from `first_k` on of all columns, block by block.
template <typename T>
void pack_columns(const Plan<T>& plan, Index first_k, Index k, T* packed) {
  const Operand<T>& from = plan.column_operand;
  parallel_for((plan.columns + kColumnBlock - 1) / kColumnBlock,
               [&](Index block, int) {
                 const Index j = block * kColumnBlock;
                 table<T>().pack(from.data + j + first_k * from.col_stride,
                                 1,
                                 from.col_stride,
                                 std::min(kColumnBlock, plan.columns - j),
                                 k,
                                 packed + j * k,
                                 kColumnBlock);
               });
}

// Packs `k` steps from `first_k` on of `count` panels from number `first` on.
template <typename T>
void pack_panels(const Plan<T>& plan,
                 const Blocking& cut,
                 Index first_k,
                 Index k,
                 Index first,
                 Index count,
                 T* packed) {
  const Operand<T>& from = plan.row_operand;
  // Chunks of 128 steps, so that a product with few panels packs in parallel
  // too.
  const Index chunks = std::max<Index>(1, (k + 127) / 128);
  parallel_for(count * chunks, [&](Index task, int) {
    const Index r = cut.first_row(first + task / chunks);
    const Index kk = task % chunks * 128;
    const Index rows = cut.first_row(first + task / chunks + 1) - r;
    const Index stride = round_up(rows, cut.lanes);
    table<T>().pack(
        from.data + r * from.row_stride + (first_k + kk) * from.col_stride,
        from.row_stride,
        from.col_stride,
        rows,
        std::min<Index>(128, k - kk),
        packed + (r - cut.first_row(first)) * k + kk * stride,
        stride);
  });
}

// Multiplies `count` panels from number `first` on by all columns.
template <typename T>
void multiply_panels(const GemmBlock<T>& block,
                     const Plan<T>& plan,
                     const Blocking& cut,
                     Index first,
                     Index count) {
  const Index groups = (count + kPanelGroup - 1) / kPanelGroup;
  // Columns outside: a thread's share of the tasks is a run of memory, which it
  // finds in its own cache when it comes to update the weights.
  parallel_for(groups * cut.column_tasks, [&](Index task, int) {
    const Index group = task % groups;
    GemmBlock<T> part = block;
    part.first_row = cut.first_row(first + part_begin(count, groups, group));
    part.rows = cut.first_row(first + part_begin(count, groups, group + 1)) -
                part.first_row;
    part.first_column = task / groups * cut.column_step;
    part.columns_count =
        std::min(cut.column_step, plan.columns - part.first_column);
    table<T>().block(part);
  });
}

}  // namespace

template <typename T>
std::size_t gemm_scratch_bytes(Index m, Index n, Index k) {
  // The packed rows and columns of one pass. Either operand may be the one that
  // lies along the vectors, and a smaller batch may choose otherwise, so there
  // is room for the larger.
  const Index lanes = table<T>().lanes;
  const Index depth = std::min(k, kMaxDepthTransposed);
  Cutter cutter(nullptr);
  cutter.cut<T>(std::min(round_up(std::max(m, n), lanes) * depth,
                         kPackedBytes / static_cast<Index>(sizeof(T))));
  cutter.cut<T>(round_up(std::max(m, n), kColumnBlock) * depth);
  return cutter.used();
}

template <typename T>
void gemm(const GemmArgs<T>& args, std::byte* scratch) {
  if (args.m <= 0 || args.n <= 0) return;
  if (is_dot_product(args)) return run_dot_products(args);

  const Plan<T> plan = choose_plan(args, table<T>().lanes);
  const Blocking cut = choose_blocking(plan, args.k);
  Cutter cutter(scratch);
  T* packed = cut.packs_rows
                  ? cutter.cut<T>(std::min(round_up(plan.rows, cut.lanes),
                                           cut.most_panels * cut.panel) *
                                  cut.pass_depth)
                  : nullptr;
  T* packed_columns =
      cut.packs_columns
          ? cutter.cut<T>(round_up(plan.columns, kColumnBlock) * cut.pass_depth)
          : nullptr;

  for (Index pass = 0; pass < cut.passes; ++pass) {
    const Index first_k = pass * cut.depth;
    const Index k = std::max<Index>(0, std::min(cut.depth, args.k - first_k));
    if (cut.packs_columns) pack_columns(plan, first_k, k, packed_columns);
    GemmBlock<T> block{};
    block.k = k;
    block.panels = packed;
    block.rows_data =
        plan.row_operand.data + first_k * plan.row_operand.col_stride;
    block.rows_stride = plan.row_operand.col_stride;
    block.columns =
        plan.column_operand.data + first_k * plan.column_operand.col_stride;
    block.k_stride = plan.column_operand.col_stride;
    block.j_stride = plan.column_operand.row_stride;
    block.c = args.c;
    block.ldc = args.ldc;
    block.transposed = plan.transposed;
    block.column_blocks = packed_columns;
    block.first_pass = pass == 0;
    block.last_pass = pass + 1 == cut.passes;
    block.row_bias = plan.transposed ? nullptr : args.row_bias;
    block.column_bias = plan.transposed ? args.row_bias : nullptr;
    block.relu = args.relu;
    for (Index i = 0; i < cut.blocks; ++i) {
      const Index first = part_begin(cut.panels, cut.blocks, i);
      const Index count = part_begin(cut.panels, cut.blocks, i + 1) - first;
      block.packed_row = cut.first_row(first);
      if (cut.packs_rows)
        pack_panels(plan, cut, first_k, k, first, count, packed);
      multiply_panels(block, plan, cut, first, count);
    }
  }
}

template std::size_t gemm_scratch_bytes<float>(Index, Index, Index);
template std::size_t gemm_scratch_bytes<double>(Index, Index, Index);
template void gemm<float>(const GemmArgs<float>&, std::byte*);
template void gemm<double>(const GemmArgs<double>&, std::byte*);

}  // namespace nn::kernels
#endif  // HWY_ONCE
