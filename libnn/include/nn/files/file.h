#ifndef NN_FILES_FILE_H_
#define NN_FILES_FILE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace nn {

/// A file that is in memory already. What reads files takes it in place of a
/// path, and touches no file system then.
struct MemoryFile {
  std::string_view bytes;       ///< whoever gives them keeps them
  std::string name = "memory";  ///< stands in messages where a path would
};

/// Writes a file whole or not at all, also through a crash or a power cut: the
/// bytes go to a file beside `path`, NAME.partial, which is brought to the disk
/// and then renamed. What stood there before stays until then.
///
/// - A symbolic link stays; what it points to is replaced.
/// - What is no file, a pipe or a device such as /dev/stdout, is written to.
/// - The file keeps its mode and, where the process may give it, its owner. A
///   new one has the mode of any new file. A file that may not be written to is
///   not replaced.
/// - What a killed process left beside `path` is removed. Several threads and
///   processes may write one file at a time; the last one to end wins.
///
/// Throws std::runtime_error with path and reason. The file is then as it was;
/// unless the folder alone could not be brought to the disk, which the message
/// says.
void write_file_atomically(const std::string& path,
                           const void* data,
                           std::size_t size_bytes);
/// The same for the bytes of a string.
void write_file_atomically(const std::string& path, const std::string& text);

/// The whole content. Throws std::runtime_error with path and reason.
std::string read_file(const std::string& path);

/// The names of all that is in a folder, sorted byte by byte. Throws
/// std::runtime_error with path and reason.
std::vector<std::string> names_in_folder(const std::string& path);

}  // namespace nn

#endif  // NN_FILES_FILE_H_
