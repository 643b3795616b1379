# Finds stb_image_write.h (Debian: libstb-dev) and defines the interface target
# stb::image_write. Debian installs it under stb/; upstream ships it bare.

find_path(StbImageWrite_INCLUDE_DIR stb_image_write.h PATH_SUFFIXES stb)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(StbImageWrite
  REQUIRED_VARS StbImageWrite_INCLUDE_DIR)
if(StbImageWrite_FOUND AND NOT TARGET stb::image_write)
  add_library(stb::image_write INTERFACE IMPORTED)
  target_include_directories(stb::image_write SYSTEM INTERFACE
    "${StbImageWrite_INCLUDE_DIR}")
endif()
mark_as_advanced(StbImageWrite_INCLUDE_DIR)
