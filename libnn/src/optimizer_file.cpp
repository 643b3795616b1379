#include "nn/optimizer_file.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "defect.h"
#include "little_endian.h"
#include "named_tensors.h"
#include "nn/check.h"
#include "nn/safetensors.h"

namespace nn {
namespace {

using internal::throw_defect;

constexpr const char* kMetadataKey = "libnn.optimizer";
constexpr const char* kLearningRate = "learning_rate";
constexpr const char* kSteps = "step";
/// From here on not every whole number is a double, with which steps count.
constexpr std::int64_t kMostSteps = std::int64_t{1} << 53;

/// The arrays of a state cut into those of the parameters, under PyTorch's
/// names: "0.exp_avg", of the shape of parameter 0.
template <typename Scalar>
std::vector<Parameter<Scalar>> parts_of(const OptimizerState<Scalar>& state,
                                        const Optimizer<Scalar>& optimizer) {
  std::vector<Parameter<Scalar>> parts;
  for (const auto& array : state.arrays) {
    Index first = 0;
    for (std::size_t i = 0; i < optimizer.parameters().size(); ++i) {
      const Parameter<Scalar>& parameter = *optimizer.parameters()[i];
      const Index count = parameter.value.size();
      parts.push_back(Parameter<Scalar>::buffer(
          concat(i, ".", array.name), parameter.dims, count, 1));
      parts.back().value = array.values->middleRows(first, count);
      first += count;
    }
  }
  return parts;
}

template <typename Scalar>
std::vector<NamedParameter<Scalar>> named(
    std::vector<Parameter<Scalar>>& parts) {
  std::vector<NamedParameter<Scalar>> result;
  for (Parameter<Scalar>& part : parts) result.push_back({part.name, &part});
  return result;
}

/// Takes the tensor of one number out of the file.
template <typename Number>
Number take_number(const std::string& path,
                   const char* name,
                   const char* dtype,
                   SafetensorsFile& file) {
  const auto found = std::find_if(
      file.tensors.begin(), file.tensors.end(), [name](const Tensor& tensor) {
        return tensor.name == name;
      });
  if (found == file.tensors.end() || found->dtype != dtype ||
      !found->dims.empty()) {
    throw_defect(path,
                 ": expected one number \"",
                 name,
                 "\" of the type ",
                 dtype,
                 ", found ",
                 found == file.tensors.end() ? "none" : "another tensor");
  }
  const Number number = internal::value_at<Number>(found->bytes, 0);
  file.tensors.erase(found);
  return number;
}

}  // namespace

template <typename Scalar>
void save_optimizer(const std::string& path, Optimizer<Scalar>& optimizer) {
  const OptimizerState<Scalar> state = optimizer.state();
  std::vector<Parameter<Scalar>> parts = parts_of(state, optimizer);
  SafetensorsFile file = internal::tensors_of(named(parts));
  const double rate = optimizer.learning_rate();
  file.tensors.push_back(
      {kLearningRate, "F64", {}, internal::to_bytes(&rate, 1)});
  if (state.steps != nullptr) {
    file.tensors.push_back(
        {kSteps, "I64", {}, internal::to_bytes(state.steps, 1)});
  }
  file.metadata[kMetadataKey] = state.kind;
  write_safetensors(path, file);
}

template <typename Scalar>
void load_optimizer(const MemoryFile& memory, Optimizer<Scalar>& optimizer) {
  const std::string& path = memory.name;
  const OptimizerState<Scalar> state = optimizer.state();
  SafetensorsFile file = read_safetensors(memory);
  const auto kind = file.metadata.find(kMetadataKey);
  if (kind == file.metadata.end()) {
    throw_defect(path,
                 ": expected the file of an optimizer, with its kind in the "
                 "metadata under \"",
                 kMetadataKey,
                 "\", found none");
  }
  if (kind->second != state.kind) {
    throw_defect(path,
                 ": expected the optimizer ",
                 state.kind,
                 ", found ",
                 kind->second);
  }
  const auto rate = take_number<double>(path, kLearningRate, "F64", file);
  if (!(std::isfinite(rate) && rate >= 0.0)) {
    throw_defect(path,
                 ": expected a learning rate that is finite and at least 0, "
                 "found ",
                 rate);
  }
  std::int64_t steps = 0;
  if (state.steps != nullptr) {
    steps = take_number<std::int64_t>(path, kSteps, "I64", file);
    if (steps < 0 || steps > kMostSteps) {
      throw_defect(path,
                   ": expected a number of steps from 0 to ",
                   kMostSteps,
                   ", found ",
                   steps);
    }
  }
  std::vector<Parameter<Scalar>> parts = parts_of(state, optimizer);
  internal::take_tensors(path, file, "optimizer", named(parts));

  // From here on nothing fails.
  auto part = parts.cbegin();
  for (const auto& array : state.arrays) {
    Index first = 0;
    for (std::size_t i = 0; i < optimizer.parameters().size(); ++i, ++part) {
      array.values->middleRows(first, part->value.size()) = part->value;
      first += part->value.size();
    }
  }
  if (state.steps != nullptr) *state.steps = steps;
  optimizer.set_learning_rate(rate);
}

template <typename Scalar>
void load_optimizer(const std::string& path, Optimizer<Scalar>& optimizer) {
  load_optimizer(MemoryFile{read_file(path), path}, optimizer);
}

template void save_optimizer<float>(const std::string&, Optimizer<float>&);
template void save_optimizer<double>(const std::string&, Optimizer<double>&);
template void load_optimizer<float>(const std::string&, Optimizer<float>&);
template void load_optimizer<double>(const std::string&, Optimizer<double>&);
template void load_optimizer<float>(const MemoryFile&, Optimizer<float>&);
template void load_optimizer<double>(const MemoryFile&, Optimizer<double>&);

}  // namespace nn
