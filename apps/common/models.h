#ifndef NN_APPS_COMMON_MODELS_H_
#define NN_APPS_COMMON_MODELS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "common/options.h"
#include "nn/network/sequential.h"
#include "nn/shape.h"

namespace apps {

// The two reference networks with their initial weights, which depend on `seed`
// alone. All throw std::invalid_argument if a layer does not fit its input.

/// Linear-ReLU for every entry of `hidden`, then Linear-Softmax.
template <typename Scalar>
nn::Sequential<Scalar> build_mlp(const nn::Shape& input,
                                 const std::vector<nn::Index>& hidden,
                                 nn::Index classes,
                                 std::uint64_t seed);

/// Conv2d-ReLU-MaxPool2d(2) for every entry of `channels`, then Linear-Softmax.
template <typename Scalar>
nn::Sequential<Scalar> build_cnn(const nn::Shape& input,
                                 const std::vector<nn::Index>& channels,
                                 nn::Index kernel,
                                 nn::Index padding,
                                 nn::Index classes,
                                 std::uint64_t seed);

/// The options that say how large the network is: "--hidden 256,128".
std::string size_options(const Options& options);

/// Throws std::invalid_argument, which names the options, if training the
/// network on `images` images takes more memory than the process may use. What
/// it counts (weights, gradients, velocities and one batch's outputs) is less
/// than what is taken in the end.
void check_memory(const Options& options,
                  const nn::Shape& input,
                  nn::Index classes,
                  nn::Index images);

/// The one that `options` describe. Names the options in its errors.
template <typename Scalar>
nn::Sequential<Scalar> build_network(const Options& options,
                                     const nn::Shape& input,
                                     nn::Index classes);

}  // namespace apps

#endif  // NN_APPS_COMMON_MODELS_H_
