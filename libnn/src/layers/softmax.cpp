#include "nn/layers/softmax.h"

#include "kernels/elementwise.h"

namespace nn {

template <typename Scalar>
Softmax<Scalar>::Softmax(const Shape& input_shape)
    : Layer<Scalar>(input_shape, input_shape, kLibraryKind) {}

template <typename Scalar>
void Softmax<Scalar>::do_forward(ConstView<Scalar> x,
                                 View<Scalar> y,
                                 Mode /*mode*/,
                                 PassMemory /*memory*/) const {
  kernels::softmax(x.data(), y.data(), x.rows(), x.cols());
}

template <typename Scalar>
void Softmax<Scalar>::do_backward(ConstView<Scalar> /*x*/,
                                  ConstView<Scalar> y,
                                  ConstView<Scalar> dy,
                                  View<Scalar> dx,
                                  PassMemory /*memory*/) {
  if (dx.size() == 0) return;
  // dx_i = y_i (dy_i - sum_j y_j dy_j): docs/math/softmax_cross_entropy.md.
  for (Index n = 0; n < y.cols(); ++n) {
    const Scalar mean = y.col(n).dot(dy.col(n));
    dx.col(n) = y.col(n).cwiseProduct((dy.col(n).array() - mean).matrix());
  }
}

template class Softmax<float>;
template class Softmax<double>;

}  // namespace nn
