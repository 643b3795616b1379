#ifndef NN_SRC_KERNELS_LAYER_NORM_H_
#define NN_SRC_KERNELS_LAYER_NORM_H_

#include <cstddef>

#include "nn/types.h"

namespace nn::kernels {

// What LayerNorm loops over, on up to num_threads() threads. Results do not
// depend on the number of threads: sums are cut by sizes alone and their parts
// added in order. docs/math/layer_norm.md has the formulas.

/// y = (x - mean) * r * weight + bias for every column of a rows x cols matrix,
/// with the column's own mean and r = 1 / sqrt(variance + eps). `weight` and
/// `bias` (rows each) may both be null: 1 and 0. `mean` and `inverse_std` (cols
/// each) may both be null: not wanted.
template <typename T>
void sample_normalize(const T* x,
                      Index rows,
                      Index cols,
                      T eps,
                      const T* weight,
                      const T* bias,
                      T* y,
                      T* mean,
                      T* inverse_std);

/// The gradient by x of the same.
template <typename T>
void sample_normalize_backward(const T* x,
                               const T* dy,
                               Index rows,
                               Index cols,
                               const T* weight,
                               const T* mean,
                               const T* inverse_std,
                               T* dx);

/// Bytes of scratch memory for sample_normalize_parameters().
template <typename T>
std::size_t sample_scratch_bytes(Index rows, Index cols);

/// The gradients by weight and bias: for every row, over the columns, the sum
/// of dy * (x - mean) * r, and that of dy.
template <typename T>
void sample_normalize_parameters(const T* x,
                                 const T* dy,
                                 Index rows,
                                 Index cols,
                                 const T* mean,
                                 const T* inverse_std,
                                 T* dweight,
                                 T* dbias,
                                 std::byte* scratch);

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_LAYER_NORM_H_
