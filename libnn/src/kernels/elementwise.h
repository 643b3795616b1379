#ifndef NN_SRC_KERNELS_ELEMENTWISE_H_
#define NN_SRC_KERNELS_ELEMENTWISE_H_

#include "nn/types.h"

namespace nn::kernels {

// Loops over contiguous arrays, on up to num_threads() threads where they are
// long. Results do not depend on the number of threads.

/// y = max(x, 0); a NaN stays one. In place is fine.
template <typename T>
void relu(const T* x, T* y, Index count);

/// The gradient by ReLU's input at an output of y: dy where y > 0, NaN where y
/// is a NaN, else 0.
template <typename T>
T relu_gradient(T y, T dy) {
  if (y > 0) return dy;
  return y <= 0 ? T(0) : y;
}

/// dx = relu_gradient(y, dy), element by element. In place (dx == dy) is fine.
template <typename T>
void relu_backward(const T* y, const T* dy, T* dx, Index count);

/// y = a + b. In place (y == a or y == b) is fine.
template <typename T>
void sum(const T* a, const T* b, T* y, Index count);

/// y = x, to the bit. The two may not overlap.
template <typename T>
void copy(const T* x, T* y, Index count);

/// out(i) = sum over the columns of a rows x cols column-major matrix.
template <typename T>
void row_sums(const T* x, Index rows, Index cols, T* out);

/// relu_backward() of a rows x cols matrix and the row_sums() of its result.
template <typename T>
void relu_backward_row_sums(
    const T* y, const T* dy, T* dx, Index rows, Index cols, T* sums);

/// Softmax of every column of a rows x cols matrix. In place is fine.
template <typename T>
void softmax(const T* x, T* y, Index rows, Index cols);

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_ELEMENTWISE_H_
