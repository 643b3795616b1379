#ifndef NN_APPS_MNIST_TORCH_TORCH_FRAMEWORK_H_
#define NN_APPS_MNIST_TORCH_TORCH_FRAMEWORK_H_

#include "common/framework.h"

namespace apps {

/// LibTorch, for programs that know no header of it.
///
/// Making a learner sets LibTorch's thread count to that of the options and,
/// unless they ask for quiet, prints what LibTorch's speed depends on: version,
/// threads, and whether idle OpenMP threads sleep or spin.
Framework torch_framework();

}  // namespace apps

#endif  // NN_APPS_MNIST_TORCH_TORCH_FRAMEWORK_H_
