# cmake -DDIR=<build folder> -P check.cmake

cmake_minimum_required(VERSION 3.21)

foreach(what "" labels)
  execute_process(COMMAND "${DIR}/taker_nn" ${what}
    RESULT_VARIABLE result ERROR_VARIABLE report)
  if(NOT result EQUAL 0 OR report)
    message(FATAL_ERROR "libnn's types ${what}: ${result}\n${report}")
  endif()

  execute_process(COMMAND "${DIR}/taker_eigen" ${what}
    RESULT_VARIABLE result ERROR_VARIABLE report)
  if(result EQUAL 0 OR NOT report MATCHES "ERROR: AddressSanitizer[^\n]*")
    message(FATAL_ERROR "the same with Eigen's types goes unnoticed, so this "
      "test proves nothing: ${what} ${result}\n${report}")
  endif()
  message(STATUS "libnn's types pass; Eigen's: ${CMAKE_MATCH_0}")
endforeach()
