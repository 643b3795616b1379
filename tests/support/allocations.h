#ifndef NN_TESTS_SUPPORT_ALLOCATIONS_H_
#define NN_TESTS_SUPPORT_ALLOCATIONS_H_

#include <cstddef>

namespace nn_test {

/// How many blocks of memory this program has taken from the heap so far, on
/// all threads: through operator new, and through malloc (as Eigen does) where
/// the linker can put the counter in front of it.
std::size_t allocation_count();

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_ALLOCATIONS_H_
