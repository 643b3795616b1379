#include "kernels/optimizers.h"

#include <algorithm>
#include <limits>

#include "kernels/blocks.h"
#include "kernels/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/optimizers.cpp"
#include <hwy/foreach_target.h>
// Must come after foreach_target.h.
#include "kernels/entry-inl.h"
#include "kernels/vectors-inl.h"

#ifndef NN_SRC_KERNELS_OPTIMIZERS_TABLE
#define NN_SRC_KERNELS_OPTIMIZERS_TABLE
namespace nn::kernels {

// The loops as one target provides them.
template <typename T>
struct OptimizerTable {
  void (*sgd)(const SgdArgs<T>& args);
  void (*adam)(const AdamArgs<T>& args);
  void (*rmsprop)(const RmsPropArgs<T>& args);
  void (*adagrad)(const AdagradArgs<T>& args);
  double (*sum_of_squares)(const T* x, Index count);
  void (*scale)(T* x, T factor, Index count);
  double (*largest_magnitude)(const T* x, Index count);
  void (*clamp)(T* x, T limit, Index count);
};

}  // namespace nn::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace nn::kernels {
namespace HWY_NAMESPACE {
namespace {

template <class D, typename T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> penalized(
    D d, hn::Vec<D> grad, hn::Vec<D> w, T weight_decay, T l1) {
  const auto decayed = hn::MulAdd(hn::Set(d, weight_decay), w, grad);
  const auto slope = hn::CopySign(hn::Set(d, l1), w);
  return hn::Add(decayed, hn::IfThenZeroElse(hn::Eq(w, hn::Zero(d)), slope));
}

template <typename T>
void sgd(const SgdArgs<T>& args) {
  for_each_vector<T>(args.count, [u = args](auto d, Index i) NN_BODY {
    const auto w = hn::LoadU(d, u.value + i);
    const auto g =
        penalized(d, hn::LoadU(d, u.grad + i), w, u.weight_decay, u.l1);
    auto step = g;
    if (u.velocity != nullptr) {
      const auto momentum = hn::Set(d, u.momentum);
      const auto v = hn::MulAdd(momentum, hn::LoadU(d, u.velocity + i), g);
      hn::StoreU(v, d, u.velocity + i);
      step = u.nesterov ? hn::MulAdd(momentum, v, g) : v;
    }
    hn::StoreU(
        hn::NegMulAdd(hn::Set(d, u.learning_rate), step, w), d, u.value + i);
  });
}

template <typename T>
void adam(const AdamArgs<T>& args) {
  for_each_vector<T>(args.count, [u = args](auto d, Index i) NN_BODY {
    const auto old = hn::LoadU(d, u.value + i);
    const auto g =
        penalized(d, hn::LoadU(d, u.grad + i), old, u.weight_decay, u.l1);
    const auto w = hn::Mul(hn::Set(d, u.shrink), old);
    const auto m = hn::MulAdd(hn::Set(d, u.beta1),
                              hn::LoadU(d, u.mean + i),
                              hn::Mul(hn::Set(d, u.rest1), g));
    auto v = hn::MulAdd(hn::Set(d, u.beta2),
                        hn::LoadU(d, u.square + i),
                        hn::Mul(hn::Set(d, u.rest2), hn::Mul(g, g)));
    hn::StoreU(m, d, u.mean + i);
    hn::StoreU(v, d, u.square + i);
    if (u.largest != nullptr) {
      v = hn::Max(v, hn::LoadU(d, u.largest + i));
      hn::StoreU(v, d, u.largest + i);
    }
    const auto divisor =
        hn::MulAdd(hn::Sqrt(v), hn::Set(d, u.root), hn::Set(d, u.epsilon));
    const auto step = hn::Div(m, divisor);
    hn::StoreU(hn::NegMulAdd(hn::Set(d, u.step_size), step, w), d, u.value + i);
  });
}

template <typename T>
void rmsprop(const RmsPropArgs<T>& args) {
  for_each_vector<T>(args.count, [u = args](auto d, Index i) NN_BODY {
    const auto w = hn::LoadU(d, u.value + i);
    const auto g =
        penalized(d, hn::LoadU(d, u.grad + i), w, u.weight_decay, u.l1);
    const auto alpha = hn::Set(d, u.alpha);
    const auto rest_of_g = hn::Mul(hn::Set(d, u.rest), g);
    const auto v =
        hn::MulAdd(alpha, hn::LoadU(d, u.square + i), hn::Mul(rest_of_g, g));
    hn::StoreU(v, d, u.square + i);
    auto variance = v;
    if (u.mean != nullptr) {
      const auto m = hn::MulAdd(alpha, hn::LoadU(d, u.mean + i), rest_of_g);
      hn::StoreU(m, d, u.mean + i);
      // On paper it is not below zero; rounded it may be, and its root NaN.
      // NaN itself must come through.
      variance = hn::NegMulAdd(m, m, v);
      variance = rectified(d, variance);
    }
    auto step = hn::Div(g, hn::Add(hn::Sqrt(variance), hn::Set(d, u.epsilon)));
    if (u.velocity != nullptr) {
      const auto v_old = hn::LoadU(d, u.velocity + i);
      step = hn::MulAdd(hn::Set(d, u.momentum), v_old, step);
      hn::StoreU(step, d, u.velocity + i);
    }
    hn::StoreU(
        hn::NegMulAdd(hn::Set(d, u.learning_rate), step, w), d, u.value + i);
  });
}

template <typename T>
void adagrad(const AdagradArgs<T>& args) {
  for_each_vector<T>(args.count, [u = args](auto d, Index i) NN_BODY {
    const auto w = hn::LoadU(d, u.value + i);
    const auto g =
        penalized(d, hn::LoadU(d, u.grad + i), w, u.weight_decay, u.l1);
    const auto s = hn::MulAdd(g, g, hn::LoadU(d, u.sum + i));
    hn::StoreU(s, d, u.sum + i);
    const auto step = hn::Div(g, hn::Add(hn::Sqrt(s), hn::Set(d, u.epsilon)));
    hn::StoreU(
        hn::NegMulAdd(hn::Set(d, u.learning_rate), step, w), d, u.value + i);
  });
}

template <typename T>
void scale(T* x, T factor, Index count) {
  for_each_vector<T>(count, [=](auto d, Index i) NN_BODY {
    hn::StoreU(hn::Mul(hn::Set(d, factor), hn::LoadU(d, x + i)), d, x + i);
  });
}

template <typename T>
void clamp(T* x, T limit, Index count) {
  for_each_vector<T>(count, [=](auto d, Index i) NN_BODY {
    const auto v = hn::LoadU(d, x + i);
    const auto bound = hn::CopySign(hn::Set(d, limit), v);
    hn::StoreU(hn::IfThenElse(hn::Gt(hn::Abs(v), hn::Set(d, limit)), bound, v),
               d,
               x + i);
  });
}

// Sums and maxima of kColumns columns, which the compiler keeps in whichever
// vectors the target has: the order of the additions is the same for all.
constexpr Index kColumns = 16;

template <typename T>
double sum_of_squares(const T* x, Index count) {
  double sums[kColumns] = {};
  Index i = 0;
  for (; i + kColumns <= count; i += kColumns) {
    for (Index k = 0; k < kColumns; ++k) {
      const auto v = static_cast<double>(x[i + k]);
      sums[k] += v * v;
    }
  }
  double sum = 0.0;
  for (const double s : sums) sum += s;
  for (; i < count; ++i) {
    const auto v = static_cast<double>(x[i]);
    sum += v * v;
  }
  return sum;
}

template <typename T>
double largest_magnitude(const T* x, Index count) {
  T largest[kColumns] = {};
  // A comparison with NaN is false, so a maximum passes over it.
  bool has_nan = false;
  for (Index i = 0; i < count; i += kColumns) {
    const Index end = i + kColumns <= count ? kColumns : count - i;
    for (Index k = 0; k < end; ++k) {
      const T magnitude = x[i + k] < 0 ? -x[i + k] : x[i + k];
      largest[k] = magnitude > largest[k] ? magnitude : largest[k];
      has_nan |= magnitude != magnitude;
    }
  }
  if (has_nan) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(*std::max_element(largest, largest + kColumns));
}

template <typename T>
const OptimizerTable<T>& table() {
  static constexpr OptimizerTable<T> kTable{kEntry<sgd<T>>,
                                            kEntry<adam<T>>,
                                            kEntry<rmsprop<T>>,
                                            kEntry<adagrad<T>>,
                                            kEntry<sum_of_squares<T>>,
                                            kEntry<scale<T>>,
                                            kEntry<largest_magnitude<T>>,
                                            kEntry<clamp<T>>};
  return kTable;
}
NN_EXPORT_TABLES(OptimizerTable)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nn::kernels {
namespace {

NN_CHOOSE_TABLES(OptimizerTable)

}  // namespace

template <typename T>
void sgd_update(const SgdArgs<T>& args) {
  table<T>().sgd(args);
}

template <typename T>
void adam_update(const AdamArgs<T>& args) {
  table<T>().adam(args);
}

template <typename T>
void rmsprop_update(const RmsPropArgs<T>& args) {
  table<T>().rmsprop(args);
}

template <typename T>
void adagrad_update(const AdagradArgs<T>& args) {
  table<T>().adagrad(args);
}

template <typename T>
double sum_of_squares(const T* x, Index count) {
  return sum_blocks(count, [x](Index first, Index n) {
    return table<T>().sum_of_squares(x + first, n);
  });
}

template <typename T>
void scale(T* x, T factor, Index count) {
  for_blocks(count, [x, factor](Index first, Index n) {
    table<T>().scale(x + first, factor, n);
  });
}

template <typename T>
double largest_magnitude(const T* x, Index count) {
  return reduce_blocks(
      count,
      [x](Index first, Index n) {
        return table<T>().largest_magnitude(x + first, n);
      },
      // Either may be NaN, which no comparison keeps.
      [](double a, double b) { return a != a || a > b ? a : b; });
}

template <typename T>
void clamp(T* x, T limit, Index count) {
  for_blocks(count, [x, limit](Index first, Index n) {
    table<T>().clamp(x + first, limit, n);
  });
}

#define NN_INSTANTIATE(T)                                 \
  template void sgd_update<T>(const SgdArgs<T>&);         \
  template void adam_update<T>(const AdamArgs<T>&);       \
  template void rmsprop_update<T>(const RmsPropArgs<T>&); \
  template void adagrad_update<T>(const AdagradArgs<T>&); \
  template double sum_of_squares<T>(const T*, Index);     \
  template void scale<T>(T*, T, Index);                   \
  template double largest_magnitude<T>(const T*, Index);  \
  template void clamp<T>(T*, T, Index);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn::kernels
#endif  // HWY_ONCE
