#include "nn/layers/dropout.h"

#include "kernels/dropout.h"
#include "kernels/elementwise.h"
#include "nn/check.h"
#include "nn/random.h"

namespace nn {

template <typename Scalar>
Dropout<Scalar>::Dropout(const Shape& input_shape, double p)
    : Layer<Scalar>(input_shape, input_shape), p_(p) {
  check_argument(p >= 0 && p <= 1,
                 "[Dropout] expected a probability from 0 to 1, got ",
                 p);
}

template <typename Scalar>
std::string Dropout<Scalar>::describe() const {
  return concat("Dropout(", p_, ")");
}

template <typename Scalar>
Settings Dropout<Scalar>::settings() const {
  return {{"p", p_}};
}

template <typename Scalar>
void Dropout<Scalar>::initialize(Rng& rng) {
  seed_ = rng.next();
}

template <typename Scalar>
void Dropout<Scalar>::apply(const Scalar* x,
                            Scalar* y,
                            Index count,
                            std::uint64_t pass) const {
  const auto scale = static_cast<Scalar>(p_ < 1 ? 1 / (1 - p_) : 0);
  kernels::dropout(Rng(seed_).fork(pass).next(),
                   kernels::dropout_threshold(p_),
                   scale,
                   x,
                   y,
                   count);
}

template <typename Scalar>
void Dropout<Scalar>::do_forward(ConstView<Scalar> x,
                                 View<Scalar> y,
                                 Mode mode,
                                 PassMemory memory) const {
  if (mode == Mode::kInference) {
    kernels::copy(x.data(), y.data(), x.size());
  } else {
    apply(x.data(), y.data(), x.size(), memory.pass);
  }
}

template <typename Scalar>
void Dropout<Scalar>::do_backward(ConstView<Scalar> /*x*/,
                                  ConstView<Scalar> /*y*/,
                                  ConstView<Scalar> dy,
                                  View<Scalar> dx,
                                  PassMemory memory) {
  if (dx.size() > 0) apply(dy.data(), dx.data(), dx.size(), memory.pass);
}

template class Dropout<float>;
template class Dropout<double>;

}  // namespace nn
