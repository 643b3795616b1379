#ifndef NN_SRC_DEFECT_H_
#define NN_SRC_DEFECT_H_

#include <stdexcept>

#include "nn/check.h"

namespace nn::internal {

/// What is wrong with the content of a file. Whoever knows the file's path puts
/// it before the message.
template <typename... Parts>
[[noreturn]] void throw_defect(const Parts&... parts) {
  throw std::runtime_error(concat(parts...));
}

}  // namespace nn::internal

#endif  // NN_SRC_DEFECT_H_
