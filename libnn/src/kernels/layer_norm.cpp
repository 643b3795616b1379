#include "kernels/layer_norm.h"

#include <algorithm>
#include <cmath>

#include "kernels/dispatch.h"
#include "kernels/row_tiling.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/layer_norm.cpp"
#include <hwy/foreach_target.h>
// Must come after foreach_target.h.
#include "kernels/entry-inl.h"
#include "kernels/vectors-inl.h"

#ifndef NN_SRC_KERNELS_LAYER_NORM_TYPES
#define NN_SRC_KERNELS_LAYER_NORM_TYPES
namespace nn::kernels {

// Arguments of the loops over one column. A loop leaves alone what its formula
// does not name.
template <typename T>
struct ColumnArgs {
  Index count;
  const T* x;
  const T* dy;
  const T* weight;  // a number for each row, or null: 1
  const T* bias;    // likewise, null if weight is: 0
  T* out;
  T mean = 0;
  T scale = 0;
  T mean_g = 0;
  T slope = 0;
};

// The serial loops, as one target provides them, with g = dy * weight[row].
template <typename T>
struct LayerNormTable {
  // The sum of a column.
  T (*sum)(const T* x, Index count);
  // The sum of (x - mean)^2.
  T (*squares)(const ColumnArgs<T>& args);
  // out = (x - mean) * scale * weight[row] + bias[row].
  void (*column_affine)(const ColumnArgs<T>& args);
  // sums[0] = sum of g and sums[1] = sum of g * (x - mean).
  void (*column_gradients)(const ColumnArgs<T>& args, T* sums);
  // out = scale * (g - mean_g + slope * (x - mean)).
  void (*column_input_gradient)(const ColumnArgs<T>& args);
  // sums[row] = sum of dy, weighted[row] = sum of dy * (x - mean[col]) *
  // scale[col].
  void (*parameter_gradients)(const TileSumsArgs<T>& args);
};

}  // namespace nn::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace nn::kernels {
namespace HWY_NAMESPACE {
namespace {

template <typename T>
T squares(const ColumnArgs<T>& args) {
  return sum_of_vectors<T>(args.count, [a = args](auto d, Index i) NN_BODY {
    const auto v = hn::Sub(hn::LoadU(d, a.x + i), hn::Set(d, a.mean));
    return hn::Mul(v, v);
  });
}

template <typename T>
void column_affine(const ColumnArgs<T>& args) {
  for_each_vector<T>(args.count, [a = args](auto d, Index i) NN_BODY {
    const auto v = hn::Mul(hn::Sub(hn::LoadU(d, a.x + i), hn::Set(d, a.mean)),
                           hn::Set(d, a.scale));
    hn::StoreU(
        a.weight ? hn::MulAdd(
                       v, hn::LoadU(d, a.weight + i), hn::LoadU(d, a.bias + i))
                 : v,
        d,
        a.out + i);
  });
}

// dy * weight, where there is a weight.
template <class D, typename T>
HWY_INLINE hn::Vec<D> weighted_gradient(D d, const ColumnArgs<T>& a, Index i) {
  const auto g = hn::LoadU(d, a.dy + i);
  return a.weight ? hn::Mul(g, hn::LoadU(d, a.weight + i)) : g;
}

template <typename T>
void column_gradients(const ColumnArgs<T>& args, T* sums) {
  sums[0] = sum_of_vectors<T>(args.count, [a = args](auto d, Index i) NN_BODY {
    return weighted_gradient(d, a, i);
  });
  sums[1] = sum_of_vectors<T>(args.count, [a = args](auto d, Index i) NN_BODY {
    const auto v = hn::Sub(hn::LoadU(d, a.x + i), hn::Set(d, a.mean));
    return hn::Mul(weighted_gradient(d, a, i), v);
  });
}

template <typename T>
void column_input_gradient(const ColumnArgs<T>& args) {
  for_each_vector<T>(args.count, [a = args](auto d, Index i) NN_BODY {
    const auto v = hn::Sub(hn::LoadU(d, a.x + i), hn::Set(d, a.mean));
    const auto g = hn::Sub(weighted_gradient(d, a, i), hn::Set(d, a.mean_g));
    const auto sloped = hn::MulAdd(v, hn::Set(d, a.slope), g);
    hn::StoreU(hn::Mul(hn::Set(d, a.scale), sloped), d, a.out + i);
  });
}

template <typename T>
void parameter_gradients(const TileSumsArgs<T>& args) {
  for_each_vector<T>(args.tile.rows, [a = args](auto d, Index i) NN_BODY {
    auto sum = hn::Zero(d);
    auto weighted = sum;
    Index at = i;
    for (Index n = 0; n < a.tile.cols; ++n, at += a.tile.stride) {
      const auto g = hn::LoadU(d, a.dy + at);
      const auto v =
          hn::Mul(hn::Sub(hn::LoadU(d, a.x + at), hn::Set(d, a.mean[n])),
                  hn::Set(d, a.scale[n]));
      sum = hn::Add(sum, g);
      weighted = hn::MulAdd(g, v, weighted);
    }
    hn::StoreU(sum, d, a.sums + i);
    hn::StoreU(weighted, d, a.weighted + i);
  });
}

template <typename T>
const LayerNormTable<T>& table() {
  static constexpr LayerNormTable<T> kTable{kEntry<sum_of_elements<T>>,
                                            kEntry<squares<T>>,
                                            kEntry<column_affine<T>>,
                                            kEntry<column_gradients<T>>,
                                            kEntry<column_input_gradient<T>>,
                                            kEntry<parameter_gradients<T>>};
  return kTable;
}
NN_EXPORT_TABLES(LayerNormTable)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nn::kernels {
namespace {

NN_CHOOSE_TABLES(LayerNormTable)

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
void sample_normalize(const SampleNormArgs<T>& args) {
  const Index rows = args.rows;
  const auto count = static_cast<T>(rows);
  for_columns(rows, args.cols, [&](Index n) {
    ColumnArgs<T> column{rows,
                         args.x + n * rows,
                         /*dy=*/nullptr,
                         args.weight,
                         args.bias,
                         args.y + n * rows};
    column.mean = table<T>().sum(column.x, rows) / count;
    const T variance = table<T>().squares(column) / count;
    column.scale = T(1) / std::sqrt(variance + args.eps);
    table<T>().column_affine(column);
    if (args.mean) args.mean[n] = column.mean;
    if (args.inverse_std) args.inverse_std[n] = column.scale;
  });
}

template <typename T>
void sample_normalize_backward(const SampleNormGradientArgs<T>& args) {
  const Index rows = args.rows;
  const auto count = static_cast<T>(rows);
  for_columns(rows, args.cols, [&](Index n) {
    const T r = args.inverse_std[n];
    ColumnArgs<T> column{rows,
                         args.x + n * rows,
                         args.dy + n * rows,
                         args.weight,
                         /*bias=*/nullptr,
                         args.dx + n * rows,
                         args.mean[n],
                         r};
    T sums[2];
    table<T>().column_gradients(column, sums);
    column.mean_g = sums[0] / count;
    column.slope = -r * r * sums[1] / count;
    table<T>().column_input_gradient(column);
  });
}

template <typename T>
std::size_t sample_scratch_bytes(Index rows, Index cols) {
  return Parts<T>::bytes(Tiling(rows_of(rows, cols)), rows);
}

template <typename T>
void sample_normalize_parameters(const SampleNormGradientArgs<T>& args) {
  const Index rows = args.rows;
  const Tiling tiling(rows_of(rows, args.cols));
  const Parts<T> parts(tiling, rows, args.scratch);
  parallel_for(tiling.tiles(), [&](Index t, int) {
    const Tiling::Place p = tiling.place(t);
    const Index column = p.first / rows;
    const Index i = p.part * rows + p.channel;
    table<T>().parameter_gradients({p.tile,
                                    args.x + p.first,
                                    args.dy + p.first,
                                    args.mean + column,
                                    args.inverse_std + column,
                                    parts.first + i,
                                    parts.second + i});
  });
  add_parts(tiling, parts, rows, args.dbias, args.dweight);
}

#define NN_INSTANTIATE(T)                                      \
  template void sample_normalize<T>(const SampleNormArgs<T>&); \
  template void sample_normalize_backward<T>(                  \
      const SampleNormGradientArgs<T>&);                       \
  template std::size_t sample_scratch_bytes<T>(Index, Index);  \
  template void sample_normalize_parameters<T>(                \
      const SampleNormGradientArgs<T>&);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn::kernels
#endif  // HWY_ONCE
