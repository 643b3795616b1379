#include "kernels/activation.h"

#include <cstddef>

#include "kernels/blocks.h"
#include "kernels/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/activation.cpp"
#include <hwy/foreach_target.h>
// Must come after foreach_target.h.
#include <hwy/contrib/math/math-inl.h>

#include "kernels/entry-inl.h"
#include "kernels/vectors-inl.h"

#ifndef NN_SRC_KERNELS_ACTIVATION_TABLE
#define NN_SRC_KERNELS_ACTIVATION_TABLE
namespace nn::kernels {

constexpr std::size_t kActivationKinds = 6;

// The serial loops, as one target provides them, in the order of
// ActivationKind.
template <typename T>
struct ActivationTable {
  void (*forward[kActivationKinds])(const ActivationArgs<T>& args);
  void (*backward[kActivationKinds])(const ActivationGradientArgs<T>& args);
};

// The polynomial P of upper_tail(), lowest power first: the Chebyshev series
// of (a + 5) * h(a) in t = (a - 5) / (a + 5) over all a >= 0, written in powers
// of t. It is cut off where it reaches the type's rounding, at a relative error
// of h of 7e-16 in double and 2e-8 in float.
template <typename T>
struct TailPolynomial;
template <>
struct TailPolynomial<double> {
  static constexpr std::size_t kSize = 24;
  static constexpr double kValues[kSize] = {
      0.7691930497500629442,     -0.6653825028900569083,
      0.4953056159699805013,     -0.3135331566712813918,
      0.165020366170195179,      -0.06911863870707161925,
      0.02079506680323403782,    -0.00299337675897847814,
      -0.000797869427747529648,  0.0005448989683735629003,
      -0.0000593755883337776692, -0.00004976232792457951422,
      0.00001668085271992539342, 3.979361513829211638e-6,
      -2.768878783672087574e-6,  -3.335427141230982914e-7,
      4.334766428513710258e-7,   3.857144856724913771e-8,
      -6.741689051823255481e-8,  -6.940847374038629651e-9,
      9.275082241535871307e-9,   1.271375926025224241e-9,
      -7.85445858324498514e-10,  -1.33121074300603161e-10};
};
template <>
struct TailPolynomial<float> {
  static constexpr std::size_t kSize = 12;
  static constexpr float kValues[kSize] = {0.769193044898888732f,
                                           -0.6653825125458076938f,
                                           0.4953059705340869808f,
                                           -0.3135328843109451018f,
                                           0.1650161412054715223f,
                                           -0.06912084033398511239f,
                                           0.0208136779735010118f,
                                           -0.002985708854641621018f,
                                           -0.0008357310593561147875f,
                                           0.0005317770927616335935f,
                                           -0.00002196782734097916416f,
                                           -0.00003869156012449376904f};
};

}  // namespace nn::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace nn::kernels {
namespace HWY_NAMESPACE {
namespace {

// 1 / (1 + exp(-x)). The exponential is taken of -|x|, where it cannot
// overflow. A NaN gives some number: the callers multiply by x.
template <class D, class V>
HWY_INLINE V sigmoid_of_number(D d, V x) {
  using T = hn::TFromD<D>;
  const V one = hn::Set(d, T(1));
  const V e = hn::Exp(d, hn::Neg(hn::Abs(x)));
  const V numerator = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), e, one);
  return hn::Div(numerator, hn::Add(one, e));
}

// P(t) as even + t * odd: two short chains of additions instead of a long one.
template <class D, class V>
HWY_INLINE V tail_polynomial(D d, V t) {
  using Polynomial = TailPolynomial<hn::TFromD<D>>;
  const V t2 = hn::Mul(t, t);
  V even = hn::Set(d, Polynomial::kValues[Polynomial::kSize - 2]);
  V odd = hn::Set(d, Polynomial::kValues[Polynomial::kSize - 1]);
  for (std::size_t i = Polynomial::kSize - 2; i > 0; i -= 2) {
    even = hn::MulAdd(even, t2, hn::Set(d, Polynomial::kValues[i - 2]));
    odd = hn::MulAdd(odd, t2, hn::Set(d, Polynomial::kValues[i - 1]));
  }
  return hn::MulAdd(odd, t, even);
}

