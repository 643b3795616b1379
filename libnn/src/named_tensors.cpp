#include "named_tensors.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <type_traits>

#include "defect.h"
#include "dims.h"
#include "little_endian.h"
#include "nn/check.h"

namespace nn::internal {
namespace {

template <typename Scalar>
constexpr const char* dtype_of() {
  if constexpr (std::is_integral_v<Scalar>) return "I64";
  return sizeof(Scalar) == 4 ? "F32" : "F64";
}

/// The largest count; up to it every whole number is a double.
constexpr std::int64_t kLargestCount = std::int64_t{1} << 53;

template <typename Stored, typename Scalar>
void convert(const std::string& path, const Tensor& tensor, Scalar* values) {
  const auto count = static_cast<Index>(tensor.bytes.size() / sizeof(Stored));
  for (Index i = 0; i < count; ++i) {
    const Stored stored = value_at<Stored>(tensor.bytes, i);
    if constexpr (std::is_integral_v<Stored>) {
      if (stored < 0 || stored > kLargestCount) {
        throw_defect(path,
                     ": parameter \"",
                     tensor.name,
                     "\": expected a count from 0 to ",
                     kLargestCount,
                     ", found ",
                     stored);
      }
    } else if constexpr (sizeof(Stored) > sizeof(Scalar)) {
      const bool fits =
          !std::isfinite(stored) ||
          std::abs(stored) <=
              static_cast<Stored>(std::numeric_limits<Scalar>::max());
      if (!fits) {
        throw_defect(path,
                     ": parameter \"",
                     tensor.name,
                     "\": expected values in the range of ",
                     dtype_of<Scalar>(),
                     ", found ",
                     stored,
                     " at place ",
                     i);
      }
    }
    values[i] = static_cast<Scalar>(stored);
  }
}

/// The bytes of counters, which are whole numbers in a Scalar.
template <typename Scalar>
std::string count_bytes(const std::string& name,
                        const Matrix<Scalar>& counters) {
  std::vector<std::int64_t> counts;
  for (Index i = 0; i < counters.size(); ++i) {
    const auto count = static_cast<double>(counters.data()[i]);
    check_argument(count >= 0 && count <= static_cast<double>(kLargestCount) &&
                       count == std::floor(count),
                   "[save_weights] expected \"",
                   name,
                   "\" to be a whole number from 0 to ",
                   kLargestCount,
                   ", got ",
                   count);
    counts.push_back(static_cast<std::int64_t>(count));
  }
  return to_bytes(counts.data(), counters.size());
}

}  // namespace

template <typename Scalar>
std::vector<NamedParameter<Scalar>> state_of(Sequential<Scalar>& network) {
  std::vector<NamedParameter<Scalar>> state = network.named_parameters();
  const auto buffers = network.named_buffers();
  state.insert(state.end(), buffers.begin(), buffers.end());
  return state;
}

template <typename Scalar>
SafetensorsFile tensors_of(const std::vector<NamedParameter<Scalar>>& state) {
  SafetensorsFile file;
  for (const NamedParameter<Scalar>& named : state) {
    const Parameter<Scalar>& parameter = *named.parameter;
    file.tensors.push_back(
        {named.name,
         parameter.counts ? dtype_of<std::int64_t>() : dtype_of<Scalar>(),
         parameter.dims,
         parameter.counts
             ? count_bytes(named.name, parameter.value)
             : to_bytes(parameter.value.data(), parameter.value.size())});
  }
  return file;
}

template <typename Scalar>
void take_tensors(const std::string& path,
                  const SafetensorsFile& file,
                  const char* owner,
                  const std::vector<NamedParameter<Scalar>>& state) {
  std::map<std::string, const Tensor*> tensors;
  for (const Tensor& tensor : file.tensors) tensors[tensor.name] = &tensor;
  // All are converted before the first is taken over, so that a file that fits
  // in part changes nothing.
  std::vector<Matrix<Scalar>> values;
  for (const NamedParameter<Scalar>& named : state) {
    const Parameter<Scalar>& parameter = *named.parameter;
    const auto found = tensors.find(named.name);
    if (found == tensors.end()) {
      throw_defect(path,
                   ": expected the ",
                   owner,
                   "'s parameter \"",
                   named.name,
                   "\" ",
                   to_string(parameter.dims),
                   ", found no such tensor");
    }
    const Tensor& tensor = *found->second;
    if (tensor.dims != parameter.dims) {
      throw_defect(path,
                   ": parameter \"",
                   named.name,
                   "\": expected ",
                   to_string(parameter.dims),
                   ", found ",
                   to_string(tensor.dims));
    }
    std::uint64_t size = 0;
    check_argument(
        array_bytes(parameter.dims, 1, size) &&
            size == static_cast<std::uint64_t>(parameter.value.size()),
        "[load_weights] expected dims of parameter \"",
        named.name,
        "\" that fit its ",
        parameter.value.size(),
        " values, got ",
        to_string(parameter.dims));
    if ((tensor.dtype == dtype_of<std::int64_t>()) != parameter.counts) {
      throw_defect(path,
                   ": parameter \"",
                   named.name,
                   "\": expected the type ",
                   parameter.counts ? "I64" : "F32 or F64",
                   ", found ",
                   tensor.dtype);
    }
    values.emplace_back(parameter.value.rows(), parameter.value.cols());
    if (parameter.counts) {
      convert<std::int64_t>(path, tensor, values.back().data());
    } else if (tensor.dtype == dtype_of<float>()) {
      convert<float>(path, tensor, values.back().data());
    } else {
      convert<double>(path, tensor, values.back().data());
    }
    tensors.erase(found);
  }
  if (!tensors.empty()) {
    throw_defect(path,
                 ": expected the ",
                 owner,
                 "'s ",
                 state.size(),
                 " parameters alone, found also \"",
                 tensors.begin()->first,
                 "\" ",
                 to_string(tensors.begin()->second->dims));
  }
  for (std::size_t i = 0; i < state.size(); ++i) {
    state[i].parameter->value = values[i];
  }
}

#define NN_INSTANTIATE(Scalar)                                                \
  template std::vector<NamedParameter<Scalar>> state_of(Sequential<Scalar>&); \
  template SafetensorsFile tensors_of(                                        \
      const std::vector<NamedParameter<Scalar>>&);                            \
  template void take_tensors(const std::string&,                              \
                             const SafetensorsFile&,                          \
                             const char*,                                     \
                             const std::vector<NamedParameter<Scalar>>&);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn::internal
