#ifndef NN_SRC_TRAINING_STATE_DICT_H_
#define NN_SRC_TRAINING_STATE_DICT_H_

#include <string>
#include <utility>

#include "nn/training/learner.h"

namespace nn::internal {

/// Puts a state into another, under names and keys that begin with `prefix`.
inline void add_part(StateDict& whole,
                     const std::string& prefix,
                     StateDict part) {
  for (Tensor& tensor : part.tensors) {
    tensor.name.insert(0, prefix);
    whole.tensors.push_back(std::move(tensor));
  }
  for (auto& [key, value] : part.metadata) {
    whole.metadata[prefix + key] = std::move(value);
  }
}

/// The part that add_part() put there.
inline StateDict part_of(const StateDict& whole, const std::string& prefix) {
  StateDict part;
  for (const Tensor& tensor : whole.tensors) {
    if (tensor.name.compare(0, prefix.size(), prefix) != 0) continue;
    part.tensors.push_back({tensor.name.substr(prefix.size()),
                            tensor.dtype,
                            tensor.dims,
                            tensor.bytes});
  }
  for (const auto& [key, value] : whole.metadata) {
    if (key.compare(0, prefix.size(), prefix) != 0) continue;
    part.metadata[key.substr(prefix.size())] = value;
  }
  return part;
}

}  // namespace nn::internal

#endif  // NN_SRC_TRAINING_STATE_DICT_H_
