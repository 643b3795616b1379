#ifndef NN_APPS_COMMON_VERSIONS_H_
#define NN_APPS_COMMON_VERSIONS_H_

#include <nlohmann/json.hpp>
#include <string>

namespace apps {

/// That of the project: "0.1.0".
std::string program_version();

/// Name and version of the compiler of this build.
std::string compiler_version();

/// Versions by name of the libraries that libnn is built on.
nlohmann::json library_versions();

}  // namespace apps

#endif  // NN_APPS_COMMON_VERSIONS_H_
