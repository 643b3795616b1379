#ifndef NN_SRC_KERNELS_OPTIMIZERS_H_
#define NN_SRC_KERNELS_OPTIMIZERS_H_

#include "nn/types.h"

namespace nn::kernels {

// Updates of parameters, element by element, on the caller's thread. The
// formulas are those of the classes in nn/optimizers. All begin with the
// gradient and its penalties:
//   g = grad + weight_decay * w + l1 * sign(w)

template <typename T>
struct SgdArgs {
  T weight_decay;
  T l1;
  T learning_rate;
  T momentum;
  bool nesterov;
  const T* grad;
  T* value;
  T* velocity;  ///< null unless there is momentum
  Index count;
};
template <typename T>
void sgd_update(const SgdArgs<T>& args);

template <typename T>
struct AdamArgs {
  T weight_decay;  ///< added to the gradient; 0 for AdamW
  T l1;
  T shrink;  ///< w is multiplied by it first: 1 but for AdamW
  T beta1;
  T rest1;  ///< 1 - beta1
  T beta2;
  T rest2;      ///< 1 - beta2
  T step_size;  ///< learning rate / (1 - beta1^t)
  T root;       ///< 1 / sqrt(1 - beta2^t)
  T epsilon;
  const T* grad;
  T* value;
  T* mean;
  T* square;
  T* largest;  ///< null but for AMSGrad
  Index count;
};
template <typename T>
void adam_update(const AdamArgs<T>& args);

template <typename T>
struct RmsPropArgs {
  T weight_decay;
  T l1;
  T learning_rate;
  T alpha;
  T rest;  ///< 1 - alpha
  T epsilon;
  T momentum;
  const T* grad;
  T* value;
  T* square;
  T* mean;      ///< null unless centered
  T* velocity;  ///< null unless there is momentum
  Index count;
};
template <typename T>
void rmsprop_update(const RmsPropArgs<T>& args);

template <typename T>
struct AdagradArgs {
  T weight_decay;
  T l1;
  T learning_rate;
  T epsilon;
  const T* grad;
  T* value;
  T* sum;
  Index count;
};
template <typename T>
void adagrad_update(const AdagradArgs<T>& args);

// For gradient clipping, on up to num_threads() threads. Results do not depend
// on their number.

/// The sum of squares, added up in double.
template <typename T>
double sum_of_squares(const T* x, Index count);

/// x = factor * x.
template <typename T>
void scale(T* x, T factor, Index count);

/// The largest |x|, or NaN if one is among them.
template <typename T>
double largest_magnitude(const T* x, Index count);

/// x = min(max(x, -limit), limit); a NaN stays one.
template <typename T>
void clamp(T* x, T limit, Index count);

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_OPTIMIZERS_H_
