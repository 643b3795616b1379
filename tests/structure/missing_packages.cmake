# What a configuration says where packages are missing: all of them, in one line
# for apt-get, whose names stand in cmake/setup.sh.
#
#   cmake -DROOT=<top folder> -DWORK=<folder> -DGENERATOR=<name>
#     -DCXX=<compiler> -P missing_packages.cmake

cmake_minimum_required(VERSION 3.21)

# expect(<regex of the message> <option>...)
function(expect regex)
  file(REMOVE_RECURSE "${WORK}")
  execute_process(
    COMMAND "${CMAKE_COMMAND}" -S "${ROOT}" -B "${WORK}" -G "${GENERATOR}"
      "-DCMAKE_CXX_COMPILER=${CXX}" -DNN_BUILD_TORCH=OFF ${ARGN}
    OUTPUT_QUIET
    ERROR_VARIABLE error
    RESULT_VARIABLE result)
  # CMake breaks lines where it likes.
  string(REGEX REPLACE "[ \n]+" " " text "${error}")
  if(result EQUAL 0 OR NOT text MATCHES "${regex}")
    message(FATAL_ERROR "with ${ARGN}, expected\n${regex}\ngot\n${error}")
  endif()
  set(text "${text}" PARENT_SCOPE)
endfunction()

set(apt "apt-get install --no-install-recommends")
set(library -DNN_BUILD_APPS=OFF -DNN_BUILD_TESTS=OFF)
set(no_library -DCMAKE_DISABLE_FIND_PACKAGE_Eigen3=ON
  -DCMAKE_DISABLE_FIND_PACKAGE_HighwayHeaders=ON)
set(no_other "")
foreach(name nlohmann_json CLI11 StbImageWrite PkgConfig Catch2)
  list(APPEND no_other "-DCMAKE_DISABLE_FIND_PACKAGE_${name}=ON")
endforeach()

expect("Highway's headers \\(Debian: libhwy-dev\\).* ${apt} libeigen3-dev libhwy-dev What"
  ${library} ${no_library})
expect("CLI11 \\(Debian: libcli11-dev\\).* ${apt} libcli11-dev What.*preset library"
  -DCMAKE_DISABLE_FIND_PACKAGE_CLI11=ON)
expect(" ${apt} libeigen3-dev libhwy-dev nlohmann-json3-dev libcli11-dev libstb-dev pkg-config libcairo2-dev catch2 What"
  ${no_library} ${no_other})

file(READ "${ROOT}/cmake/setup.sh" setup)
string(REGEX MATCH "nn_packages=\\(([^)]*)\\)\nnn_test_packages=\\(([^)]*)"
  lists "${setup}")
string(REGEX REPLACE "[ \n]+" ";" known "${CMAKE_MATCH_1} ${CMAKE_MATCH_2}")
string(REGEX MATCH "recommends ([a-z0-9 -]+) What" line "${text}")
string(REPLACE " " ";" packages "${CMAKE_MATCH_1}")
foreach(package IN LISTS packages)
  if(NOT package IN_LIST known)
    message(FATAL_ERROR "cmake/setup.sh does not install ${package}")
  endif()
endforeach()
