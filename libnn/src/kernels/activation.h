#ifndef NN_SRC_KERNELS_ACTIVATION_H_
#define NN_SRC_KERNELS_ACTIVATION_H_

#include "activation_kind.h"
#include "nn/types.h"

namespace nn::kernels {

using internal::ActivationKind;

// Loops over contiguous arrays, on up to num_threads() threads where they are
// long. Results do not depend on the number of threads. A NaN stays one.

template <typename T>
struct ActivationArgs {
  ActivationKind kind;
  T slope;  ///< of kLeakyReLU; the others do not read it
  const T* x;
  T* y;  ///< may be `x`
  Index count;
};
/// y = f(x).
template <typename T>
void activation_forward(const ActivationArgs<T>& args);

template <typename T>
struct ActivationGradientArgs {
  ActivationKind kind;
  T slope;
  const T* x;  ///< may be null for kSigmoid and kTanh
  const T* y;  ///< may be null for the others
  const T* dy;
  T* dx;  ///< may be any of the others
  Index count;
};
/// dx = dy * f'(x), by kSigmoid and kTanh from y = f(x), by the others from x.
template <typename T>
void activation_backward(const ActivationGradientArgs<T>& args);

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_ACTIVATION_H_
