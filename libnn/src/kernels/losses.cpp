#include "kernels/losses.h"

#include <algorithm>

#include "kernels/blocks.h"
#include "kernels/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/losses.cpp"
#include <hwy/foreach_target.h>
// Must come after foreach_target.h.
#include <hwy/contrib/math/math-inl.h>

#include "kernels/entry-inl.h"
#include "kernels/vectors-inl.h"

#ifndef NN_SRC_KERNELS_LOSSES_TABLE
#define NN_SRC_KERNELS_LOSSES_TABLE
namespace nn::kernels {

// The serial loops, as one target provides them.
template <typename T>
struct LossTable {
  double (*squared_error)(const LossArgs<T>& args);
  double (*smooth_l1)(const LossArgs<T>& args);
  double (*binary_cross_entropy)(const LossArgs<T>& args);
  bool (*all_shares)(const T* x, Index count);
};

}  // namespace nn::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace nn::kernels {
namespace HWY_NAMESPACE {
namespace {

// The losses of so many elements are stored, and then added up in double: that
// needs no vector code, and stays in the first-level cache.
constexpr Index kChunk = 256;
// Columns of sums. They are the same for every target, and with them the order
// of the additions.
constexpr Index kColumns = 16;

// element(d, i, place) computes the losses of a vector that starts at i, which
// is `place` in its chunk.
template <typename T, class Element>
HWY_INLINE double sum_of_losses(Element& element, Index count) {
  HWY_ALIGN T losses[kChunk];
  double sums[kColumns] = {};
  for (Index first = 0; first < count; first += kChunk) {
    const Index n = std::min(kChunk, count - first);
    element.start_chunk(n);
    for_each_vector<T>(n, [&](auto d, Index i) NN_BODY {
      hn::StoreU(element(d, first + i, i), d, losses + i);
    });
    Index i = 0;
    for (; i + kColumns <= n; i += kColumns) {
      for (Index k = 0; k < kColumns; ++k) {
        sums[k] += static_cast<double>(losses[i + k]);
      }
    }
    for (; i < n; ++i) sums[i % kColumns] += static_cast<double>(losses[i]);
  }
  double sum = 0.0;
  for (const double s : sums) sum += s;
  return sum;
}

// The weights of a chunk's elements, spread so that a vector may begin at any
// feature.
template <typename T>
struct ChunkWeights {
  HWY_ALIGN T values[kChunk];

  void start(LossArgs<T>& args, Index n) {
    for (Index i = 0; i < n; ++i) {
      values[i] = args.weights[args.first_weight];
      if (++args.first_weight == args.weight_count) args.first_weight = 0;
    }
  }

  template <class D>
  HWY_INLINE hn::Vec<D> times(D d, hn::Vec<D> v, Index place) const {
    return hn::Mul(hn::LoadU(d, values + place), v);
  }
};

// In their place where all are 1.
template <typename T>
struct NoWeights {
  void start(LossArgs<T>&, Index) {}

  template <class D>
  HWY_INLINE hn::Vec<D> times(D, hn::Vec<D> v, Index) const {
    return v;
  }
};

template <class D, typename T>
HWY_INLINE hn::Vec<D> error_at(D d, const LossArgs<T>& args, Index i) {
  return hn::Sub(hn::LoadU(d, args.y + i), hn::LoadU(d, args.target + i));
}

template <typename T, class Weights>
struct SquaredError {
  LossArgs<T> args;
  Weights weights;

  void start_chunk(Index n) { weights.start(args, n); }

  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, Index i, Index place) const {
    const auto error = weights.times(d, error_at(d, args, i), place);
    if (args.dy != nullptr) {
      const auto derivative = hn::Mul(hn::Set(d, T(2) * args.scale), error);
      hn::StoreU(weights.times(d, derivative, place), d, args.dy + i);
    }
    return hn::Mul(error, error);
  }
};

template <typename T, class Weights>
struct SmoothL1 {
  LossArgs<T> args;
  T slope;  // 1 / beta, or 0 where beta is
  Weights weights;

  void start_chunk(Index n) { weights.start(args, n); }

  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, Index i, Index place) const {
    const auto error = weights.times(d, error_at(d, args, i), place);
    const auto size = hn::Abs(error);
    const auto beta = hn::Set(d, args.beta);
    // A NaN is not far, and so stays one. Nor is zero, whatever beta is.
    const auto is_far = hn::And(hn::Ge(size, beta), hn::Gt(size, hn::Zero(d)));
    const auto near_slope = hn::Mul(hn::Set(d, slope), error);
    if (args.dy != nullptr) {
      const auto sign = hn::CopySign(hn::Set(d, T(1)), error);
      const auto derivative = hn::IfThenElse(is_far, sign, near_slope);
      const auto scaled = hn::Mul(hn::Set(d, args.scale), derivative);
      hn::StoreU(weights.times(d, scaled, place), d, args.dy + i);
    }
    const auto half = hn::Set(d, T(0.5));
    return hn::IfThenElse(is_far,
                          hn::NegMulAdd(half, beta, size),
                          hn::Mul(half, hn::Mul(near_slope, error)));
  }
};

