#ifndef NN_TESTS_SUPPORT_THREADS_H_
#define NN_TESTS_SUPPORT_THREADS_H_

#include "nn/parallel.h"

namespace nn_test {

/// Sets the number of threads for a scope.
class ScopedThreads {
 public:
  explicit ScopedThreads(int n) : before_(nn::num_threads()) {
    nn::set_num_threads(n);
  }
  ~ScopedThreads() { nn::set_num_threads(before_); }
  ScopedThreads(const ScopedThreads&) = delete;
  ScopedThreads& operator=(const ScopedThreads&) = delete;

 private:
  int before_;
};

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_THREADS_H_
