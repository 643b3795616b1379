#include "files/named_tensors.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <set>
#include <type_traits>
#include <utility>

#include "files/defect.h"
#include "files/dims.h"
#include "files/half.h"
#include "files/little_endian.h"
#include "nn/check.h"

namespace nn::internal {
namespace {

using Entry = SafetensorsReader::Entry;

template <typename Scalar>
constexpr const char* dtype_of() {
  if constexpr (std::is_integral_v<Scalar>) return "I64";
  return sizeof(Scalar) == 4 ? "F32" : "F64";
}

/// The largest count; up to it every whole number is a double.
constexpr std::int64_t kLargestCount = std::int64_t{1} << 53;

/// The types that parameters are read from, but counters.
constexpr const char* kFloatTypes[] = {"F32", "F64", "F16", "BF16"};

template <typename Stored, typename Scalar>
void convert(const std::string& path,
             const Entry& tensor,
             const std::string& bytes,
             Matrix<Scalar>& values) {
  for (Index i = 0; i < values.size(); ++i) {
    const auto stored = value_at<Stored>(bytes, i);
    if constexpr (std::is_integral_v<Stored>) {
      if (stored < 0 || stored > kLargestCount) {
        throw_defect(path,
                     ": parameter ",
                     quoted(tensor.name),
                     ": expected a count from 0 to ",
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
                     ": parameter ",
                     quoted(tensor.name),
                     ": expected values in the range of ",
                     dtype_of<Scalar>(),
                     ", found ",
                     stored,
                     " at place ",
                     i);
      }
    }
    if constexpr (sizeof(Stored) == 2) {
      values.data()[i] = static_cast<float>(stored);
    } else {
      values.data()[i] = static_cast<Scalar>(stored);
    }
  }
}

template <typename Scalar>
void convert_any(const std::string& path,
                 const Entry& tensor,
                 const std::string& bytes,
                 Matrix<Scalar>& values) {
  if (tensor.dtype == dtype_of<std::int64_t>()) {
    convert<std::int64_t>(path, tensor, bytes, values);
  } else if (tensor.dtype == dtype_of<float>()) {
    convert<float>(path, tensor, bytes, values);
  } else if (tensor.dtype == dtype_of<double>()) {
    convert<double>(path, tensor, bytes, values);
  } else if (tensor.dtype == "F16") {
    convert<Float16>(path, tensor, bytes, values);
  } else {
    convert<BFloat16>(path, tensor, bytes, values);
  }
}

/// The tensors of the file for the message that one is missing: those of its
/// shape first, and before others those that nobody else wants.
std::string alternatives(const SafetensorsReader& file,
                         const std::vector<Index>& dims,
                         const std::set<std::string>& wanted) {
  std::vector<const Entry*> entries;
  for (const Entry& entry : file.entries()) entries.push_back(&entry);
  if (entries.empty()) return "; the file has no tensors";
  const auto rank = [&](const Entry* entry) {
    return (entry->dims == dims ? 0 : 2) + (wanted.count(entry->name) ? 1 : 0);
  };
  std::stable_sort(entries.begin(), entries.end(), [&](auto* a, auto* b) {
    return rank(a) < rank(b);
  });
  constexpr std::size_t kMost = 8;
  std::string text = "; the file has ";
  for (std::size_t i = 0; i < std::min(entries.size(), kMost); ++i) {
    text += concat(i == 0 ? "" : ", ",
                   quoted(entries[i]->name),
                   " ",
                   to_string(entries[i]->dims));
  }
  if (entries.size() > kMost) {
    text += concat(" and ", entries.size() - kMost, " more");
  }
  return text;
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

bool is_parameter_type(const std::string& dtype) {
  return dtype == dtype_of<std::int64_t>() ||
         std::find(std::begin(kFloatTypes), std::end(kFloatTypes), dtype) !=
             std::end(kFloatTypes);
}

template <typename Scalar>
std::function<void()> reading_tensors(
    SafetensorsReader& file,
    const char* owner,
    const std::vector<NamedParameter<Scalar>>& state,
    const std::vector<std::string>& others) {
  std::set<std::string> wanted(others.begin(), others.end());
  for (const NamedParameter<Scalar>& named : state) wanted.insert(named.name);
  // All types and shapes are checked before a value is read, and all values are
  // converted before the first is taken over: a file that fits in part changes
  // nothing.
  std::vector<const Entry*> entries;
  for (const NamedParameter<Scalar>& named : state) {
    const Parameter<Scalar>& parameter = *named.parameter;
    const Entry* entry = file.find(named.name);
    if (entry == nullptr) {
      throw_defect(file.name(),
                   ": expected the ",
                   owner,
                   "'s parameter \"",
                   named.name,
                   "\" ",
                   to_string(parameter.dims),
                   ", found no such tensor",
                   alternatives(file, parameter.dims, wanted));
    }
    if (entry->dims != parameter.dims) {
      throw_defect(file.name(),
                   ": parameter \"",
                   named.name,
                   "\": expected ",
                   to_string(parameter.dims),
                   ", found ",
                   to_string(entry->dims));
    }
    std::uint64_t size = 0;
    check_argument(
        array_bits(parameter.dims, 1, size) &&
            size == static_cast<std::uint64_t>(parameter.value.size()),
        "[load_weights] expected dims of parameter \"",
        named.name,
        "\" that fit its ",
        parameter.value.size(),
        " values, got ",
        to_string(parameter.dims));
    const bool counts = entry->dtype == dtype_of<std::int64_t>();
    if (!is_parameter_type(entry->dtype) || counts != parameter.counts) {
      throw_defect(file.name(),
                   ": parameter \"",
                   named.name,
                   "\": expected the type ",
                   parameter.counts ? "I64" : "F32, F64, F16 or BF16",
                   ", found ",
                   quoted(entry->dtype));
    }
    entries.push_back(entry);
  }
  for (const Entry& entry : file.entries()) {
    if (wanted.count(entry.name) > 0) continue;
    throw_defect(file.name(),
                 ": expected the ",
                 owner,
                 "'s ",
                 state.size(),
                 " parameters alone, found also ",
                 quoted(entry.name),
                 " ",
                 to_string(entry.dims));
  }
  std::vector<Matrix<Scalar>> values;
  for (std::size_t i = 0; i < state.size(); ++i) {
    const Matrix<Scalar>& now = state[i].parameter->value;
    values.emplace_back(now.rows(), now.cols());
    convert_any(
        file.name(), *entries[i], file.read(*entries[i]), values.back());
  }
  return [state, values = std::move(values)] {
    // The sizes are the same, so that nothing is allocated and nothing fails.
    for (std::size_t i = 0; i < state.size(); ++i) {
      std::copy_n(
          values[i].data(), values[i].size(), state[i].parameter->value.data());
    }
  };
}

template <typename Scalar>
void take_tensors(SafetensorsReader& file,
                  const char* owner,
                  const std::vector<NamedParameter<Scalar>>& state,
                  const std::vector<std::string>& others) {
  reading_tensors(file, owner, state, others)();
}

template <typename Number>
Tensor tensor_of(const std::string& name, Number number) {
  return {name, dtype_of<Number>(), {}, to_bytes(&number, 1)};
}

template <typename Number>
Number read_number(SafetensorsReader& file, const std::string& name) {
  const Entry* found = file.find(name);
  if (found == nullptr || found->dtype != dtype_of<Number>() ||
      !found->dims.empty()) {
    throw_defect(file.name(),
                 ": expected one number \"",
                 name,
                 "\" of the type ",
                 dtype_of<Number>(),
                 ", found ",
                 found == nullptr ? "none" : "another tensor");
  }
  return value_at<Number>(file.read(*found), 0);
}

template Tensor tensor_of(const std::string&, double);
template Tensor tensor_of(const std::string&, std::int64_t);
template double read_number(SafetensorsReader&, const std::string&);
template std::int64_t read_number(SafetensorsReader&, const std::string&);

#define NN_INSTANTIATE(Scalar)                                                \
  template std::vector<NamedParameter<Scalar>> state_of(Sequential<Scalar>&); \
  template SafetensorsFile tensors_of(                                        \
      const std::vector<NamedParameter<Scalar>>&);                            \
  template std::function<void()> reading_tensors(                             \
      SafetensorsReader&,                                                     \
      const char*,                                                            \
      const std::vector<NamedParameter<Scalar>>&,                             \
      const std::vector<std::string>&);                                       \
  template void take_tensors(SafetensorsReader&,                              \
                             const char*,                                     \
                             const std::vector<NamedParameter<Scalar>>&,      \
                             const std::vector<std::string>&);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn::internal
