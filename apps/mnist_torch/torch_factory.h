#ifndef NN_APPS_MNIST_TORCH_TORCH_FACTORY_H_
#define NN_APPS_MNIST_TORCH_TORCH_FACTORY_H_

#include <memory>

#include "common/backend.h"
#include "common/options.h"
#include "nn/network/sequential.h"

namespace apps {

/// A factory of TorchBackend, for programs that know no LibTorch.
///
/// Sets LibTorch's thread count to that of the options and, unless they ask for
/// quiet, prints what LibTorch's speed depends on: version, threads, and
/// whether idle OpenMP threads sleep or spin.
std::unique_ptr<Backend> make_torch_backend(nn::Sequential<float>& network,
                                            const Options& options);

}  // namespace apps

#endif  // NN_APPS_MNIST_TORCH_TORCH_FACTORY_H_
