# Looks up every dependency once. What each is for, and where it comes from,
# is listed in third_party/README.md.

include_guard(GLOBAL)

# nn_note_missing(<what> <found> <Debian package>...): what is not found is told
# of at the end, all at once. The packages' list is that of cmake/setup.sh; a
# test compares them.
set(nn_missing "")
set(nn_missing_packages "")
function(nn_note_missing what found)
  if(NOT found)
    string(JOIN " " packages ${ARGN})
    set(nn_missing "${nn_missing}\n  ${what} (Debian: ${packages})"
      PARENT_SCOPE)
    set(nn_missing_packages ${nn_missing_packages} ${ARGN} PARENT_SCOPE)
  endif()
endfunction()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(Eigen3 3.3 QUIET NO_MODULE)
nn_note_missing("Eigen, 3.3 or newer" "${Eigen3_FOUND}" libeigen3-dev)
find_package(HighwayHeaders)
nn_note_missing("Highway's headers" "${HighwayHeaders_FOUND}" libhwy-dev)
find_package(ZLIB)
find_package(PNG)
find_package(JPEG)

if(NN_BUILD_APPS OR NN_BUILD_TESTS OR NN_BUILD_FUZZERS)
  find_package(nlohmann_json 3.7 QUIET)
endif()
if(NN_BUILD_APPS)
  nn_note_missing("nlohmann/json, 3.7 or newer" "${nlohmann_json_FOUND}"
    nlohmann-json3-dev)
  find_package(CLI11 QUIET)
  nn_note_missing(CLI11 "${CLI11_FOUND}" libcli11-dev)
  find_package(StbImageWrite)
  nn_note_missing(stb_image_write.h "${StbImageWrite_FOUND}" libstb-dev)
  find_package(PkgConfig)
  nn_note_missing(pkg-config "${PkgConfig_FOUND}" pkg-config)
  if(PkgConfig_FOUND)
    pkg_check_modules(CAIRO IMPORTED_TARGET cairo cairo-pdf cairo-svg)
  endif()
  # Without pkg-config nobody can tell.
  nn_note_missing(Cairo "${CAIRO_FOUND}" libcairo2-dev)
endif()
if(NN_BUILD_TESTS)
  find_package(Catch2 QUIET)
  nn_note_missing(Catch2 "${Catch2_FOUND}" catch2)
endif()
if(nn_missing)
  set(nn_less "")
  if(NN_BUILD_APPS OR NN_BUILD_TESTS)
    set(nn_less " To build the library alone, which needs less: "
      "-DNN_BUILD_APPS=OFF -DNN_BUILD_TESTS=OFF, or cmake --preset library.")
  endif()
  string(JOIN " " nn_missing_packages ${nn_missing_packages})
  message(FATAL_ERROR "libnn needs what is not found here:${nn_missing}\n"
    "All at once, as root:\n"
    "  apt-get install --no-install-recommends ${nn_missing_packages}\n"
    "What is installed elsewhere is found where CMAKE_PREFIX_PATH names its "
    "folder." ${nn_less})
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
