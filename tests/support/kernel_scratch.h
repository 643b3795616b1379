#ifndef NN_TESTS_SUPPORT_KERNEL_SCRATCH_H_
#define NN_TESTS_SUPPORT_KERNEL_SCRATCH_H_

#include <cstring>

#include "kernels/scratch.h"
#include "nn/buffer.h"
#include "nn/parallel.h"

namespace nn_test {

/// Scratch memory of exactly the size that a kernel asks for, full of NaNs, for
/// as many workers as num_threads() says.
class KernelScratch {
 public:
  explicit KernelScratch(const nn::kernels::ScratchNeeds& needs)
      : workers_(nn::num_threads()) {
    buffer_.reserve(needs.shared_bytes +
                    static_cast<std::size_t>(workers_) * needs.worker_bytes);
    if (buffer_.size_bytes() > 0) {
      std::memset(buffer_.data(), 0xff, buffer_.size_bytes());
    }
  }
  operator nn::kernels::Scratch() {  // NOLINT: implicit
    return {buffer_.data(), workers_};
  }

 private:
  nn::Buffer buffer_;
  int workers_;
};

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_KERNEL_SCRATCH_H_
