# Checks that every source of the library includes its own header before
# anything else, so that compiling it shows that the header stands alone.
#
#   cmake -DROOT=<top folder> -P own_header_first.cmake

cmake_minimum_required(VERSION 3.21)

file(GLOB_RECURSE headers RELATIVE "${ROOT}/libnn/include/nn"
  "${ROOT}/libnn/include/nn/*.h")
set(violations "")
set(count 0)
foreach(header IN LISTS headers)
  string(REGEX REPLACE "\\.h$" ".cpp" source "libnn/src/${header}")
  if(EXISTS "${ROOT}/${source}")
    file(STRINGS "${ROOT}/${source}" first LIMIT_COUNT 1
      REGEX "^[ \t]*#[ \t]*include")
    if(NOT first STREQUAL "#include \"nn/${header}\"")
      string(APPEND violations "\n  ${source}: ${first}")
    endif()
    math(EXPR count "${count} + 1")
  endif()
endforeach()
if(violations OR count EQUAL 0)
  message(FATAL_ERROR
    "expected each source to include its own header first, but:${violations}")
endif()
message(STATUS "${count} sources include their own header first")
