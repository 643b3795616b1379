#include "kernels/average_pooling.h"

#include <algorithm>

#include "kernels/blocks.h"
#include "kernels/dispatch.h"
#include "kernels/scratch.h"
#include "nn/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/average_pooling.cpp"
#include <hwy/foreach_target.h>
// Must come after foreach_target.h.
#include "kernels/entry-inl.h"
#include "kernels/windows2x2-inl.h"

#ifndef NN_SRC_KERNELS_AVERAGE_POOLING_TABLE
#define NN_SRC_KERNELS_AVERAGE_POOLING_TABLE
namespace nn::kernels {

// Memory of one task.
template <typename T>
struct AveragePoolRows {
  // The sum of a window's rows, with the padding on both sides, and one element
  // more: vectors of every second element read it.
  T* sum;
  // One over the number of elements of each window of an output row, and in the
  // backward pass the gradients that it was multiplied with.
  T* reciprocal;
  T* gradient;
};

inline Index padded_width(const AveragePoolGeometry& g) {
  return g.width + 2 * g.pad_w;
}

// The rows of the input that the windows of output row `oh` cover, and the
// reciprocals for them.
struct RowRange {
  Index begin;
  Index end;
};
inline RowRange covered_rows(const AveragePoolGeometry& g, Index oh) {
  const Index top = oh * g.stride_h - g.pad_h;
  return {std::max<Index>(top, 0), std::min(top + g.window_h, g.height)};
}
template <typename T>
void write_reciprocals(const AveragePoolGeometry& g, Index rows, T* out) {
  const Index ow_end = g.out_width();
  if (g.count_padding) {
    std::fill_n(out, ow_end, T(1) / static_cast<T>(g.window_h * g.window_w));
    return;
  }
  for (Index ow = 0; ow < ow_end; ++ow) {
    const Index left = ow * g.stride_w - g.pad_w;
    const Index cols =
        std::min(left + g.window_w, g.width) - std::max<Index>(left, 0);
    out[ow] = T(1) / static_cast<T>(rows * cols);
  }
}

// What windows2x2-inl.h walks over.
inline bool is_2x2(const AveragePoolGeometry& g) {
  return g.window_h == 2 && g.window_w == 2 && g.stride_h == 2 &&
         g.stride_w == 2 && g.pad_h == 0 && g.pad_w == 0;
}

// The passes over one plane, those over several where is_2x2(), and the sum of
// an array, as one target provides them.
template <typename T>
struct AveragePoolingTable {
  void (*forward)(const AveragePoolGeometry& g,
                  const T* x,
                  T* y,
                  const AveragePoolRows<T>& rows);
  void (*backward)(const AveragePoolGeometry& g,
                   const T* dy,
                   T* dx,
                   const AveragePoolRows<T>& rows);
  void (*forward2x2)(const AveragePoolGeometry& g,
                     Index planes,
                     const T* x,
                     T* y);
  void (*backward2x2)(const AveragePoolGeometry& g,
                      Index planes,
                      const T* dy,
                      T* dx);
  T (*sum)(const T* x, Index count);
};

}  // namespace nn::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace nn::kernels {
namespace HWY_NAMESPACE {
namespace {

// out = a * b
template <typename T>
HWY_INLINE void multiply(const T* a, const T* b, T* out, Index count) {
  for_each_vector<T>(count, [=](auto d, Index i) NN_BODY {
    hn::StoreU(hn::Mul(hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, out + i);
  });
}

// sum[i] += x[i * stride]. With a stride of 2, reads one element behind the
// last.
template <typename T>
HWY_INLINE void gather_add(const T* HWY_RESTRICT x,
                           Index stride,
                           T* HWY_RESTRICT sum,
                           Index count) {
  if (stride == 1) return add_elements(sum, x, sum, count);
  Index i = 0;
  if (stride == 2) {
    const Tag<T> d;
    for (; i + kLanes<T> <= count; i += kLanes<T>) {
      Vec<T> even, odd;
      hn::LoadInterleaved2(d, x + 2 * i, even, odd);
      hn::StoreU(hn::Add(hn::LoadU(d, sum + i), even), d, sum + i);
    }
  }
  for (; i < count; ++i) sum[i] += x[i * stride];
}

// sum[i * stride] += x[i]. With a stride of 2, reads and writes one element
// behind the last, which stays what it is.
template <typename T>
HWY_INLINE void scatter_add(const T* HWY_RESTRICT x,
                            Index stride,
                            T* HWY_RESTRICT sum,
                            Index count) {
  if (stride == 1) return add_elements(sum, x, sum, count);
  Index i = 0;
  if (stride == 2) {
    const Tag<T> d;
    for (; i + kLanes<T> <= count; i += kLanes<T>) {
      Vec<T> even, odd;
      hn::LoadInterleaved2(d, sum + 2 * i, even, odd);
      hn::StoreInterleaved2(
          hn::Add(even, hn::LoadU(d, x + i)), odd, d, sum + 2 * i);
    }
  }
  for (; i < count; ++i) sum[i * stride] += x[i];
}

template <typename T>
void forward(const AveragePoolGeometry& g,
             const T* x,
             T* y,
             const AveragePoolRows<T>& rows) {
  const Index oh_end = g.out_height();
  const Index ow_end = g.out_width();
  Index rows_of_reciprocals = 0;
  std::fill_n(rows.sum, padded_width(g) + 1, T(0));
  for (Index oh = 0; oh < oh_end; ++oh, y += ow_end) {
    const RowRange range = covered_rows(g, oh);
    T* sum = rows.sum + g.pad_w;
    std::copy_n(x + range.begin * g.width, g.width, sum);
    for (Index h = range.begin + 1; h < range.end; ++h) {
      add_elements(sum, x + h * g.width, sum, g.width);
    }
    if (rows_of_reciprocals != range.end - range.begin) {
      rows_of_reciprocals = range.end - range.begin;
      write_reciprocals(g, rows_of_reciprocals, rows.reciprocal);
    }
    std::fill_n(y, ow_end, T(0));
    for (Index kw = 0; kw < g.window_w; ++kw) {
      gather_add(rows.sum + kw, g.stride_w, y, ow_end);
    }
    multiply(y, rows.reciprocal, y, ow_end);
  }
}

template <typename T>
void backward(const AveragePoolGeometry& g,
              const T* dy,
              T* dx,
              const AveragePoolRows<T>& rows) {
  const Index oh_end = g.out_height();
  const Index ow_end = g.out_width();
  Index rows_of_reciprocals = 0;
  std::fill_n(dx, g.height * g.width, T(0));
  for (Index oh = 0; oh < oh_end; ++oh, dy += ow_end) {
    const RowRange range = covered_rows(g, oh);
    if (rows_of_reciprocals != range.end - range.begin) {
      rows_of_reciprocals = range.end - range.begin;
      write_reciprocals(g, rows_of_reciprocals, rows.reciprocal);
    }
    multiply(dy, rows.reciprocal, rows.gradient, ow_end);
    std::fill_n(rows.sum, padded_width(g) + 1, T(0));
    for (Index kw = 0; kw < g.window_w; ++kw) {
      scatter_add(rows.gradient, g.stride_w, rows.sum + kw, ow_end);
    }
    for (Index h = range.begin; h < range.end; ++h) {
      T* row = dx + h * g.width;
      add_elements(row, rows.sum + g.pad_w, row, g.width);
    }
  }
}

// Five times as fast as the passes above, which take 150 ns for a plane of 14 x
// 14.
template <typename T>
void forward2x2(const AveragePoolGeometry& g, Index planes, const T* x, T* y) {
  const Tag<T> d;
  const Index windows = planes * g.out_height() * g.out_width();
  const auto average = [=](Index first,
                           Index count,
                           Vec<T> left,
                           Vec<T> right,
                           Vec<T> left_below,
                           Vec<T> right_below) NN_BODY {
    const Vec<T> sum =
        hn::Add(hn::Add(left, left_below), hn::Add(right, right_below));
    const Vec<T> mean = hn::Mul(sum, hn::Set(d, T(0.25)));
    if (first + kLanes<T> <= windows) {
      hn::StoreU(mean, d, y + first);
    } else {
      store_lanes(mean, y + first, count);
    }
  };
  for_each_2x2(planes, g.height, g.width, x, average);
}

template <typename T>
void backward2x2(const AveragePoolGeometry& g,
                 Index planes,
                 const T* dy,
                 T* dx) {
  const Tag<T> d;
  const Index windows = planes * g.out_height() * g.out_width();
  const auto spread =
      [=](Index first, Index count, int /*half*/, Vec<T>& left, Vec<T>& right)
          NN_BODY {
            const Vec<T> value = first + kLanes<T> <= windows
                                     ? hn::LoadU(d, dy + first)
                                     : load_lanes(dy + first, 0, count);
            left = hn::Mul(value, hn::Set(d, T(0.25)));
            right = left;
          };
  for_each_half_of_2x2(planes, g.height, g.width, dx, spread);
}

template <typename T>
const AveragePoolingTable<T>& table() {
  static constexpr AveragePoolingTable<T> kTable{kEntry<forward<T>>,
                                                 kEntry<backward<T>>,
                                                 kEntry<forward2x2<T>>,
                                                 kEntry<backward2x2<T>>,
                                                 kEntry<sum_of_elements<T>>};
  return kTable;
}
NN_EXPORT_TABLES(AveragePoolingTable)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nn::kernels {
namespace {

NN_CHOOSE_TABLES(AveragePoolingTable)

// A worker's rows.
template <typename T>
AveragePoolRows<T> cut_rows(const AveragePoolGeometry& g, Cutter& cutter) {
  AveragePoolRows<T> rows;
  rows.sum = cutter.cut<T>(padded_width(g) + 1);
  rows.reciprocal = cutter.cut<T>(g.out_width());
  rows.gradient = cutter.cut<T>(g.out_width());
  return rows;
}
template <typename T>
WorkerScratch worker_rows(const AveragePoolGeometry& g,
                          const Scratch& scratch) {
  Cutter one(nullptr);
  cut_rows<T>(g, one);
  return WorkerScratch(Cutter(scratch.start), one, scratch);
}

// Planes in a row, one large one or several small ones, that make a task.
struct PlaneRanges {
  Index planes;
  Index together;

  PlaneRanges(Index planes_in, Index plane_size)
      : planes(planes_in),
        together(std::max<Index>(1, kMinBlock / plane_size)) {}
  Index count() const { return (planes + together - 1) / together; }
  Index begin(Index task) const { return task * together; }
  Index end(Index task) const {
    return std::min(planes, (task + 1) * together);
  }
};

// Calls body(begin, end) for ranges that together are all planes.
template <typename Body>
void for_plane_ranges(Index planes, Index plane_size, const Body& body) {
  const PlaneRanges ranges(planes, plane_size);
  parallel_for(ranges.count(), [&](Index task, int) {
    body(ranges.begin(task), ranges.end(task));
  });
}

// Calls body(plane, rows) for all planes, with rows of the worker's own.
template <typename T, typename Body>
void for_planes_with_rows(const AveragePoolGeometry& g,
                          Index planes,
                          const Scratch& scratch,
                          const Body& body) {
  const PlaneRanges ranges(planes, g.height * g.width);
  worker_rows<T>(g, scratch)
      .for_tasks(ranges.count(), [&](Index task, Cutter cutter) {
        const AveragePoolRows<T> rows = cut_rows<T>(g, cutter);
        const Index end = ranges.end(task);
        for (Index plane = ranges.begin(task); plane < end; ++plane) {
          body(plane, rows);
        }
      });
}

}  // namespace

template <typename T>
ScratchNeeds average_pool_scratch(const AveragePoolGeometry& g) {
  return worker_rows<T>(g, {}).needs();
}

template <typename T>
void average_pool(const AveragePoolGeometry& g,
                  Index planes,
                  const T* x,
                  T* y,
                  const Scratch& scratch) {
  const Index in = g.height * g.width;
  const Index out = g.out_height() * g.out_width();
  if (is_2x2(g)) {
    for_plane_ranges(planes, in, [&](Index begin, Index end) {
      table<T>().forward2x2(g, end - begin, x + begin * in, y + begin * out);
    });
    return;
  }
  for_planes_with_rows<T>(
      g, planes, scratch, [&](Index plane, const AveragePoolRows<T>& rows) {
        table<T>().forward(g, x + plane * in, y + plane * out, rows);
      });
}

template <typename T>
void average_pool_backward(const AveragePoolGeometry& g,
                           Index planes,
                           const T* dy,
                           T* dx,
                           const Scratch& scratch) {
  const Index in = g.height * g.width;
  const Index out = g.out_height() * g.out_width();
  if (is_2x2(g)) {
    for_plane_ranges(planes, in, [&](Index begin, Index end) {
      table<T>().backward2x2(g, end - begin, dy + begin * out, dx + begin * in);
    });
    return;
  }
  for_planes_with_rows<T>(
      g, planes, scratch, [&](Index plane, const AveragePoolRows<T>& rows) {
        table<T>().backward(g, dy + plane * out, dx + plane * in, rows);
      });
}

template <typename T>
void plane_means(Index planes, Index size, const T* x, T* y) {
  for_plane_ranges(planes, size, [&](Index begin, Index end) {
    for (Index plane = begin; plane < end; ++plane) {
      y[plane] = table<T>().sum(x + plane * size, size) / static_cast<T>(size);
    }
  });
}

template <typename T>
void plane_means_backward(Index planes, Index size, const T* dy, T* dx) {
  for_plane_ranges(planes, size, [&](Index begin, Index end) {
    for (Index plane = begin; plane < end; ++plane) {
      std::fill_n(dx + plane * size, size, dy[plane] / static_cast<T>(size));
    }
  });
}

#define NN_INSTANTIATE(T)                                                    \
  template ScratchNeeds average_pool_scratch<T>(const AveragePoolGeometry&); \
  template void average_pool<T>(                                             \
      const AveragePoolGeometry&, Index, const T*, T*, const Scratch&);      \
  template void average_pool_backward<T>(                                    \
      const AveragePoolGeometry&, Index, const T*, T*, const Scratch&);      \
  template void plane_means<T>(Index, Index, const T*, T*);                  \
  template void plane_means_backward<T>(Index, Index, const T*, T*);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn::kernels
#endif  // HWY_ONCE
