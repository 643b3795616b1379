#ifndef NN_SRC_KERNELS_CONV2D_SPARSE_H_
#define NN_SRC_KERNELS_CONV2D_SPARSE_H_

#include <cstddef>

#include "kernels/conv2d.h"

namespace nn::kernels {

/// Whether the backward pass of this convolution is to go over the places that
/// a gradient reaches, and not over all: when a pool lets through at most one
/// in three. It depends on the sizes alone.
bool conv2d_backward_is_sparse(const ConvGeometry& geometry,
                               const ConvEpilogue& epilogue);

/// conv2d_backward() and its scratch memory for such a convolution.
template <typename T>
ScratchNeeds conv2d_sparse_backward_scratch(const ConvGeometry& geometry,
                                            const ConvEpilogue& epilogue,
                                            Index batch);
template <typename T>
void conv2d_sparse_backward(const ConvBackwardArgs<T>& args,
                            const Scratch& scratch);

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_CONV2D_SPARSE_H_
