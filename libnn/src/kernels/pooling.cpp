#include "kernels/pooling.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/dispatch.h"
#include "kernels/elementwise.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pooling.cpp"
#include <hwy/foreach_target.h>
// Must come after foreach_target.h.
#include "kernels/entry-inl.h"
#include "kernels/vectors-inl.h"

#ifndef NN_SRC_KERNELS_POOLING_TABLE
#define NN_SRC_KERNELS_POOLING_TABLE
namespace nn::kernels {

// Windows of 2 x 2 side by side, as most networks have them.
template <typename T>
struct PoolingTable {
  void (*forward2x2)(const PoolGeometry& g,
                     const T* x,
                     T* y,
                     std::uint8_t* argmax);
  void (*backward2x2)(const PoolGeometry& g,
                      const T* dy,
                      const std::uint8_t* argmax,
                      const T* relu_output,
                      T* dx);
};

}  // namespace nn::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace nn::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using Int = std::int32_t;

// The winners are carried as numbers of type T and become bytes on the way to
// memory.
template <typename T>
HWY_INLINE void store_bytes(hn::Vec<Tag<T>> winners, std::uint8_t* out) {
  const hn::Rebind<Int, Tag<T>> ints;
  const hn::Rebind<std::uint8_t, Tag<T>> bytes;
  if constexpr (sizeof(T) == 4) {
    hn::StoreU(hn::DemoteTo(bytes, hn::ConvertTo(ints, winners)), bytes, out);
  } else {
    hn::StoreU(hn::DemoteTo(bytes, hn::DemoteTo(ints, winners)), bytes, out);
  }
}
template <typename T>
HWY_INLINE hn::Vec<Tag<T>> load_bytes(const std::uint8_t* in) {
  const Tag<T> d;
  const hn::Rebind<Int, Tag<T>> ints;
  const hn::Rebind<std::uint8_t, Tag<T>> bytes;
  const auto values = hn::PromoteTo(ints, hn::LoadU(bytes, in));
  if constexpr (sizeof(T) == 4) {
    return hn::ConvertTo(d, values);
  } else {
    return hn::PromoteTo(d, values);
  }
}

// best and winner, where value is larger or the first NaN.
template <typename T>
HWY_INLINE void challenge(hn::Vec<Tag<T>> value,
                          T place,
                          hn::Vec<Tag<T>>& best,
                          hn::Vec<Tag<T>>& winner) {
  const Tag<T> d;
  const auto first_nan = hn::AndNot(hn::IsNaN(best), hn::IsNaN(value));
  const auto wins = hn::Or(hn::Gt(value, best), first_nan);
  best = hn::IfThenElse(wins, value, best);
  winner = hn::IfThenElse(wins, hn::Set(d, place), winner);
}

template <typename T>
void forward2x2(const PoolGeometry& g, const T* x, T* y, std::uint8_t* argmax) {
  const Tag<T> d;
  constexpr Index lanes = static_cast<Index>(hn::MaxLanes(d));
  const Index oh_end = g.out_height();
  const Index ow_end = g.out_width();
  const T* x_end = x + g.in_features();
  const T* y_end = y + g.out_features();
  for (Index c = 0; c < g.channels; ++c) {
    for (Index oh = 0; oh < oh_end; ++oh) {
      const T* top = x + (c * g.height + 2 * oh) * g.width;
      for (Index ow = 0; ow < ow_end; ow += lanes) {
        // Rows are short against a vector: reading goes on into the next row,
        // and what is written past the end of this one is overwritten by it.
        const T* row0 = top + 2 * ow;
        const T* row1 = row0 + g.width;
        const Index count = HWY_MIN(lanes, ow_end - ow);
        HWY_ALIGN T edge[2][2 * lanes];
        if (row1 + 2 * lanes > x_end) {
          for (Index i = 0; i < 2 * count; ++i) {
            edge[0][i] = row0[i];
            edge[1][i] = row1[i];
          }
          for (Index i = 2 * count; i < 2 * lanes; ++i) {
            edge[0][i] = edge[1][i] = T(0);
          }
          row0 = edge[0];
          row1 = edge[1];
        }
        hn::Vec<Tag<T>> best, right, below, last;
        hn::LoadInterleaved2(d, row0, best, right);
        hn::LoadInterleaved2(d, row1, below, last);
        auto winner = hn::Zero(d);
        challenge<T>(right, T(1), best, winner);
        challenge<T>(below, T(2), best, winner);
        challenge<T>(last, T(3), best, winner);
        if (y + lanes <= y_end) {
          hn::StoreU(best, d, y);
          if (argmax) store_bytes<T>(winner, argmax);
        } else {
          HWY_ALIGN T values[lanes];
          HWY_ALIGN std::uint8_t places[lanes];
          hn::StoreU(best, d, values);
          store_bytes<T>(winner, places);
          for (Index i = 0; i < count; ++i) y[i] = values[i];
          for (Index i = 0; argmax && i < count; ++i) argmax[i] = places[i];
        }
        y += count;
        if (argmax) argmax += count;
      }
    }
  }
}

// Two vectors, interleaved, to out; at most `remaining` elements of it.
template <typename T>
HWY_INLINE void store_pairs(hn::Vec<Tag<T>> left,
                            hn::Vec<Tag<T>> right,
                            T* out,
                            Index count,
                            const T* end) {
  const Tag<T> d;
  constexpr Index lanes = static_cast<Index>(hn::MaxLanes(d));
  if (out + 2 * lanes <= end) {
    hn::StoreInterleaved2(left, right, d, out);
  } else {
    HWY_ALIGN T pairs[2 * lanes] = {};
    hn::StoreInterleaved2(left, right, d, pairs);
    for (Index i = 0; i < 2 * count; ++i) out[i] = pairs[i];
  }
}

