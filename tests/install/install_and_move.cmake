# Installs libnn and moves the result to PREFIX, then looks through what was
# installed for paths of the source, build or first installation folder.

cmake_minimum_required(VERSION 3.21)

set(first "${PREFIX}-first")
file(REMOVE_RECURSE "${first}" "${PREFIX}")
execute_process(
  COMMAND "${CMAKE_COMMAND}" --install "${BUILD_DIR}" --config "${CONFIG}"
    --component nn_development --prefix "${first}"
  OUTPUT_QUIET
  COMMAND_ERROR_IS_FATAL ANY)
file(RENAME "${first}" "${PREFIX}")

file(GLOB_RECURSE headers RELATIVE "${PREFIX}" "${PREFIX}/include/*.h")
if(NOT "include/nn/nn.h" IN_LIST headers)
  message(FATAL_ERROR "include/nn/nn.h was not installed; headers: ${headers}")
endif()

file(GLOB_RECURSE texts "${PREFIX}/*.cmake" "${PREFIX}/*.pc" "${PREFIX}/*.h")
list(LENGTH texts count)
if(count LESS 10)
  message(FATAL_ERROR "only ${count} files were installed: ${texts}")
endif()
foreach(file IN LISTS texts)
  file(READ "${file}" content)
  foreach(path "${SOURCE_DIR}" "${BUILD_DIR}" "${first}")
    string(FIND "${content}" "${path}" position)
    if(NOT position EQUAL -1)
      message(FATAL_ERROR "${file} names ${path}: it cannot be moved")
    endif()
  endforeach()
  # Highway, zlib, libpng and libjpeg are libnn's own affair; whoever includes
  # its headers may not have theirs.
  if(content MATCHES "#include <(hwy/|zlib|png|jpeglib)")
    message(FATAL_ERROR "${file} includes ${CMAKE_MATCH_1}")
  endif()
  if(content MATCHES "Highway|hwy/|-Wconversion|-Werror|NN_HAVE_")
    message(FATAL_ERROR
      "${file} passes on what is private to libnn: ${CMAKE_MATCH_0}")
  endif()
endforeach()
