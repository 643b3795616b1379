# Builds libnn-dev with cpack and looks into it.
#
#   cmake -DBUILD_DIR=... -DCONFIG=... -DWORK=... -DVERSION=... -DLIBDIR=...
#         -DNEEDS_ZLIB=... -DCPACK=... -DDPKG_DEB=... -P debian_package.cmake

cmake_minimum_required(VERSION 3.21)

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
execute_process(
  COMMAND "${CPACK}" --config "${BUILD_DIR}/CPackConfig.cmake"
    -G DEB -C "${CONFIG}" -B "${WORK}"
  WORKING_DIRECTORY "${WORK}"
  OUTPUT_VARIABLE output
  ERROR_VARIABLE output
  RESULT_VARIABLE result)
file(GLOB packages "${WORK}/*.deb")
list(LENGTH packages count)
if(NOT result EQUAL 0 OR NOT count EQUAL 1)
  message(FATAL_ERROR "cpack ended with ${result} and made '${packages}':\n"
    "${output}")
endif()

function(ask out)
  execute_process(COMMAND "${DPKG_DEB}" ${ARGN}
    OUTPUT_VARIABLE answer
    OUTPUT_STRIP_TRAILING_WHITESPACE
    COMMAND_ERROR_IS_FATAL ANY)
  set(${out} "${answer}" PARENT_SCOPE)
endfunction()

function(expect_field name pattern)
  ask(value --field "${packages}" "${name}")
  if(NOT value MATCHES "^${pattern}$")
    message(FATAL_ERROR "${name} is '${value}', not ${pattern}")
  endif()
endfunction()
string(REPLACE "." "\\." version "${VERSION}")
set(depends "libeigen3-dev \\(>= 3\\.3\\)")
if(NEEDS_ZLIB)
  string(APPEND depends ", zlib1g-dev")
endif()
if(NEEDS_PNG)
  string(APPEND depends ", libpng-dev")
endif()
if(NEEDS_JPEG)
  string(APPEND depends ", libjpeg-dev")
endif()
expect_field(Package libnn-dev)
expect_field(Version "${version}")
expect_field(Depends "${depends}")
expect_field(Section libdevel)
expect_field(Maintainer "The libnn authors <[^>]+>")
expect_field(Description "[^\n]+\n.*find_package.*")

# Nothing but the library: no program, no header of another project.
ask(listing --contents "${packages}")
string(REGEX MATCHALL "\\./[^\n]+" files "${listing}")
list(FILTER files EXCLUDE REGEX "/$")
foreach(file include/nn/nn.h include/nn/version.h include/nn/layers/linear.h
             "${LIBDIR}/libnn.a" "${LIBDIR}/cmake/nn/nnConfig.cmake"
             "${LIBDIR}/pkgconfig/nn.pc")
  if(NOT "./usr/${file}" IN_LIST files)
    message(FATAL_ERROR "./usr/${file} is not in the package:\n${listing}")
  endif()
endforeach()
set(others "${files}")
list(FILTER others EXCLUDE REGEX
  "^\\./usr/(include/nn/.+\\.h|${LIBDIR}/(libnn\\.a|cmake/nn/nn.+\\.cmake|pkgconfig/nn\\.pc))$")
if(others)
  message(FATAL_ERROR "the package holds what does not belong there: ${others}")
endif()
list(LENGTH files count)
message(STATUS "libnn-dev ${VERSION} holds ${count} files")