template <typename T>
void backward2x2(const PoolGeometry& g,
                 const T* dy,
                 const std::uint8_t* argmax,
                 const T* relu_output,
                 T* dx) {
  const Tag<T> d;
  constexpr Index lanes = static_cast<Index>(hn::MaxLanes(d));
  const Index oh_end = g.out_height();
  const Index ow_end = g.out_width();
  const T* dx_end = dx + g.in_features();
  const T* dy_end = dy + g.out_features();
  for (Index c = 0; c < g.channels; ++c) {
    for (Index oh = 0; oh < oh_end; ++oh) {
      T* top = dx + (c * g.height + 2 * oh) * g.width;
      // Both rows of windows are complete before the next: what a store writes
      // past the end of its row is overwritten by the row it belongs to. So the
      // upper row goes first.
      for (int half = 0; half < 2; ++half) {
        for (Index ow = 0; ow < ow_end; ow += lanes) {
          const Index count = HWY_MIN(lanes, ow_end - ow);
          const T* gradient = dy + ow;
          const T* output = relu_output ? relu_output + ow : nullptr;
          const std::uint8_t* places = argmax + ow;
          HWY_ALIGN T edge[2][lanes];
          HWY_ALIGN std::uint8_t edge_places[lanes];
          if (gradient + lanes > dy_end) {
            for (Index i = 0; i < lanes; ++i) {
              edge[0][i] = i < count ? gradient[i] : T(0);
              edge[1][i] = output && i < count ? output[i] : T(0);
              edge_places[i] = i < count ? places[i] : std::uint8_t{0};
            }
            gradient = edge[0];
            if (output) output = edge[1];
            places = edge_places;
          }
          auto value = hn::LoadU(d, gradient);
          if (output) {
            value = relu_gradients(d, hn::LoadU(d, output), value);
          }
          const auto winner = load_bytes<T>(places);
          const T first = static_cast<T>(2 * half);
          const auto left =
              hn::IfThenElseZero(hn::Eq(winner, hn::Set(d, first)), value);
          const auto right = hn::IfThenElseZero(
              hn::Eq(winner, hn::Set(d, first + T(1))), value);
          store_pairs<T>(
              left, right, top + half * g.width + 2 * ow, count, dx_end);
        }
      }
      dy += ow_end;
      argmax += ow_end;
      if (relu_output) relu_output += ow_end;
    }
  }
}

template <typename T>
const PoolingTable<T>& table() {
  static constexpr PoolingTable<T> kTable{kEntry<forward2x2<T>>,
                                          kEntry<backward2x2<T>>};
  return kTable;
}
NN_EXPORT_TABLES(PoolingTable)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nn::kernels {
namespace {

NN_CHOOSE_TABLES(PoolingTable)

bool is_2x2(const PoolGeometry& g) {
  return g.window_h == 2 && g.window_w == 2 && g.stride_h == 2 &&
         g.stride_w == 2;
}

}  // namespace

template <typename T>
void max_pool_image(const PoolGeometry& g,
                    const T* x,
                    T* y,
                    std::uint8_t* argmax) {
  if (is_2x2(g)) {
    table<T>().forward2x2(g, x, y, argmax);
    return;
  }
  const Index oh_end = g.out_height();
  const Index ow_end = g.out_width();
  for (Index c = 0; c < g.channels; ++c) {
    for (Index oh = 0; oh < oh_end; ++oh) {
      const T* row = x + (c * g.height + oh * g.stride_h) * g.width;
      for (Index ow = 0; ow < ow_end; ++ow) {
        const T* corner = row + ow * g.stride_w;
        T best = corner[0];
        Index winner = 0;
        for (Index kh = 0; kh < g.window_h; ++kh) {
          for (Index kw = 0; kw < g.window_w; ++kw) {
            const T value = corner[kh * g.width + kw];
            if (value > best || (std::isnan(value) && !std::isnan(best))) {
              best = value;
              winner = kh * g.window_w + kw;
            }
          }
        }
        *y++ = best;
        if (argmax) *argmax++ = static_cast<std::uint8_t>(winner);
      }
    }
  }
}

template <typename T>
void max_pool_backward_image(const PoolGeometry& g,
                             const T* dy,
                             const std::uint8_t* argmax,
                             const T* relu_output,
                             T* dx) {
  // An odd last row or column belongs to no window and stays zero.
  if (is_2x2(g) && g.height % 2 == 0 && g.width % 2 == 0) {
    table<T>().backward2x2(g, dy, argmax, relu_output, dx);
    return;
  }
  std::fill_n(dx, g.in_features(), T(0));
  const Index oh_end = g.out_height();
  const Index ow_end = g.out_width();
  Index i = 0;
  for (Index c = 0; c < g.channels; ++c) {
    for (Index oh = 0; oh < oh_end; ++oh) {
      T* row = dx + (c * g.height + oh * g.stride_h) * g.width;
      for (Index ow = 0; ow < ow_end; ++ow, ++i) {
        const T gradient =
            relu_output ? relu_gradient(relu_output[i], dy[i]) : dy[i];
        const Index kh = argmax[i] / g.window_w;
        const Index kw = argmax[i] % g.window_w;
        row[kh * g.width + ow * g.stride_w + kw] += gradient;
      }
    }
  }
}

#define NN_INSTANTIATE(T)                                \
  template void max_pool_image<T>(                       \
      const PoolGeometry&, const T*, T*, std::uint8_t*); \
  template void max_pool_backward_image<T>(              \
      const PoolGeometry&, const T*, const std::uint8_t*, const T*, T*);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn::kernels
#endif  // HWY_ONCE
