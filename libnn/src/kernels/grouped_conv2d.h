#ifndef NN_SRC_KERNELS_GROUPED_CONV2D_H_
#define NN_SRC_KERNELS_GROUPED_CONV2D_H_

#include <cstddef>

#include "kernels/conv2d.h"

namespace nn::kernels {

// The functions of conv2d.h for any number of groups: what Conv2d and its fused
// stage call. One group goes straight to conv2d.h, as many as input channels to
// depthwise.h, and others to conv2d.h group by group: a group is a run of
// channels, so it is the same arrays further on, at the same distance from
// sample to sample.

/// A smaller batch needs no more than a larger one.
template <typename T>
ScratchNeeds grouped_conv2d_forward_scratch(const ConvGeometry& geometry,
                                            const ConvEpilogue& epilogue,
                                            Index batch);
template <typename T>
ScratchNeeds grouped_conv2d_backward_scratch(const ConvGeometry& geometry,
                                             const ConvEpilogue& epilogue,
                                             Index batch);

/// Samples follow each other: strides in `args` are not looked at. References:
/// conv2d_forward_reference() and conv2d_backward_reference().
template <typename T>
void grouped_conv2d_forward(const ConvForwardArgs<T>& args,
                            const Scratch& scratch);
template <typename T>
void grouped_conv2d_backward(const ConvBackwardArgs<T>& args,
                             const Scratch& scratch);

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_GROUPED_CONV2D_H_