template <typename T>
struct BinaryCrossEntropy {
  LossArgs<T> args;
  ChunkWeights<T> weights;

  void start_chunk(Index n) { weights.start(args, n); }

  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, Index i, Index place) const {
    const auto zero = hn::Zero(d);
    const auto one = hn::Set(d, T(1));
    const auto z = hn::LoadU(d, args.y + i);
    const auto t = hn::LoadU(d, args.target + i);
    const auto for_true = weights.times(d, t, place);
    const auto for_false = hn::Sub(one, t);
    // exp() of what is never above 0 cannot overflow. Exp(NaN) would be 0.
    const auto power = hn::Exp(d, hn::Neg(hn::Abs(z)));
    const auto e = hn::IfThenElse(hn::Eq(z, z), power, z);
    const auto log_sum = hn::Log1p(d, e);
    // -log s(z) = log(1 + e) + max(-z, 0), and with z for -z, -log(1 - s(z)).
    const auto loss_true = hn::Add(log_sum, hn::Max(hn::Neg(z), zero));
    const auto loss_false = hn::Add(log_sum, hn::Max(z, zero));
    if (args.dy != nullptr) {
      // Of s(z) and s(-z) one is 1 / (1 + e), the other e / (1 + e): neither is
      // a difference, so both keep all their digits.
      const auto large = hn::Div(one, hn::Add(one, e));
      const auto small = hn::Mul(e, large);
      const auto is_positive = hn::Ge(z, zero);
      const auto s = hn::IfThenElse(is_positive, large, small);
      const auto rest = hn::IfThenElse(is_positive, small, large);
      const auto derivative =
          hn::NegMulAdd(for_true, rest, hn::Mul(for_false, s));
      hn::StoreU(hn::Mul(hn::Set(d, args.scale), derivative), d, args.dy + i);
    }
    return hn::MulAdd(for_true, loss_true, hn::Mul(for_false, loss_false));
  }
};

template <typename T>
double squared_error(const LossArgs<T>& args) {
  if (args.weights == nullptr) {
    SquaredError<T, NoWeights<T>> element{args, {}};
    return sum_of_losses<T>(element, args.count);
  }
  SquaredError<T, ChunkWeights<T>> element{args, {}};
  return sum_of_losses<T>(element, args.count);
}

template <typename T>
double smooth_l1(const LossArgs<T>& args) {
  // Of a denormal number the reciprocal is infinite, and times 0 a NaN.
  const T slope =
      args.beta > 0 ? std::min(T(1) / args.beta, hwy::HighestValue<T>()) : T(0);
  if (args.weights == nullptr) {
    SmoothL1<T, NoWeights<T>> element{args, slope, {}};
    return sum_of_losses<T>(element, args.count);
  }
  SmoothL1<T, ChunkWeights<T>> element{args, slope, {}};
  return sum_of_losses<T>(element, args.count);
}

template <typename T>
double binary_cross_entropy(const LossArgs<T>& args) {
  BinaryCrossEntropy<T> element{args, {}};
  return sum_of_losses<T>(element, args.count);
}

template <typename T>
bool all_shares(const T* x, Index count) {
  // Without a way out of the loop, so that it vectorizes.
  bool all = true;
  for (Index i = 0; i < count; ++i) all &= (x[i] >= 0) & (x[i] <= 1);
  return all;
}

template <typename T>
const LossTable<T>& table() {
  static constexpr LossTable<T> kTable{kEntry<squared_error<T>>,
                                       kEntry<smooth_l1<T>>,
                                       kEntry<binary_cross_entropy<T>>,
                                       kEntry<all_shares<T>>};
  return kTable;
}
NN_EXPORT_TABLES(LossTable)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nn::kernels {
namespace {

NN_CHOOSE_TABLES(LossTable)

template <typename T>
double sum(double (*loop)(const LossArgs<T>&), const LossArgs<T>& args) {
  return sum_blocks(args.count, [&](Index i, Index n) {
    LossArgs<T> part = args;
    part.y += i;
    part.target += i;
    if (part.dy != nullptr) part.dy += i;
    part.count = n;
    part.first_weight = (args.first_weight + i) % args.weight_count;
    return loop(part);
  });
}

}  // namespace

template <typename T>
double squared_error(const LossArgs<T>& args) {
  return sum(table<T>().squared_error, args);
}

template <typename T>
double smooth_l1(const LossArgs<T>& args) {
  return sum(table<T>().smooth_l1, args);
}

template <typename T>
double binary_cross_entropy(const LossArgs<T>& args) {
  return sum(table<T>().binary_cross_entropy, args);
}

template <typename T>
bool all_shares(const T* x, Index count) {
  return sum_blocks(count, [x](Index i, Index n) {
           return table<T>().all_shares(x + i, n) ? 0.0 : 1.0;
         }) == 0.0;
}

#define NN_INSTANTIATE(T)                                      \
  template double squared_error<T>(const LossArgs<T>&);        \
  template double smooth_l1<T>(const LossArgs<T>&);            \
  template double binary_cross_entropy<T>(const LossArgs<T>&); \
  template bool all_shares<T>(const T*, Index);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn::kernels
#endif  // HWY_ONCE
