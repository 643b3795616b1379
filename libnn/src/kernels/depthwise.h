#ifndef NN_SRC_KERNELS_DEPTHWISE_H_
#define NN_SRC_KERNELS_DEPTHWISE_H_

#include <cstddef>

#include "kernels/conv2d.h"

namespace nn::kernels {

// Convolution with as many groups as input channels: each output channel sees
// one input channel. A matrix product would have K = KH * KW and one column or
// two, which starves the register tile; here the taps are summed directly.
// The arguments are those of grouped_conv2d.h, whose functions call these; the
// geometry's groups equal its in_channels.

/// A smaller batch needs no more than a larger one.
template <typename T>
ScratchNeeds depthwise_forward_scratch(const ConvGeometry& geometry,
                                       const ConvEpilogue& epilogue);
template <typename T>
ScratchNeeds depthwise_backward_scratch(const ConvGeometry& geometry,
                                        Index batch);

/// Both run on up to scratch.workers threads; results do not depend on the
/// number. References: conv2d_forward_reference() and
/// conv2d_backward_reference().
template <typename T>
void depthwise_forward(const ConvForwardArgs<T>& args, const Scratch& scratch);
template <typename T>
void depthwise_backward(const ConvBackwardArgs<T>& args,
                        const Scratch& scratch);

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_DEPTHWISE_H_
