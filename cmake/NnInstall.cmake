# Installs libnn: archive, public headers, CMake package and pkg-config file.
# All of them find each other by relative paths, so the installed tree may be
# moved. Included at the end of libnn/CMakeLists.txt.

if(NOT NN_INSTALL)
  return()
endif()

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(nn_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/nn")
set(nn_pkgconfig_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

install(TARGETS nn
  EXPORT nnTargets
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  COMPONENT nn_development)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/libnn/include/nn"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  COMPONENT nn_development
  FILES_MATCHING PATTERN "*.h")
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/include/nn/version.h"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/nn"
  COMPONENT nn_development)
install(EXPORT nnTargets
  NAMESPACE nn::
  DESTINATION "${nn_package_dir}"
  COMPONENT nn_development)

# An archive carries none of what it links, so whoever links it needs zlib,
# libpng and libjpeg as well if it was built with them.
set(nn_pkgconfig_requires "eigen3")
foreach(library zlib:ZLIB libpng:PNG libjpeg:JPEG)
  string(REGEX MATCH "^(.*):(.*)$" library "${library}")
  set(nn_needs_${CMAKE_MATCH_2} FALSE)
  if(${CMAKE_MATCH_2}_FOUND)
    set(nn_needs_${CMAKE_MATCH_2} TRUE)
    string(APPEND nn_pkgconfig_requires ", ${CMAKE_MATCH_1}")
  endif()
endforeach()

configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/nnConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/package/nnConfig.cmake"
  INSTALL_DESTINATION "${nn_package_dir}")
write_basic_package_version_file(
  "${PROJECT_BINARY_DIR}/package/nnConfigVersion.cmake"
  VERSION "${PROJECT_VERSION}"
  COMPATIBILITY SameMinorVersion)

# From the folder of nn.pc up to the prefix, which is not always "../..":
# CMAKE_INSTALL_LIBDIR may be lib/x86_64-linux-gnu.
file(RELATIVE_PATH nn_prefix_from_pkgconfig
  "/prefix/${nn_pkgconfig_dir}" "/prefix")
string(REGEX REPLACE "/$" "" nn_prefix_from_pkgconfig
  "${nn_prefix_from_pkgconfig}")
configure_file("${PROJECT_SOURCE_DIR}/cmake/nn.pc.in"
  "${PROJECT_BINARY_DIR}/package/nn.pc" @ONLY)

install(FILES "${PROJECT_BINARY_DIR}/package/nnConfig.cmake"
              "${PROJECT_BINARY_DIR}/package/nnConfigVersion.cmake"
  DESTINATION "${nn_package_dir}"
  COMPONENT nn_development)
install(FILES "${PROJECT_BINARY_DIR}/package/nn.pc"
  DESTINATION "${nn_pkgconfig_dir}"
  COMPONENT nn_development)
