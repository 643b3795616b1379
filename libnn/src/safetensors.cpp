#include "nn/safetensors.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numeric>
#include <set>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "json.h"
#include "little_endian.h"
#include "named_tensors.h"
#include "nn/check.h"
#include "nn/file.h"

namespace nn {
namespace {

using internal::is_utf8;
using internal::json_string;
using internal::JsonReader;
using internal::throw_defect;
using internal::to_bytes;
using internal::value_at;

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kHeaderAlignment = 8;
constexpr const char* kMetadataName = "__metadata__";

/// 0 for types that this library does not read.
std::size_t element_bytes(const std::string& dtype) {
  if (dtype == "F32") return 4;
  if (dtype == "F64" || dtype == "I64") return 8;
  return 0;
}

/// Multiplies unless the product leaves std::uint64_t.
bool multiply(std::uint64_t a, std::uint64_t b, std::uint64_t& product) {
  if (b != 0 && a > std::numeric_limits<std::uint64_t>::max() / b) return false;
  product = a * b;
  return true;
}

/// The bytes of an array, or false if their number leaves std::uint64_t.
bool array_bytes(const std::vector<Index>& dims,
                 std::size_t bytes_per_element,
                 std::uint64_t& result) {
  result = bytes_per_element;
  return std::all_of(dims.begin(), dims.end(), [&result](Index size) {
    return multiply(result, static_cast<std::uint64_t>(size), result);
  });
}

std::string to_string(const std::vector<Index>& dims) {
  std::string text = "[";
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(dims[i]);
  }
  return text + "]";
}

/// A header entry and where its bytes are.
struct Entry {
  Tensor tensor;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

std::vector<Index> to_dims(const std::string& name,
                           const std::vector<std::uint64_t>& shape) {
  constexpr auto kMax =
      static_cast<std::uint64_t>(std::numeric_limits<Index>::max());
  std::vector<Index> dims;
  for (const std::uint64_t size : shape) {
    if (size > kMax) {
      throw_defect(
          "tensor \"", name, "\" has a size of ", size, ", which is too large");
    }
    dims.push_back(static_cast<Index>(size));
  }
  return dims;
}

Entry read_entry(JsonReader& reader, const std::string& name) {
  Entry entry;
  entry.tensor.name = name;
  bool has_dtype = false;
  bool has_shape = false;
  bool has_offsets = false;
  reader.read_object([&](const std::string& key) {
    if (key == "dtype") {
      entry.tensor.dtype = reader.read_string();
      has_dtype = true;
    } else if (key == "shape") {
      entry.tensor.dims = to_dims(name, reader.read_integers());
      has_shape = true;
    } else if (key == "data_offsets") {
      const std::vector<std::uint64_t> offsets = reader.read_integers();
      if (offsets.size() != 2) {
        throw_defect("tensor \"",
                     name,
                     "\": expected 2 data_offsets, found ",
                     offsets.size());
      }
      entry.begin = offsets[0];
      entry.end = offsets[1];
      has_offsets = true;
    } else {
      throw_defect("tensor \"",
                   name,
                   "\": expected dtype, shape and data_offsets, found \"",
                   key,
                   "\"");
    }
  });
  if (!has_dtype || !has_shape || !has_offsets) {
    throw_defect("tensor \"",
                 name,
                 "\" has no ",
                 !has_dtype   ? "dtype"
                 : !has_shape ? "shape"
                              : "data_offsets");
  }
  return entry;
}

/// Checks that an entry's type, shape and extent agree.
void check_entry(const Entry& entry) {
  const Tensor& tensor = entry.tensor;
  const std::size_t bytes_per_element = element_bytes(tensor.dtype);
  if (bytes_per_element == 0) {
    throw_defect("tensor \"",
                 tensor.name,
                 "\": expected the type F32, F64 or I64, found \"",
                 tensor.dtype,
                 "\"");
  }
  std::uint64_t expected = 0;
  if (!array_bytes(tensor.dims, bytes_per_element, expected)) {
    throw_defect("tensor \"",
                 tensor.name,
                 "\" has the shape ",
                 to_string(tensor.dims),
                 ", which is too large");
  }
  if (entry.end < entry.begin || entry.end - entry.begin != expected) {
    throw_defect("tensor \"",
                 tensor.name,
                 "\": expected ",
                 expected,
                 " bytes for ",
                 tensor.dtype,
                 " ",
                 to_string(tensor.dims),
                 ", found data_offsets ",
                 entry.begin,
                 " to ",
                 entry.end);
  }
}

SafetensorsFile parse(const std::string& content) {
  if (content.size() < kLengthBytes) {
    throw_defect("expected a safetensors file, which has at least ",
                 kLengthBytes,
                 " bytes, found ",
                 content.size());
  }
  std::uint64_t header_bytes = 0;
  for (std::size_t i = kLengthBytes; i-- > 0;) {
    header_bytes = (header_bytes << 8) | static_cast<unsigned char>(content[i]);
  }
  if (header_bytes > content.size() - kLengthBytes) {
    throw_defect("expected a header of ",
                 header_bytes,
                 " bytes, as the first 8 bytes say, found ",
                 content.size() - kLengthBytes,
                 " bytes behind them");
  }
  const std::size_t data_begin =
      kLengthBytes + static_cast<std::size_t>(header_bytes);
  const std::uint64_t data_bytes = content.size() - data_begin;
  const std::string header =
      content.substr(kLengthBytes, static_cast<std::size_t>(header_bytes));

  SafetensorsFile file;
  std::vector<Entry> entries;
  JsonReader reader(header, "the JSON header");
  reader.read_object([&](const std::string& name) {
    if (name == kMetadataName) {
      reader.read_object([&](const std::string& key) {
        file.metadata[key] = reader.read_string();
      });
    } else {
      entries.push_back(read_entry(reader, name));
      check_entry(entries.back());
    }
  });
  reader.expect_end();

  // In the order of the data, a gap or overlap shows between neighbours.
  std::stable_sort(
      entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
        return std::make_pair(a.begin, a.end) < std::make_pair(b.begin, b.end);
      });
  std::uint64_t covered = 0;
  for (Entry& entry : entries) {
    if (entry.begin != covered) {
      throw_defect("tensor \"",
                   entry.tensor.name,
                   "\": expected its data at offset ",
                   covered,
                   ", where the one before it ends, found data_offsets ",
                   entry.begin,
                   " to ",
                   entry.end);
    }
    if (entry.end > data_bytes) {
      throw_defect("tensor \"",
                   entry.tensor.name,
                   "\": expected data up to ",
                   entry.end,
                   ", found only ",
                   data_bytes,
                   " bytes of data");
    }
    covered = entry.end;
    entry.tensor.bytes.assign(
        content,
        data_begin + static_cast<std::size_t>(entry.begin),
        static_cast<std::size_t>(entry.end - entry.begin));
    file.tensors.push_back(std::move(entry.tensor));
  }
  if (covered != data_bytes) {
    throw_defect("expected ", covered, " bytes of data, found ", data_bytes);
  }
  return file;
}

void check_tensor(const Tensor& tensor, std::set<std::string>& names) {
  check_argument(is_utf8(tensor.name) && tensor.name != kMetadataName,
                 "[write_safetensors] expected a tensor's name in UTF-8 other "
                 "than ",
                 kMetadataName,
                 ", got \"",
                 tensor.name,
                 "\"");
  check_argument(names.insert(tensor.name).second,
                 "[write_safetensors] expected each name once, got \"",
                 tensor.name,
                 "\" twice");
  const std::size_t bytes_per_element = element_bytes(tensor.dtype);
  check_argument(bytes_per_element != 0,
                 "[write_safetensors] expected the type F32, F64 or I64 for \"",
                 tensor.name,
                 "\", got \"",
                 tensor.dtype,
                 "\"");
  const bool negative = std::any_of(tensor.dims.begin(),
                                    tensor.dims.end(),
                                    [](Index size) { return size < 0; });
  std::uint64_t expected = 0;
  check_argument(!negative &&
                     array_bytes(tensor.dims, bytes_per_element, expected) &&
                     expected == tensor.bytes.size(),
                 "[write_safetensors] expected the bytes of \"",
                 tensor.name,
                 "\" to be those of ",
                 tensor.dtype,
                 " ",
                 to_string(tensor.dims),
                 ", got ",
                 tensor.bytes.size());
}

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

void write_safetensors(const std::string& path, const SafetensorsFile& file) {
  std::set<std::string> names;
  std::string header = "{";
  if (!file.metadata.empty()) {
    header += json_string(kMetadataName) + ":{";
    bool first = true;
    for (const auto& [key, value] : file.metadata) {
      check_argument(is_utf8(key) && is_utf8(value),
                     "[write_safetensors] expected metadata in UTF-8, got \"",
                     key,
                     "\": \"",
                     value,
                     "\"");
      header +=
          (first ? "" : ",") + json_string(key) + ":" + json_string(value);
      first = false;
    }
    header += "}";
  }
  std::size_t data_bytes = 0;
  for (const Tensor& tensor : file.tensors) {
    check_tensor(tensor, names);
    const std::size_t end = data_bytes + tensor.bytes.size();
    if (header.size() > 1) header += ",";
    header += json_string(tensor.name) +
              ":{\"dtype\":" + json_string(tensor.dtype) +
              ",\"shape\":" + to_string(tensor.dims) + ",\"data_offsets\":[" +
              std::to_string(data_bytes) + "," + std::to_string(end) + "]}";
    data_bytes = end;
  }
  header += "}";
  // The data then starts aligned for every type, wherever the file is mapped.
  while (header.size() % kHeaderAlignment != 0) header += ' ';

  std::string content;
  content.reserve(kLengthBytes + header.size() + data_bytes);
  const std::uint64_t header_bytes = header.size();
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    content += static_cast<char>(
        static_cast<unsigned char>((header_bytes >> (8 * i)) & 0xffu));
  }
  content += header;
  for (const Tensor& tensor : file.tensors) content += tensor.bytes;
  write_file_atomically(path, content);
}

SafetensorsFile read_safetensors(const std::string& path) {
  const std::string content = read_file(path);
  try {
    return parse(content);
  } catch (const std::runtime_error& error) {
    throw_defect(path, ": ", error.what());
  }
}

namespace internal {

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

}  // namespace internal

template <typename Scalar>
void save_weights(const std::string& path, Sequential<Scalar>& network) {
  write_safetensors(path, internal::tensors_of(internal::state_of(network)));
}

template <typename Scalar>
void load_weights(const std::string& path, Sequential<Scalar>& network) {
  internal::take_tensors(
      path, read_safetensors(path), "network", internal::state_of(network));
}

template void save_weights<float>(const std::string&, Sequential<float>&);
template void save_weights<double>(const std::string&, Sequential<double>&);
template void load_weights<float>(const std::string&, Sequential<float>&);
template void load_weights<double>(const std::string&, Sequential<double>&);

}  // namespace nn
