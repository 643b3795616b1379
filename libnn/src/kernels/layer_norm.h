#ifndef NN_SRC_KERNELS_LAYER_NORM_H_
#define NN_SRC_KERNELS_LAYER_NORM_H_

#include <cstddef>

#include "nn/types.h"

namespace nn::kernels {

// What LayerNorm loops over, on up to num_threads() threads. Results do not
// depend on the number of threads: sums are cut by sizes alone and their parts
// added in order. docs/math/layer_norm.md has the formulas.

template <typename T>
struct SampleNormArgs {
  Index rows;  ///< of x and y, and numbers of weight and bias
  Index cols;  ///< of x and y, and numbers of mean and inverse_std
  const T* x;
  T eps;
  const T* weight;  ///< it and bias may both be null: 1 and 0
  const T* bias;
  T* y;
  T* mean;  ///< it and inverse_std may both be null: not wanted
  T* inverse_std;
};
/// y = (x - mean) * r * weight + bias for every column, with the column's own
/// mean and inverse_std r = 1 / sqrt(variance + eps).
template <typename T>
void sample_normalize(const SampleNormArgs<T>& args);

template <typename T>
struct SampleNormGradientArgs {
  Index rows;
  Index cols;
  const T* x;
  const T* dy;
  const T* weight;  ///< may be null: 1
  const T* mean;    ///< it and inverse_std are those of sample_normalize()
  const T* inverse_std;
  T* dx;       ///< of sample_normalize_backward()
  T* dweight;  ///< it and what follows are of sample_normalize_parameters()
  T* dbias;
  std::byte* scratch;
};
/// The gradient by x.
template <typename T>
void sample_normalize_backward(const SampleNormGradientArgs<T>& args);

/// Bytes of scratch memory for sample_normalize_parameters().
template <typename T>
std::size_t sample_scratch_bytes(Index rows, Index cols);

/// The gradients by weight and bias: for every row, over the columns, the sum
/// of dy * (x - mean) * r, and that of dy.
template <typename T>
void sample_normalize_parameters(const SampleNormGradientArgs<T>& args);

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_LAYER_NORM_H_
