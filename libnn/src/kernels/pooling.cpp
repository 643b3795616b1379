#include "kernels/pooling.h"

#include <algorithm>
#include <cmath>

#include "kernels/dispatch.h"
#include "kernels/elementwise.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pooling.cpp"
#include <hwy/foreach_target.h>
// Must come after foreach_target.h.
#include "kernels/entry-inl.h"
#include "kernels/windows2x2-inl.h"

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

// The winners are carried as numbers of type T and become bytes on the way to
// memory.
template <typename T>
HWY_INLINE void store_bytes(Vec<T> winners, std::uint8_t* out) {
  const hn::Rebind<std::int32_t, Tag<T>> ints;
  const hn::Rebind<std::uint8_t, Tag<T>> bytes;
  if constexpr (sizeof(T) == 4) {
    hn::StoreU(hn::DemoteTo(bytes, hn::ConvertTo(ints, winners)), bytes, out);
  } else {
    hn::StoreU(hn::DemoteTo(bytes, hn::DemoteTo(ints, winners)), bytes, out);
  }
}

// best and winner, where value is larger or the first NaN.
template <typename T>
HWY_INLINE void challenge(Vec<T> value, T place, Vec<T>& best, Vec<T>& winner) {
  const Tag<T> d;
  const auto first_nan = hn::AndNot(hn::IsNaN(best), hn::IsNaN(value));
  const auto wins = hn::Or(hn::Gt(value, best), first_nan);
  best = hn::IfThenElse(wins, value, best);
  winner = hn::IfThenElse(wins, hn::Set(d, place), winner);
}

template <typename T>
void forward2x2(const PoolGeometry& g, const T* x, T* y, std::uint8_t* argmax) {
  const Tag<T> d;
  const Index windows = g.out_features();
  const auto pool = [=](Index first,
                        Index count,
                        Vec<T> best,
                        Vec<T> right,
                        Vec<T> below,
                        Vec<T> last) NN_BODY {
    Vec<T> winner = hn::Zero(d);
    challenge<T>(right, T(1), best, winner);
    challenge<T>(below, T(2), best, winner);
    challenge<T>(last, T(3), best, winner);
    if (first + kLanes<T> <= windows) {
      hn::StoreU(best, d, y + first);
      if (argmax) store_bytes<T>(winner, argmax + first);
    } else {
      HWY_ALIGN std::uint8_t places[kLanes<T>];
      store_lanes(best, y + first, count);
      store_bytes<T>(winner, places);
      if (argmax) std::copy_n(places, count, argmax + first);
    }
  };
  for_each_2x2(g.channels, g.height, g.width, x, pool);
}

template <typename T>
void backward2x2(const PoolGeometry& g,
                 const T* dy,
                 const std::uint8_t* argmax,
                 const T* relu_output,
                 T* dx) {
  const Tag<T> d;
  const Index windows = g.out_features();
  const auto spread =
      [=](Index first, Index count, int half, Vec<T>& left, Vec<T>& right)
          NN_BODY {
            Vec<T> value;
            Vec<T> output = hn::Zero(d);
            Vec<T> winner;
            if (HWY_LIKELY(first + kLanes<T> <= windows)) {
              value = hn::LoadU(d, dy + first);
              if (relu_output) output = hn::LoadU(d, relu_output + first);
              winner = load_bytes(d, argmax + first);
            } else {
              HWY_ALIGN std::uint8_t places[kLanes<T>] = {};
              std::copy_n(argmax + first, count, places);
              value = load_lanes(dy + first, 0, count);
              if (relu_output) {
                output = load_lanes(relu_output + first, 0, count);
              }
              winner = load_bytes(d, places);
            }
            if (relu_output) value = relu_gradients(d, output, value);
            const Vec<T> left_place = hn::Set(d, static_cast<T>(2 * half));
            const Vec<T> right_place = hn::Set(d, static_cast<T>(2 * half + 1));
            left = hn::IfThenElseZero(hn::Eq(winner, left_place), value);
            right = hn::IfThenElseZero(hn::Eq(winner, right_place), value);
          };
  for_each_half_of_2x2(g.channels, g.height, g.width, dx, spread);
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
  if (is_2x2(g)) {
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
