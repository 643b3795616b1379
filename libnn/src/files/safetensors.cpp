#include "nn/files/safetensors.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>

#include "files/defect.h"
#include "files/dims.h"
#include "files/json.h"
#include "files/named_tensors.h"
#include "files/safetensors_reader.h"
#include "nn/check.h"
#include "nn/files/file.h"
#include "utf8.h"

namespace nn {
namespace {

using internal::array_bits;
using internal::ByteSource;
using internal::element_bits;
using internal::is_utf8;
using internal::json_string;
using internal::kSafetensorsLengthBytes;
using internal::kSafetensorsMetadata;
using internal::quoted;
using internal::SafetensorsReader;
using internal::to_string;

constexpr std::size_t kHeaderAlignment = 8;
void check_tensor(const Tensor& tensor, std::set<std::string>& names) {
  check_argument(is_utf8(tensor.name) && tensor.name != kSafetensorsMetadata,
                 "[write_safetensors] expected a tensor's name in UTF-8 other "
                 "than ",
                 kSafetensorsMetadata,
                 ", got \"",
                 tensor.name,
                 "\"");
  check_argument(names.insert(tensor.name).second,
                 "[write_safetensors] expected each name once, got \"",
                 tensor.name,
                 "\" twice");
  const std::uint64_t bits = element_bits(tensor.dtype);
  check_argument(bits != 0,
                 "[write_safetensors] expected a type of safetensors, such as "
                 "F32, for \"",
                 tensor.name,
                 "\", got \"",
                 tensor.dtype,
                 "\"");
  const bool negative = std::any_of(tensor.dims.begin(),
                                    tensor.dims.end(),
                                    [](Index size) { return size < 0; });
  std::uint64_t expected = 0;
  check_argument(!negative && array_bits(tensor.dims, bits, expected) &&
                     expected % 8 == 0 && expected / 8 == tensor.bytes.size(),
                 "[write_safetensors] expected the bytes of \"",
                 tensor.name,
                 "\" to be those of ",
                 tensor.dtype,
                 " ",
                 to_string(tensor.dims),
                 ", got ",
                 tensor.bytes.size());
}

SafetensorsFile read_all(SafetensorsReader reader) {
  SafetensorsFile file;
  file.metadata = reader.metadata();
  for (const SafetensorsReader::Entry& entry : reader.entries()) {
    file.tensors.push_back(
        {entry.name, entry.dtype, entry.dims, reader.read(entry)});
  }
  return file;
}

template <typename Scalar>
void load(SafetensorsReader reader, Sequential<Scalar>& network) {
  internal::take_tensors(reader, "network", internal::state_of(network));
}

}  // namespace

void write_safetensors(const std::string& path, const SafetensorsFile& file) {
  std::set<std::string> names;
  std::string header = "{";
  if (!file.metadata.empty()) {
    header += json_string(kSafetensorsMetadata) + ":{";
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
  content.reserve(kSafetensorsLengthBytes + header.size() + data_bytes);
  const std::uint64_t header_bytes = header.size();
  for (std::size_t i = 0; i < kSafetensorsLengthBytes; ++i) {
    content += static_cast<char>(
        static_cast<unsigned char>((header_bytes >> (8 * i)) & 0xffu));
  }
  content += header;
  for (const Tensor& tensor : file.tensors) content += tensor.bytes;
  write_file_atomically(path, content);
}

SafetensorsFile read_safetensors(const std::string& path,
                                 const ReadLimits& limits) {
  return read_all(SafetensorsReader(ByteSource(path), limits));
}

SafetensorsFile read_safetensors(const MemoryFile& file,
                                 const ReadLimits& limits) {
  return read_all(SafetensorsReader(ByteSource(file), limits));
}

template <typename Scalar>
void save_weights(const std::string& path, Sequential<Scalar>& network) {
  write_safetensors(path, internal::tensors_of(internal::state_of(network)));
}

template <typename Scalar>
void load_weights(const std::string& path,
                  Sequential<Scalar>& network,
                  const ReadLimits& limits) {
  load(SafetensorsReader(ByteSource(path), limits), network);
}

template <typename Scalar>
void load_weights(const MemoryFile& file,
                  Sequential<Scalar>& network,
                  const ReadLimits& limits) {
  load(SafetensorsReader(ByteSource(file), limits), network);
}

#define NN_INSTANTIATE(Scalar)                                         \
  template void save_weights(const std::string&, Sequential<Scalar>&); \
  template void load_weights(                                          \
      const std::string&, Sequential<Scalar>&, const ReadLimits&);     \
  template void load_weights(                                          \
      const MemoryFile&, Sequential<Scalar>&, const ReadLimits&);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn
