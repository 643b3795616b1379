#ifndef NN_SRC_FILES_SAFETENSORS_READER_H_
#define NN_SRC_FILES_SAFETENSORS_READER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "files/byte_source.h"
#include "nn/files/safetensors.h"

namespace nn::internal {

constexpr std::size_t kSafetensorsLengthBytes = 8;
constexpr const char* kSafetensorsMetadata = "__metadata__";

/// The bits of an element of a safetensors type; 0 for a type that the format
/// does not know.
std::uint64_t element_bits(const std::string& dtype);

/// A safetensors file whose header was read and checked against the size of the
/// file, and whose tensors are read one by one as they are wanted.
class SafetensorsReader {
 public:
  /// A tensor without its bytes.
  struct Entry {
    std::string name;
    std::string dtype;
    std::vector<Index> dims;
    std::uint64_t begin = 0;  ///< of its bytes, behind the header
    std::uint64_t end = 0;
  };

  /// Throws std::runtime_error with the file's name, what was expected and what
  /// was found.
  SafetensorsReader(ByteSource source, const ReadLimits& limits);
  /// Reads what has been read already; `name` stands in messages. The content
  /// must outlive the reader.
  SafetensorsReader(const SafetensorsFile& content, const std::string& name);

  const std::string& name() const { return source_.name(); }
  const std::map<std::string, std::string>& metadata() const {
    return metadata_;
  }
  /// In the order of their bytes.
  const std::vector<Entry>& entries() const { return entries_; }
  /// Null if there is none of this name.
  const Entry* find(const std::string& name) const;

  std::string read(const Entry& entry);

 private:
  std::string read_header(const ReadLimits& limits);
  void parse_header(const std::string& header);
  void check_extents();
  void sort_names();

  ByteSource source_;
  const SafetensorsFile* content_ = nullptr;
  std::uint64_t data_begin_ = 0;
  std::map<std::string, std::string> metadata_;
  std::vector<Entry> entries_;
  std::vector<std::size_t> by_name_;  ///< places in entries_
};

}  // namespace nn::internal

#endif  // NN_SRC_FILES_SAFETENSORS_READER_H_
