#ifndef NN_SRC_FILES_BYTE_SOURCE_H_
#define NN_SRC_FILES_BYTE_SOURCE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "files/file_descriptor.h"
#include "nn/files/file.h"

namespace nn::internal {

/// The bytes of a file from any place on, so that a reader looks at the head of
/// a file before it takes memory for the rest. A pipe or a device, which cannot
/// be read twice, is kept in memory as far as it was asked for.
class ByteSource {
 public:
  /// Opens the file. Throws std::runtime_error with path and reason, as all
  /// functions do.
  explicit ByteSource(const std::string& path);
  explicit ByteSource(const MemoryFile& file);

  /// Its path, or what stands for it.
  const std::string& name() const { return name_; }

  /// Whether it is a pipe or a device, whose size nobody knows.
  bool is_stream() const { return is_stream_; }

  /// The size of the file; of a pipe or a device how many of its first `wanted`
  /// bytes there are.
  std::uint64_t size_bytes(std::uint64_t wanted);

  /// `count` bytes from `begin` on, all of which are within size_bytes().
  std::string read(std::uint64_t begin, std::uint64_t count);

 private:
  std::string name_;
  std::string_view memory_;
  FileDescriptor file_;
  bool is_stream_ = false;
  std::uint64_t size_bytes_ = 0;
  std::string stream_;
};

}  // namespace nn::internal

#endif  // NN_SRC_FILES_BYTE_SOURCE_H_
