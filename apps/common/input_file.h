#ifndef NN_APPS_COMMON_INPUT_FILE_H_
#define NN_APPS_COMMON_INPUT_FILE_H_

#include <cstddef>
#include <string>
#include <vector>

namespace apps {

/// The whole content of a file from elsewhere. It is read if it is a regular
/// file of at most `most_bytes`: a pipe has no end, and a device may do
/// anything when it is opened. Throws std::runtime_error with path and reason.
std::string read_input(const std::string& path, std::size_t most_bytes);

/// nn::names_in_folder(), and no names where the folder cannot be read.
std::vector<std::string> names_or_none(const std::string& folder);

}  // namespace apps

#endif  // NN_APPS_COMMON_INPUT_FILE_H_
