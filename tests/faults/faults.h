#ifndef NN_TESTS_FAULTS_FAULTS_H_
#define NN_TESTS_FAULTS_FAULTS_H_

#include <cstddef>

namespace nn_test {

/// What can fail: a block of memory, or a call of the system.
enum class Fault { kMemory, kOpen, kRead, kWrite, kSync, kRename, kThread };

constexpr Fault kFaults[] = {Fault::kMemory,
                             Fault::kOpen,
                             Fault::kRead,
                             Fault::kWrite,
                             Fault::kSync,
                             Fault::kRename,
                             Fault::kThread};

const char* name_of(Fault fault);

/// Lets the n-th call of this kind fail, counted from 1, and with `all_after`
/// every one behind it: memory with ENOMEM, a thread with EAGAIN, a write with
/// ENOSPC after it has written one byte, others with EIO. From then until
/// disarm().
void arm(Fault fault, std::size_t n, bool all_after);

/// Ends it. Returns how many calls have failed.
std::size_t disarm();

}  // namespace nn_test

#endif  // NN_TESTS_FAULTS_FAULTS_H_
