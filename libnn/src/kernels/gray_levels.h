#ifndef NN_SRC_KERNELS_GRAY_LEVELS_H_
#define NN_SRC_KERNELS_GRAY_LEVELS_H_

#include <cstdint>

#include "nn/types.h"

namespace nn::kernels {

/// x(i) = gray(i) * scale + offset, rounded once or twice, on one thread.
template <typename T>
void scale_gray_levels(
    const std::uint8_t* gray, T scale, T offset, T* x, Index count);

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_GRAY_LEVELS_H_
