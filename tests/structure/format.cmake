# Fails if clang-format would change a source.

cmake_minimum_required(VERSION 3.21)

file(GLOB_RECURSE sources RELATIVE "${ROOT}"
  "${ROOT}/libnn/*.h" "${ROOT}/libnn/*.cpp"
  "${ROOT}/apps/*.h" "${ROOT}/apps/*.cpp"
  "${ROOT}/tests/*.h" "${ROOT}/tests/*.cpp"
  "${ROOT}/docs/*.h" "${ROOT}/docs/*.cpp")
list(LENGTH sources count)
if(count EQUAL 0)
  message(FATAL_ERROR "no source under ${ROOT}")
endif()
execute_process(
  COMMAND "${CLANG_FORMAT}" --dry-run --Werror ${sources}
  WORKING_DIRECTORY "${ROOT}"
  RESULT_VARIABLE result
  ERROR_VARIABLE report)
if(NOT result EQUAL 0)
  string(REGEX MATCHALL "[^\n]+: error: code should be clang-formatted"
    lines "${report}")
  list(TRANSFORM lines REPLACE ":[0-9]+:[0-9]+: error.*" "")
  list(REMOVE_DUPLICATES lines)
  list(JOIN lines "\n  " lines)
  message(FATAL_ERROR "clang-format would change:\n  ${lines}")
endif()
message(STATUS "${count} sources are laid out by ${CLANG_FORMAT}")
