#ifndef NN_SRC_KERNELS_GEMM_H_
#define NN_SRC_KERNELS_GEMM_H_

#include <cstddef>

#include "nn/types.h"

namespace nn::kernels {

/// A matrix in memory: element (i, j) is data[i * row_stride + j * col_stride].
/// One of the strides is 1.
template <typename T>
struct Operand {
  const T* data;
  Index row_stride;
  Index col_stride;

  static Operand plain(const T* data, Index rows) { return {data, 1, rows}; }
  /// The transpose of a column-major matrix with `rows` rows.
  static Operand transposed(const T* data, Index rows) {
    return {data, rows, 1};
  }
};

/// C (m x n) = A (m x k) * B (k x n), then, in the same breath, an optional
/// bias for every row and an optional ReLU. C is column-major and overwritten,
/// never read.
template <typename T>
struct GemmArgs {
  Index m;
  Index n;
  Index k;
  Operand<T> a;
  Operand<T> b;
  T* c;
  Index ldc;
  const T* row_bias = nullptr;  ///< m values, or none
  bool relu = false;
};

/// Bytes that gemm() needs for these sizes, whatever the thread count.
template <typename T>
std::size_t gemm_scratch_bytes(Index m, Index n, Index k);

/// Runs on up to num_threads() threads; the result does not depend on their
/// number. Reference: gemm_reference().
template <typename T>
void gemm(const GemmArgs<T>& args, std::byte* scratch);

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_GEMM_H_
