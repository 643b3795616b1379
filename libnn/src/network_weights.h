#ifndef NN_SRC_NETWORK_WEIGHTS_H_
#define NN_SRC_NETWORK_WEIGHTS_H_

#include <string>

#include "nn/safetensors.h"
#include "nn/sequential.h"

namespace nn::internal {

/// What save_weights() writes and load_weights() takes over; safetensors.h says
/// what they throw. `path` is where the file came from, for messages.
template <typename Scalar>
SafetensorsFile weights_of(Sequential<Scalar>& network);
template <typename Scalar>
void take_weights(const std::string& path,
                  const SafetensorsFile& file,
                  Sequential<Scalar>& network);

}  // namespace nn::internal

#endif  // NN_SRC_NETWORK_WEIGHTS_H_
