#ifndef NN_SRC_KERNELS_DROPOUT_H_
#define NN_SRC_KERNELS_DROPOUT_H_

#include <cstdint>

#include "nn/types.h"

namespace nn::kernels {

/// The 32 random bits of element `i` of a block that has the number `key`: two
/// rounds of a mixing of 32 bits (Wellons, "Prospecting for hash functions",
/// 2018: shifts 16, 15, 16), each with half of the key. A single round would
/// make the bits of two keys permutations of each other.
std::uint32_t random_bits(std::uint64_t key, std::uint32_t i);

/// How many of the 2^32 values of the bits drop an element.
std::uint32_t dropout_threshold(double p);

/// y = x * scale where the element's bits are at least `threshold`, else
/// x * 0: zero, but a NaN stays one. Element i has number i % kMinBlock (see
/// blocks.h) in block i / kMinBlock, and the block's key is
/// Rng(key).fork(block).next(). In place is fine. On up to num_threads()
/// threads; what is dropped depends on neither them nor the instruction set.
template <typename T>
void dropout(std::uint64_t key,
             std::uint32_t threshold,
             T scale,
             const T* x,
             T* y,
             Index count);

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_DROPOUT_H_
