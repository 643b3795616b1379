#include "nn/safetensors.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <set>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "defect.h"
#include "dims.h"
#include "json.h"
#include "named_tensors.h"
#include "nn/check.h"
#include "nn/file.h"

namespace nn {
namespace {

using internal::array_bytes;
using internal::is_utf8;
using internal::json_string;
using internal::JsonReader;
using internal::throw_defect;
using internal::to_string;

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kHeaderAlignment = 8;
constexpr const char* kMetadataName = "__metadata__";

/// 0 for types that this library does not read.
std::size_t element_bytes(const std::string& dtype) {
  if (dtype == "F32") return 4;
  if (dtype == "F64" || dtype == "I64") return 8;
  return 0;
}

// Reading, which trusts nothing in a file.

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

SafetensorsFile parse(std::string_view content) {
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
  const std::string header(
      content.substr(kLengthBytes, static_cast<std::size_t>(header_bytes)));

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

// Writing.

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

SafetensorsFile read_safetensors(const MemoryFile& file) {
  try {
    return parse(file.bytes);
  } catch (const std::runtime_error& error) {
    throw_defect(file.name, ": ", error.what());
  }
}

SafetensorsFile read_safetensors(const std::string& path) {
  return read_safetensors(MemoryFile{read_file(path), path});
}

template <typename Scalar>
void save_weights(const std::string& path, Sequential<Scalar>& network) {
  write_safetensors(path, internal::tensors_of(internal::state_of(network)));
}

template <typename Scalar>
void load_weights(const MemoryFile& file, Sequential<Scalar>& network) {
  internal::take_tensors(file.name,
                         read_safetensors(file),
                         "network",
                         internal::state_of(network));
}

template <typename Scalar>
void load_weights(const std::string& path, Sequential<Scalar>& network) {
  load_weights(MemoryFile{read_file(path), path}, network);
}

template void save_weights<float>(const std::string&, Sequential<float>&);
template void save_weights<double>(const std::string&, Sequential<double>&);
template void load_weights<float>(const std::string&, Sequential<float>&);
template void load_weights<double>(const std::string&, Sequential<double>&);
template void load_weights<float>(const MemoryFile&, Sequential<float>&);
template void load_weights<double>(const MemoryFile&, Sequential<double>&);

}  // namespace nn
