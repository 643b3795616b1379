#ifndef NN_SRC_KERNELS_ACTIVATION_H_
#define NN_SRC_KERNELS_ACTIVATION_H_

#include "activation_kind.h"
#include "nn/types.h"

namespace nn::kernels {

using internal::ActivationKind;

// Loops over contiguous arrays, on up to num_threads() threads where they are
// long. Results do not depend on the number of threads. A NaN stays one.

/// y = f(x). `slope` is that of kLeakyReLU; the others do not read it. In place
/// is fine.
template <typename T>
void activation_forward(
    ActivationKind kind, T slope, const T* x, T* y, Index count);

/// dx = dy * f'(x), from x and y = f(x). kSigmoid and kTanh read y alone, the
/// others x alone; what is not read may be null. dx may be any of the others.
template <typename T>
void activation_backward(ActivationKind kind,
                         T slope,
                         const T* x,
                         const T* y,
                         const T* dy,
                         T* dx,
                         Index count);

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_ACTIVATION_H_
