#include "common/versions.h"

#include <hwy/highway.h>

#include <Eigen/Core>
#include <cstdlib>
#include <fstream>

#include "nn/check.h"
#ifdef NN_APPS_HAVE_ZLIB
#include <zlib.h>
#endif

namespace apps {

std::string program_version() {
  return NN_APPS_VERSION;
}

std::string compiler_version() {
#if defined(__clang__)
  return "clang " __clang_version__;
#elif defined(__GNUC__)
  return "g++ " __VERSION__;
#else
  return "unknown";
#endif
}

std::string processor_name() {
  // Elsewhere than on Linux the file is missing, and the loop ends at once.
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return "";
}

nlohmann::json environment(const std::vector<std::string>& variables) {
  nlohmann::json set = nlohmann::json::object();
  for (const std::string& name : variables) {
    const char* value = std::getenv(name.c_str());
    if (value != nullptr) set[name] = value;
  }
  return set;
}

nlohmann::json library_versions() {
  nlohmann::json versions;
  versions["Eigen"] = nn::concat(
      EIGEN_WORLD_VERSION, '.', EIGEN_MAJOR_VERSION, '.', EIGEN_MINOR_VERSION);
  versions["Highway"] = nn::concat(HWY_MAJOR, '.', HWY_MINOR, '.', HWY_PATCH);
#ifdef NN_APPS_HAVE_ZLIB
  versions["zlib"] = zlibVersion();
#endif
  return versions;
}

}  // namespace apps
