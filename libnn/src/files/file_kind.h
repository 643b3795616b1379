#ifndef NN_SRC_FILES_FILE_KIND_H_
#define NN_SRC_FILES_FILE_KIND_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace nn::internal {

/// How many bytes of a file's beginning file_kind() looks at.
constexpr std::size_t kFileKindBytes = 512;

/// What a file is by its first bytes, for the message of a reader that expected
/// another: "an ONNX model". Empty if nothing is known.
std::string file_kind(std::string_view head);

}  // namespace nn::internal

#endif  // NN_SRC_FILES_FILE_KIND_H_
