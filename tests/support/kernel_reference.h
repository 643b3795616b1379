#ifndef NN_TESTS_SUPPORT_KERNEL_REFERENCE_H_
#define NN_TESTS_SUPPORT_KERNEL_REFERENCE_H_

#include <cstdint>

#include "kernels/average_pooling.h"
#include "kernels/conv2d.h"
#include "kernels/gemm.h"
#include "kernels/pooling.h"

namespace nn_test {

// Kernels once more, as plainly as they can be said. Tests and benchmarks hold
// the fast ones against these, which are no part of the library. They allocate
// what they like.

template <typename T>
void gemm_reference(const nn::kernels::GemmArgs<T>& args);

/// The im2col matrix of one image, P x C*KH*KW, with the output pixel fastest:
///   cols(oh * OW + ow, (c * KH + kh) * KW + kw)
///       = x(c, oh * stride + kh * dilation - pad,
///              ow * stride + kw * dilation - pad), or 0 outside.
template <typename T>
nn::Matrix<T> im2col(const nn::kernels::ConvGeometry& g, const T* x);

/// The transpose of im2col as a linear map: adds every element of `cols` to the
/// place in dx (in_features) that it came from.
template <typename T>
void col2im_add(const nn::kernels::ConvGeometry& g,
                const nn::Matrix<T>& cols,
                T* dx);

/// Y = im2col(x) * W + bias, image by image. With groups, W is zero where a
/// filter does not see a channel. Strides in `args` are not looked at.
template <typename T>
void conv2d_forward_reference(const nn::kernels::ConvForwardArgs<T>& args);

/// dW = sum over n of im2col(x)^T * dY;  dx = col2im(dY * W^T).
template <typename T>
void conv2d_backward_reference(const nn::kernels::ConvBackwardArgs<T>& args);

template <typename T>
void max_pool_reference(const nn::kernels::PoolGeometry& g,
                        const T* x,
                        T* y,
                        std::uint8_t* argmax);

template <typename T>
void max_pool_backward_reference(const nn::kernels::PoolGeometry& g,
                                 const T* dy,
                                 const std::uint8_t* argmax,
                                 const T* relu_output,
                                 T* dx);

/// Window by window, `planes` planes.
template <typename T>
void average_pool_reference(const nn::kernels::AveragePoolGeometry& g,
                            nn::Index planes,
                            const T* x,
                            T* y);

template <typename T>
void average_pool_backward_reference(const nn::kernels::AveragePoolGeometry& g,
                                     nn::Index planes,
                                     const T* dy,
                                     T* dx);

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_KERNEL_REFERENCE_H_
