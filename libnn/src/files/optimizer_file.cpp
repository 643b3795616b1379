#include "nn/files/optimizer_file.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "files/defect.h"
#include "files/named_tensors.h"
#include "nn/check.h"

namespace nn {
namespace {

using internal::ByteSource;
using internal::quoted;
using internal::SafetensorsReader;
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

}  // namespace

namespace internal {

template <typename Scalar>
SafetensorsFile tensors_of(Optimizer<Scalar>& optimizer) {
  const OptimizerState<Scalar> state = optimizer.state();
  std::vector<Parameter<Scalar>> parts = parts_of(state, optimizer);
  SafetensorsFile file = tensors_of(named(parts));
  file.tensors.push_back(tensor_of(kLearningRate, optimizer.learning_rate()));
  if (state.steps != nullptr) {
    file.tensors.push_back(tensor_of(kSteps, *state.steps));
  }
  file.metadata[kMetadataKey] = state.kind;
  return file;
}

template <typename Scalar>
std::function<void()> reading_optimizer(SafetensorsReader& file,
                                        Optimizer<Scalar>& optimizer) {
  const OptimizerState<Scalar> state = optimizer.state();
  const auto kind = file.metadata().find(kMetadataKey);
  if (kind == file.metadata().end()) {
    throw_defect(file.name(),
                 ": expected the file of an optimizer, with its kind in the "
                 "metadata under \"",
                 kMetadataKey,
                 "\", found none");
  }
  if (kind->second != state.kind) {
    throw_defect(file.name(),
                 ": expected the optimizer ",
                 state.kind,
                 ", found ",
                 quoted(kind->second));
  }
  const auto rate = read_number<double>(file, kLearningRate);
  if (!(std::isfinite(rate) && rate >= 0.0)) {
    throw_defect(file.name(),
                 ": expected a learning rate that is finite and at least 0, "
                 "found ",
                 rate);
  }
  std::vector<std::string> numbers{kLearningRate};
  std::int64_t steps = 0;
  if (state.steps != nullptr) {
    steps = read_number<std::int64_t>(file, kSteps);
    numbers.emplace_back(kSteps);
    if (steps < 0 || steps > kMostSteps) {
      throw_defect(file.name(),
                   ": expected a number of steps from 0 to ",
                   kMostSteps,
                   ", found ",
                   steps);
    }
  }
  // Shared, since a function may be copied and the parameters must stay.
  const auto parts = std::make_shared<std::vector<Parameter<Scalar>>>(
      parts_of(state, optimizer));
  const auto take = reading_tensors(file, "optimizer", named(*parts), numbers);
  return [state, steps, rate, parts, take, &optimizer] {
    take();
    auto part = parts->cbegin();
    for (const auto& array : state.arrays) {
      Index first = 0;
      for (std::size_t i = 0; i < optimizer.parameters().size(); ++i, ++part) {
        array.values->middleRows(first, part->value.size()) = part->value;
        first += part->value.size();
      }
    }
    if (state.steps != nullptr) *state.steps = steps;
    optimizer.set_learning_rate(rate);
  };
}

}  // namespace internal

template <typename Scalar>
void save_optimizer(const std::string& path, Optimizer<Scalar>& optimizer) {
  write_safetensors(path, internal::tensors_of(optimizer));
}

template <typename Scalar>
void load_optimizer(const std::string& path,
                    Optimizer<Scalar>& optimizer,
                    const ReadLimits& limits) {
  SafetensorsReader file(ByteSource(path), limits);
  internal::reading_optimizer(file, optimizer)();
}

template <typename Scalar>
void load_optimizer(const MemoryFile& file,
                    Optimizer<Scalar>& optimizer,
                    const ReadLimits& limits) {
  SafetensorsReader reader(ByteSource(file), limits);
  internal::reading_optimizer(reader, optimizer)();
}

#define NN_INSTANTIATE(Scalar)                                          \
  template SafetensorsFile internal::tensors_of(Optimizer<Scalar>&);    \
  template std::function<void()> internal::reading_optimizer(           \
      SafetensorsReader&, Optimizer<Scalar>&);                          \
  template void save_optimizer(const std::string&, Optimizer<Scalar>&); \
  template void load_optimizer(                                         \
      const std::string&, Optimizer<Scalar>&, const ReadLimits&);       \
  template void load_optimizer(                                         \
      const MemoryFile&, Optimizer<Scalar>&, const ReadLimits&);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn
