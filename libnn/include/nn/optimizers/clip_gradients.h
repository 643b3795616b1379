#ifndef NN_OPTIMIZERS_CLIP_GRADIENTS_H_
#define NN_OPTIMIZERS_CLIP_GRADIENTS_H_

#include <vector>

#include "nn/parameter.h"

namespace nn {

// To be called between backward() and Optimizer::step(). Neither allocates.

/// Shrinks all gradients by one factor so that their Euclidean norm, taken over
/// all of them as if they were one vector, is at most max_norm (Pascanu,
/// Mikolov and Bengio, 2013, arXiv:1211.5063, algorithm 1). In PyTorch's form
/// the factor is max_norm / (norm + 1e-6) where that is below 1.
///
/// Returns the norm before. docs/math/sgd.md says why one factor for all.
/// Throws std::invalid_argument if a pointer is null or unless max_norm is
/// finite and not negative. Throws std::runtime_error, naming parameter and
/// element, if a gradient is not finite: no factor would mend it, and none is
/// changed. PyTorch's default makes all of them NaN.
template <typename Scalar>
double clip_gradient_norm(const std::vector<Parameter<Scalar>*>& parameters,
                          double max_norm);

/// Limits every element of all gradients to -max_value .. max_value; a NaN
/// stays one. Returns the largest magnitude before (NaN if one is among them).
/// Throws std::invalid_argument if a pointer is null or unless max_value is
/// finite and not negative.
template <typename Scalar>
double clip_gradient_value(const std::vector<Parameter<Scalar>*>& parameters,
                           double max_value);

}  // namespace nn

#endif  // NN_OPTIMIZERS_CLIP_GRADIENTS_H_
