#ifndef NN_APPS_COMMON_SHA256_H_
#define NN_APPS_COMMON_SHA256_H_

#include <string>

namespace apps {

/// The SHA-256 digest (FIPS 180-4) of `bytes` as 64 lower-case hex digits. It
/// identifies the files of a run; nothing secret depends on it.
std::string sha256(const std::string& bytes);

/// That of a file's content, which is read piece by piece. Throws
/// std::runtime_error with path and reason.
std::string sha256_of_file(const std::string& path);

}  // namespace apps

#endif  // NN_APPS_COMMON_SHA256_H_
