#include "nn/layers/identity.h"

#include "kernels/elementwise.h"

namespace nn {

template <typename Scalar>
Identity<Scalar>::Identity(const Shape& input_shape)
    : Layer<Scalar>(input_shape, input_shape, kLibraryKind) {}

template <typename Scalar>
void Identity<Scalar>::do_forward(ConstView<Scalar> x,
                                  View<Scalar> y,
                                  Mode /*mode*/,
                                  PassMemory /*memory*/) const {
  kernels::copy(x.data(), y.data(), x.size());
}

template <typename Scalar>
void Identity<Scalar>::do_backward(ConstView<Scalar> /*x*/,
                                   ConstView<Scalar> /*y*/,
                                   ConstView<Scalar> dy,
                                   View<Scalar> dx,
                                   PassMemory /*memory*/) {
  if (dx.size() > 0) kernels::copy(dy.data(), dx.data(), dx.size());
}

template class Identity<float>;
template class Identity<double>;

}  // namespace nn
