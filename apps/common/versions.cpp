#include "common/versions.h"

#include <hwy/highway.h>

#include <Eigen/Core>

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
