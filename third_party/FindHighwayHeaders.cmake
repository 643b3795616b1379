# Finds the headers of Google Highway (Debian: libhwy-dev) and defines the
# interface target Highway::headers.
#
# Headers alone: libnn picks its instruction set itself (src/kernels/isa.cpp),
# so neither libnn nor anything that links it depends on libhwy.so.

find_path(Highway_INCLUDE_DIR hwy/highway.h)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(HighwayHeaders
  REQUIRED_VARS Highway_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "install Google Highway's headers (Debian: libhwy-dev)")
if(HighwayHeaders_FOUND AND NOT TARGET Highway::headers)
  add_library(Highway::headers INTERFACE IMPORTED)
  target_include_directories(Highway::headers SYSTEM INTERFACE
    "${Highway_INCLUDE_DIR}")
endif()
mark_as_advanced(Highway_INCLUDE_DIR)
