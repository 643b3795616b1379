# Runs the commands of README.md that install libnn, as they stand there, in a
# copy of what the library is built from. DESTDIR puts /usr/local below ROOT.
#
#   cmake -DSOURCE_DIR=... -DBLOCK=<name> -DWORK=... -DROOT=... -DCXX=...
#         -DGENERATOR=... -P run_install_commands.cmake

cmake_minimum_required(VERSION 3.21)

file(REMOVE_RECURSE "${WORK}" "${ROOT}")
set(DOCUMENT "${SOURCE_DIR}/README.md")
set(OUT "${WORK}")
include("${CMAKE_CURRENT_LIST_DIR}/extract_example.cmake")
foreach(part
    CMakeLists.txt CMakePresets.json LICENSE cmake docs libnn third_party)
  file(COPY "${SOURCE_DIR}/${part}" DESTINATION "${WORK}")
endforeach()

cmake_host_system_information(RESULT cores QUERY NUMBER_OF_LOGICAL_CORES)
set(ENV{DESTDIR} "${ROOT}")
set(ENV{CXX} "${CXX}")
set(ENV{CMAKE_GENERATOR} "${GENERATOR}")
set(ENV{CMAKE_BUILD_PARALLEL_LEVEL} ${cores})
execute_process(
  COMMAND sh -e "${BLOCK}"
  WORKING_DIRECTORY "${WORK}"
  OUTPUT_QUIET
  COMMAND_ERROR_IS_FATAL ANY)
file(GLOB_RECURSE archives "${ROOT}/usr/local/*.a")
if(NOT archives MATCHES "/libnn\\.a$")
  message(FATAL_ERROR "no libnn.a below ${ROOT}/usr/local: ${archives}")
endif()