// The standard normal distribution function Phi(x), and exp(-x^2 / 2), which is
// its derivative up to a factor. A NaN gives some numbers.
//
// With a = |x|, Phi(-a) = exp(-a^2 / 2) * h(a), where h falls from 1/2 like
// 1 / a: so it is a polynomial in t = (a - 5) / (a + 5) divided by a + 5. The
// relative error stays at rounding far out in the tail, where 1 + erf() of the
// usual formula cancels.
template <class D, class V>
HWY_INLINE V normal_distribution(D d, V x, V& bell) {
  using T = hn::TFromD<D>;
  const V one = hn::Set(d, T(1));
  const V half = hn::Set(d, T(0.5));
  const V five = hn::Set(d, T(5));
  // Beyond it exp(-a^2 / 2) is zero; a square of infinity would make a NaN.
  const V bound = hn::Set(d, sizeof(T) == 4 ? T(15) : T(39));
  const V a = hn::Min(hn::Abs(x), bound);
  // a * a = square + rest exactly; without `rest` the exponential is wrong by
  // a^2 / 4 roundings. Where multiply-add rounds twice it is zero.
  const V square = hn::Mul(a, a);
  const V rest = hn::MulSub(a, a, square);
  const V e = hn::Exp(d, hn::Neg(hn::Mul(half, square)));
  bell = hn::NegMulAdd(hn::Mul(half, rest), e, e);
  const V reciprocal = hn::Div(one, hn::Add(a, five));
  const V t = hn::NegMulAdd(hn::Set(d, T(10)), reciprocal, one);
  const V tail = hn::Mul(hn::Mul(bell, reciprocal), tail_polynomial(d, t));
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), tail, hn::Sub(one, tail));
}

// Factors of what is 0 where x is infinite, so that their product is 0 there
// too: no less than the lowest number, and of magnitude no more than it. A NaN
// stays one.
template <class D, class V>
HWY_INLINE V from_below(D d, V x) {
  const V lowest = hn::Set(d, hwy::LowestValue<hn::TFromD<D>>());
  return hn::IfThenElse(hn::Lt(x, lowest), lowest, x);
}
template <class D, class V>
HWY_INLINE V from_both_sides(D d, V x) {
  const V highest = hn::Set(d, hwy::HighestValue<hn::TFromD<D>>());
  const V bounded = from_below(d, x);
  return hn::IfThenElse(hn::Gt(bounded, highest), highest, bounded);
}

// The functions. `slope` is that of LeakyReLU; backward() has the gradient from
// y where kFromOutput, else from x.

struct LeakyReLU {
  static constexpr bool kFromOutput = false;
  template <class D, class V, typename T>
  static HWY_INLINE V forward(D d, T slope, V x) {
    const V scaled = hn::Mul(hn::Set(d, slope), x);
    return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, scaled);
  }
  template <class D, class V, typename T>
  static HWY_INLINE V backward(D d, T slope, V x, V dy) {
    const V scaled = hn::Mul(hn::Set(d, slope), dy);
    const V dx = hn::IfThenElse(hn::Gt(x, hn::Zero(d)), dy, scaled);
    return hn::IfThenElse(hn::IsNaN(x), x, dx);
  }
};

struct Sigmoid {
  static constexpr bool kFromOutput = true;
  template <class D, class V, typename T>
  static HWY_INLINE V forward(D d, T /*slope*/, V x) {
    return hn::IfThenElse(hn::IsNaN(x), x, sigmoid_of_number(d, x));
  }
  // s' = s (1 - s)
  template <class D, class V, typename T>
  static HWY_INLINE V backward(D /*d*/, T /*slope*/, V s, V dy) {
    return hn::Mul(dy, hn::NegMulAdd(s, s, s));
  }
};

struct Tanh {
  static constexpr bool kFromOutput = true;
  template <class D, class V, typename T>
  static HWY_INLINE V forward(D d, T /*slope*/, V x) {
    return hn::Tanh(d, x);
  }
  // tanh' = 1 - tanh^2
  template <class D, class V, typename T>
  static HWY_INLINE V backward(D d, T /*slope*/, V y, V dy) {
    return hn::Mul(dy, hn::NegMulAdd(y, y, hn::Set(d, T(1))));
  }
};

struct Gelu {
  static constexpr bool kFromOutput = false;
  template <class D, class V, typename T>
  static HWY_INLINE V forward(D d, T /*slope*/, V x) {
    V bell;
    return hn::Mul(from_below(d, x), normal_distribution(d, x, bell));
  }
  // (x Phi)' = Phi + x exp(-x^2 / 2) / sqrt(2 pi)
  template <class D, class V, typename T>
  static HWY_INLINE V backward(D d, T /*slope*/, V x, V dy) {
    V bell;
    const V phi = normal_distribution(d, x, bell);
    const V density = hn::Mul(bell, hn::Set(d, T(0.39894228040143267794)));
    return hn::Mul(dy, hn::MulAdd(from_both_sides(d, x), density, phi));
  }
};

struct GeluTanh {
  static constexpr bool kFromOutput = false;
  static constexpr double kCubic = 0.044715;
  static constexpr double kTwoRootTwoByPi = 1.5957691216057307117;

