#ifndef NN_SRC_FILES_NAMED_TENSORS_H_
#define NN_SRC_FILES_NAMED_TENSORS_H_

#include <string>
#include <vector>

#include "files/safetensors_reader.h"
#include "nn/files/safetensors.h"
#include "nn/network/sequential.h"

// Between a network's or an optimizer's numbers and the tensors of a file:
// their names, types and shapes. What a file's bytes look like is
// safetensors.cpp's.

namespace nn::internal {

/// All that a file of a network holds: parameters and buffers.
template <typename Scalar>
std::vector<NamedParameter<Scalar>> state_of(Sequential<Scalar>& network);

/// The values as a file holds them. Throws std::invalid_argument if a counter
/// holds no whole number from 0 to 2^53.
template <typename Scalar>
SafetensorsFile tensors_of(const std::vector<NamedParameter<Scalar>>& state);

/// Whether parameters are read from tensors of this type.
bool is_parameter_type(const std::string& dtype);

/// Takes the values over from a file that holds exactly these, and the tensors
/// named in `others`; nothing is changed unless all fit. Reads one tensor at a
/// time. Throws std::runtime_error that starts with the file's name; `owner`
/// stands in messages: "network".
template <typename Scalar>
void take_tensors(SafetensorsReader& file,
                  const char* owner,
                  const std::vector<NamedParameter<Scalar>>& state,
                  const std::vector<std::string>& others = {});

}  // namespace nn::internal

#endif  // NN_SRC_FILES_NAMED_TENSORS_H_
