#ifndef NN_SRC_DATA_BYTE_STREAM_H_
#define NN_SRC_DATA_BYTE_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "nn/files/file.h"

namespace nn::internal {

/// What a compressed file may unpack to, however small it is itself.
constexpr std::uint64_t kMinUnpackedBytes = std::uint64_t{1} << 24;

/// What a path may lead to.
enum class ByteSources {
  kFiles,     ///< a regular file
  kAnything,  ///< also a pipe or a device, whose size nobody knows
};

/// The bytes of a file or of memory in order, once. Those of a gzip file come
/// unpacked: which of both it is, the content tells, not the name.
class ByteStream {
 public:
  virtual ~ByteStream() = default;

  /// The file's path, or what stands for it.
  virtual const std::string& path() const = 0;
  /// The size of the file as it is, packed if it is that; of a pipe or a device
  /// how much was read of it.
  virtual std::uint64_t file_bytes() const = 0;
  /// The size of what there is to read, where it is known before reading.
  virtual std::optional<std::uint64_t> size_bytes() const = 0;
  /// Fills up to `count` bytes; fewer only at the end. Throws
  /// std::runtime_error with the path if the file cannot be read or its
  /// compression is damaged.
  virtual std::size_t read(std::uint8_t* bytes, std::size_t count) = 0;
};

/// Opens a file. `expected`, "an IDX file", is what its reader waits for.
/// Throws std::runtime_error with the path if it is missing, a directory or
/// none of `sources`, empty, cannot be opened or read, or is compressed where
/// libnn has no zlib. Opening a named pipe waits for who writes to it.
std::unique_ptr<ByteStream> open_byte_stream(
    const std::string& path,
    const char* expected,
    ByteSources sources = ByteSources::kFiles);
/// The same from memory.
std::unique_ptr<ByteStream> open_byte_stream(const MemoryFile& file,
                                             const char* expected);

}  // namespace nn::internal

#endif  // NN_SRC_DATA_BYTE_STREAM_H_
