#ifndef NN_SRC_KERNELS_LINEAR_H_
#define NN_SRC_KERNELS_LINEAR_H_

#include <algorithm>

#include "kernels/gemm.h"

namespace nn::kernels {

// The three products of a fully connected layer, with the sizes
//   x, dx   in x N     weight, dweight   in x out     y, dy   out x N
// docs/math/linear.md derives them.

template <typename T>
std::size_t linear_scratch_bytes(Index in, Index out, Index batch) {
  return std::max({gemm_scratch_bytes<T>(out, batch, in),
                   gemm_scratch_bytes<T>(in, out, batch),
                   gemm_scratch_bytes<T>(in, batch, out)});
}

/// y = W^T x + b, then ReLU if wanted.
template <typename T>
void linear_forward(ConstView<T> x,
                    ConstView<T> weight,
                    ConstView<T> bias,
                    View<T> y,
                    bool relu,
                    std::byte* scratch) {
  const Index in = weight.rows();
  const Index out = weight.cols();
  gemm(GemmArgs<T>{out,
                   x.cols(),
                   in,
                   Operand<T>::transposed(weight.data(), in),
                   Operand<T>::plain(x.data(), in),
                   y.data(),
                   out,
                   bias.data(),
                   relu},
       scratch);
}

/// dW = x dy^T, and dx = W dy unless dx is no_view().
template <typename T>
void linear_backward(ConstView<T> x,
                     ConstView<T> weight,
                     ConstView<T> dy,
                     View<T> dx,
                     View<T> dweight,
                     std::byte* scratch) {
  const Index in = weight.rows();
  const Index out = weight.cols();
  const Index batch = x.cols();
  gemm(GemmArgs<T>{in,
                   out,
                   batch,
                   Operand<T>::plain(x.data(), in),
                   Operand<T>::transposed(dy.data(), out),
                   dweight.data(),
                   in},
       scratch);
  if (dx.size() == 0) return;
  gemm(GemmArgs<T>{in,
                   batch,
                   out,
                   Operand<T>::plain(weight.data(), in),
                   Operand<T>::plain(dy.data(), out),
                   dx.data(),
                   in},
       scratch);
}

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_LINEAR_H_
