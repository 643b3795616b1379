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
#include "kernels/row_loops-inl.h"

#ifndef NN_SRC_KERNELS_LAYER_NORM_TYPES
#define NN_SRC_KERNELS_LAYER_NORM_TYPES
namespace nn::kernels {

// The serial loops, as one target provides them. Arguments that hold a number
// for each row or column are named so.
template <typename T>
struct LayerNormTable {
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
const LayerNormTable<T>& table() {
  static constexpr LayerNormTable<T> kTable{kEntry<sum<T>>,
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
  return Parts<T>::bytes(Tiling(rows_of(rows, cols)), rows);
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
  const Parts<T> parts(tiling, rows, scratch);
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
