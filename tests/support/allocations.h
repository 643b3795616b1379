#ifndef NN_TESTS_SUPPORT_ALLOCATIONS_H_
#define NN_TESTS_SUPPORT_ALLOCATIONS_H_

#include <cstddef>

namespace nn_test {

/// How many blocks of memory this program has taken from the heap so far, on
/// all threads: through operator new, and through malloc (as Eigen does) where
/// the linker can put the counter in front of it.
std::size_t allocation_count();

/// The sum of their sizes, of those given back too: a bound of the memory that
/// was in use at any time.
std::size_t allocated_bytes();

/// Refuses the n-th block from now on, counted from 1, and with `all_after`
/// every one behind it, on all threads. With 0 none is refused.
void refuse_allocation(std::size_t n, bool all_after = false);

/// How many blocks were refused since refuse_allocation().
std::size_t refused_allocations();

/// refuse_allocation(nth) for as long as a scope lasts.
class AllocationFault {
 public:
  explicit AllocationFault(std::size_t nth);
  ~AllocationFault();
  AllocationFault(const AllocationFault&) = delete;
  AllocationFault& operator=(const AllocationFault&) = delete;

  /// Whether there were as many.
  bool happened() const;
};

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_ALLOCATIONS_H_
