#include "nn/optimizers/sgd.h"

#include <utility>

#include "nn/check.h"
#include "option_checks.h"

namespace nn {
namespace {

// One pass over memory that the update reads and writes once: the loops are
// bound by bandwidth, and free of branches so that the compiler vectorizes
// them.

// The gradient with its penalties; one without L1 costs nothing for it.
template <bool kL1, typename Scalar>
Scalar penalized(Scalar grad, Scalar decay, Scalar l1, Scalar w) {
  const Scalar g = grad + decay * w;
  if constexpr (!kL1) return g;
  return g + l1 * static_cast<Scalar>((w > 0) - (w < 0));
}

template <bool kL1, typename Scalar>
void plain_update(Index size,
                  Scalar rate,
                  Scalar decay,
                  Scalar l1,
                  const Scalar* __restrict grad,
                  Scalar* __restrict w) {
  for (Index i = 0; i < size; ++i) {
    const Scalar g = penalized<kL1>(grad[i], decay, l1, w[i]);
    w[i] -= rate * g;
  }
}

template <bool kL1, typename Scalar>
void momentum_update(Index size,
                     Scalar rate,
                     Scalar decay,
                     Scalar l1,
                     Scalar momentum,
                     const Scalar* __restrict grad,
                     Scalar* __restrict v,
                     Scalar* __restrict w) {
  for (Index i = 0; i < size; ++i) {
    const Scalar g = penalized<kL1>(grad[i], decay, l1, w[i]);
    v[i] = momentum * v[i] + g;
    w[i] -= rate * v[i];
  }
}

template <bool kL1, typename Scalar>
void nesterov_update(Index size,
                     Scalar rate,
                     Scalar decay,
                     Scalar l1,
                     Scalar momentum,
                     const Scalar* __restrict grad,
                     Scalar* __restrict v,
                     Scalar* __restrict w) {
  for (Index i = 0; i < size; ++i) {
    const Scalar g = penalized<kL1>(grad[i], decay, l1, w[i]);
    v[i] = momentum * v[i] + g;
    w[i] -= rate * (g + momentum * v[i]);
  }
}

}  // namespace

template <typename Scalar>
Sgd<Scalar>::Sgd(std::vector<Parameter<Scalar>*> parameters,
                 const SgdOptions& options)
    : Optimizer<Scalar>(
          std::move(parameters), options.learning_rate, options.weight_decay),
      options_(options) {
  internal::check_decay_rate("Sgd", "a momentum", options.momentum);
  check_argument(!options.nesterov || options.momentum > 0.0,
                 "[Sgd] expected a momentum above 0 for Nesterov's form, got ",
                 options.momentum);
  if (options.momentum > 0.0) {
    // From zero, the first step's momentum * v + g is g.
    velocity_ = Matrix<Scalar>::Zero(this->element_count(), 1);
  }
}

template <typename Scalar>
void Sgd<Scalar>::step() {
  this->for_each_slice([this](const Slice& slice) {
    if (slice.l1 > 0) {
      update_slice<true>(slice);
    } else {
      update_slice<false>(slice);
    }
  });
}

template <typename Scalar>
template <bool kL1>
void Sgd<Scalar>::update_slice(const Slice& slice) {
  const auto rate = static_cast<Scalar>(slice.learning_rate);
  const auto decay = static_cast<Scalar>(slice.weight_decay);
  const auto l1 = static_cast<Scalar>(slice.l1);
  const auto momentum = static_cast<Scalar>(options_.momentum);
  if (velocity_.size() == 0) {
    plain_update<kL1>(slice.count, rate, decay, l1, slice.grad, slice.value);
    return;
  }
  const auto update = options_.nesterov ? nesterov_update<kL1, Scalar>
                                        : momentum_update<kL1, Scalar>;
  update(slice.count,
         rate,
         decay,
         l1,
         momentum,
         slice.grad,
         velocity_.data() + slice.offset,
         slice.value);
}

template class Sgd<float>;
template class Sgd<double>;

}  // namespace nn
