#ifndef NN_APPS_COMMON_VERSIONS_H_
#define NN_APPS_COMMON_VERSIONS_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace apps {

/// That of the project: "0.1.0".
std::string program_version();

/// Name and version of the compiler of this build.
std::string compiler_version();

/// What the system calls the processor; empty if it does not say.
std::string processor_name();

/// The values of those of some environment variables that are set.
nlohmann::json environment(const std::vector<std::string>& variables);

/// Versions by name of the libraries that libnn is built on.
nlohmann::json library_versions();

}  // namespace apps

#endif  // NN_APPS_COMMON_VERSIONS_H_
