#ifndef NN_SRC_FILES_NAMED_TENSORS_H_
#define NN_SRC_FILES_NAMED_TENSORS_H_

#include <functional>
#include <string>
#include <vector>

#include "files/safetensors_reader.h"
#include "nn/files/safetensors.h"
#include "nn/network/sequential.h"
#include "nn/optimizers/optimizer.h"

// Between a network's or an optimizer's numbers and the tensors of a file:
// their names, types and shapes. What a file's bytes look like is
// safetensors.cpp's.

namespace nn::internal {

/// All that a file of a network holds: parameters and buffers.
template <typename Scalar>
std::vector<NamedParameter<Scalar>> state_of(Sequential<Scalar>& network);

/// Parameters under their own names.
template <typename Scalar>
std::vector<NamedParameter<Scalar>> named(
    std::vector<Parameter<Scalar>>& parameters) {
  std::vector<NamedParameter<Scalar>> result;
  for (Parameter<Scalar>& parameter : parameters) {
    result.push_back({parameter.name, &parameter});
  }
  return result;
}

/// The values as a file holds them. Throws std::invalid_argument if a counter
/// holds no whole number from 0 to 2^53.
template <typename Scalar>
SafetensorsFile tensors_of(const std::vector<NamedParameter<Scalar>>& state);

/// Whether parameters are read from tensors of this type.
bool is_parameter_type(const std::string& dtype);

/// Reads the values from a file that holds exactly these, and the tensors named
/// in `others`. Returns a function that takes them over and does not fail;
/// `state` must last until then. Reads one tensor at a time. Throws
/// std::runtime_error that starts with the file's name; `owner` stands in
/// messages: "network".
template <typename Scalar>
std::function<void()> reading_tensors(
    SafetensorsReader& file,
    const char* owner,
    const std::vector<NamedParameter<Scalar>>& state,
    const std::vector<std::string>& others = {});

/// The same, and takes them over.
template <typename Scalar>
void take_tensors(SafetensorsReader& file,
                  const char* owner,
                  const std::vector<NamedParameter<Scalar>>& state,
                  const std::vector<std::string>& others = {});

///@{
/// One number, a double or an std::int64_t, as a tensor, and from there. Throws
/// std::runtime_error that starts with the file's name if there is none.
template <typename Number>
Tensor tensor_of(const std::string& name, Number number);
template <typename Number>
Number read_number(SafetensorsReader& file, const std::string& name);
///@}

///@{
/// What save_optimizer() writes, and what takes it over as reading_tensors()
/// does.
template <typename Scalar>
SafetensorsFile tensors_of(Optimizer<Scalar>& optimizer);
template <typename Scalar>
std::function<void()> reading_optimizer(SafetensorsReader& file,
                                        Optimizer<Scalar>& optimizer);
///@}

}  // namespace nn::internal

#endif  // NN_SRC_FILES_NAMED_TENSORS_H_