  // 2u = 2 sqrt(2 / pi) (x + 0.044715 x^3)
  template <class D, class V>
  static HWY_INLINE V two_u(D d, V x) {
    using T = hn::TFromD<D>;
    const V cubic = hn::Mul(hn::Set(d, T(kCubic)), hn::Mul(x, x));
    return hn::Mul(hn::Set(d, T(kTwoRootTwoByPi)), hn::MulAdd(cubic, x, x));
  }

  template <class D, class V, typename T>
  static HWY_INLINE V forward(D d, T /*slope*/, V x) {
    return hn::Mul(from_below(d, x), sigmoid_of_number(d, two_u(d, x)));
  }
  // (x s)' = s + x s (1 - s) (2u)'
  template <class D, class V, typename T>
  static HWY_INLINE V backward(D d, T /*slope*/, V x, V dy) {
    const V s = sigmoid_of_number(d, two_u(d, x));
    // Where x^2 overflows, s (1 - s) is zero, and their product a NaN.
    const V bounded = hn::Min(hn::Abs(x), hn::Set(d, T(100)));
    const V slope_of_two_u = hn::Mul(hn::Set(d, T(kTwoRootTwoByPi)),
                                     hn::MulAdd(hn::Set(d, T(3 * kCubic)),
                                                hn::Mul(bounded, bounded),
                                                hn::Set(d, T(1))));
    const V slope = hn::Mul(hn::NegMulAdd(s, s, s), slope_of_two_u);
    return hn::Mul(dy, hn::MulAdd(from_both_sides(d, x), slope, s));
  }
};

struct SiLU {
  static constexpr bool kFromOutput = false;
  template <class D, class V, typename T>
  static HWY_INLINE V forward(D d, T /*slope*/, V x) {
    return hn::Mul(from_below(d, x), sigmoid_of_number(d, x));
  }
  // (x s)' = s + x s (1 - s)
  template <class D, class V, typename T>
  static HWY_INLINE V backward(D d, T /*slope*/, V x, V dy) {
    const V s = sigmoid_of_number(d, x);
    const V slope = hn::NegMulAdd(s, s, s);
    return hn::Mul(dy, hn::MulAdd(from_both_sides(d, x), slope, s));
  }
};

template <class Function, typename T>
void forward(const ActivationArgs<T>& args) {
  for_each_vector<T>(args.count, [a = args](auto d, Index i) NN_BODY {
    const auto x = hn::LoadU(d, a.x + i);
    hn::StoreU(Function::forward(d, a.slope, x), d, a.y + i);
  });
}

template <class Function, typename T>
void backward(const ActivationGradientArgs<T>& args) {
  const T* at = Function::kFromOutput ? args.y : args.x;
  for_each_vector<T>(args.count, [a = args, at](auto d, Index i) NN_BODY {
    const auto v = hn::LoadU(d, at + i);
    const auto dy = hn::LoadU(d, a.dy + i);
    hn::StoreU(Function::backward(d, a.slope, v, dy), d, a.dx + i);
  });
}

template <typename T>
const ActivationTable<T>& table() {
  static constexpr ActivationTable<T> kTable{{kEntry<forward<LeakyReLU, T>>,
                                              kEntry<forward<Sigmoid, T>>,
                                              kEntry<forward<Tanh, T>>,
                                              kEntry<forward<Gelu, T>>,
                                              kEntry<forward<GeluTanh, T>>,
                                              kEntry<forward<SiLU, T>>},
                                             {kEntry<backward<LeakyReLU, T>>,
                                              kEntry<backward<Sigmoid, T>>,
                                              kEntry<backward<Tanh, T>>,
                                              kEntry<backward<Gelu, T>>,
                                              kEntry<backward<GeluTanh, T>>,
                                              kEntry<backward<SiLU, T>>}};
  return kTable;
}
NN_EXPORT_TABLES(ActivationTable)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nn::kernels {
namespace {

NN_CHOOSE_TABLES(ActivationTable)

}  // namespace

template <typename T>
void activation_forward(const ActivationArgs<T>& args) {
  const auto loop = table<T>().forward[static_cast<std::size_t>(args.kind)];
  for_blocks(args.count, [&](Index i, Index n) {
    loop({args.kind, args.slope, args.x + i, args.y + i, n});
  });
}

template <typename T>
void activation_backward(const ActivationGradientArgs<T>& args) {
  const auto loop = table<T>().backward[static_cast<std::size_t>(args.kind)];
  for_blocks(args.count, [&](Index i, Index n) {
    loop({args.kind,
          args.slope,
          args.x ? args.x + i : nullptr,
          args.y ? args.y + i : nullptr,
          args.dy + i,
          args.dx + i,
          n});
  });
}

#define NN_INSTANTIATE(T)                                        \
  template void activation_forward<T>(const ActivationArgs<T>&); \
  template void activation_backward<T>(const ActivationGradientArgs<T>&);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn::kernels
#endif  // HWY_ONCE
