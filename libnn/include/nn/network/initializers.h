#ifndef NN_NETWORK_INITIALIZERS_H_
#define NN_NETWORK_INITIALIZERS_H_

#include "nn/random.h"
#include "nn/types.h"

namespace nn {

// Initial weights for a fan_in x fan_out matrix. Kaiming's keep the variance of
// the activations through ReLU layers (He et al., 2015, arXiv:1502.01852, eq.
// 10), Xavier's through layers that are linear near zero (Glorot and Bengio,
// 2010, eq. 12 and 16). For a convolution, fan_in = C*KH*KW and
// fan_out = O*KH*KW, so it is given apart from the matrix.
//
// Both are made for networks that start learning slowly. With the first rate at
// its highest and momentum, as a cosine schedule without warm-up has it, they
// can throw a convolutional network off in its first steps (docs/accuracy.md);
// the layers therefore start from fan_in_uniform().
//
// All throw std::invalid_argument if a fan is not positive.

/// Uniform in +-1 / sqrt(fan_in): variance 1 / (3 fan_in) (LeCun et al., 1998,
/// "Efficient BackProp", section 4.6, up to the constant). What PyTorch's
/// Linear and Conv2d start from, biases included.
template <typename Scalar>
void fan_in_uniform(View<Scalar> weight, Index fan_in, Rng& rng);

/// Uniform in +-sqrt(6 / fan_in): variance 2 / fan_in.
template <typename Scalar>
void kaiming_uniform(View<Scalar> weight, Index fan_in, Rng& rng);

/// Normal with variance 2 / fan_in.
template <typename Scalar>
void kaiming_normal(View<Scalar> weight, Index fan_in, Rng& rng);

/// Uniform in +-sqrt(6 / (fan_in + fan_out)): variance 2 / (fan_in + fan_out).
template <typename Scalar>
void xavier_uniform(View<Scalar> weight, Index fan_in, Index fan_out, Rng& rng);

/// Normal with variance 2 / (fan_in + fan_out).
template <typename Scalar>
void xavier_normal(View<Scalar> weight, Index fan_in, Index fan_out, Rng& rng);

}  // namespace nn

#endif  // NN_NETWORK_INITIALIZERS_H_
