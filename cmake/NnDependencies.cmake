# Looks up every dependency once. What each is for, and where it comes from,
# is listed in third_party/README.md.

include_guard(GLOBAL)

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(Eigen3 3.3 NO_MODULE)
if(NOT Eigen3_FOUND)
  message(FATAL_ERROR
    "libnn needs Eigen, 3.3 or newer (Debian: libeigen3-dev). Install it, or "
    "name its folder in CMAKE_PREFIX_PATH.")
endif()
find_package(HighwayHeaders REQUIRED)
find_package(ZLIB)

if(NN_BUILD_APPS OR NN_BUILD_TESTS)
  find_package(nlohmann_json 3.7)
endif()
if(NN_BUILD_APPS)
  find_package(CLI11)
  find_package(StbImageWrite)
  find_package(PkgConfig)
  if(PkgConfig_FOUND)
    pkg_check_modules(CAIRO IMPORTED_TARGET cairo cairo-pdf cairo-svg)
  endif()
  foreach(pair "CLI11;libcli11-dev" "nlohmann_json;nlohmann-json3-dev"
               "StbImageWrite;libstb-dev" "CAIRO;libcairo2-dev and pkg-config")
    list(GET pair 0 name)
    list(GET pair 1 package)
    if(NOT ${name}_FOUND)
      message(FATAL_ERROR
        "The programs need ${name} (Debian: ${package}). Install it, or "
        "configure with -DNN_BUILD_APPS=OFF to build the library alone.")
    endif()
  endforeach()
endif()
if(NN_BUILD_TESTS)
  find_package(Catch2 REQUIRED)
endif()

set(NN_TORCH_FOUND FALSE)
if(NOT NN_BUILD_TORCH STREQUAL "OFF")
  # LibTorch's config appends to these; what it appends must stay with the
  # targets that link it.
  set(nn_saved_flags "${CMAKE_CXX_FLAGS}")
  if(NN_BUILD_TORCH STREQUAL "AUTO")
    find_package(Torch QUIET)
  else()
    find_package(Torch REQUIRED)
  endif()
  set(CMAKE_CXX_FLAGS "${nn_saved_flags}")
  if(Torch_FOUND)
    set(NN_TORCH_FOUND TRUE)
    message(STATUS "nn: LibTorch ${Torch_VERSION} found: mnist_torch and the parity tests are built")
  else()
    message(STATUS "nn: LibTorch not found: mnist_torch and the parity tests are not built")
  endif()
endif()
