#ifndef NN_FILE_H_
#define NN_FILE_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace nn {

/// A file that is in memory already. What reads files takes it in place of a
/// path, and touches no file system then.
struct MemoryFile {
  std::string_view bytes;       ///< whoever gives them keeps them
  std::string name = "memory";  ///< stands in messages where a path would
};

/// Writes a file whole or not at all: the bytes go to a file beside `path`,
/// which is then renamed to it. What stood there before stays until then.
/// Throws std::runtime_error with path and reason.
void write_file_atomically(const std::string& path,
                           const void* data,
                           std::size_t size_bytes);
/// The same for the bytes of a string.
void write_file_atomically(const std::string& path, const std::string& text);

/// The whole content. Throws std::runtime_error with path and reason.
std::string read_file(const std::string& path);

}  // namespace nn

#endif  // NN_FILE_H_
