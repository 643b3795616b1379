# Runs docs/examples/train_csv as docs/training.md says, on a file made here.
#
#   cmake -DPROGRAM=<train_csv> -DWORK=<folder> -P train_csv.cmake

cmake_minimum_required(VERSION 3.21)

# Two columns in units that differ, and the class: which side of a line the
# point is on.
set(text "length,width,class\n")
set(state 1)
foreach(row RANGE 1 300)
  foreach(column IN ITEMS length width)
    math(EXPR state "(${state} * 1103515245 + 12345) % 2147483648")
    math(EXPR ${column} "(${state} / 65536) % 1000")
  endforeach()
  set(class 0)
  if(width GREATER length)
    set(class 1)
  endif()
  string(APPEND text "${length},${width}e-3,${class}\n")
endforeach()
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
file(WRITE "${WORK}/data.csv" "${text}")

execute_process(
  COMMAND "${PROGRAM}" data.csv model.safetensors
  WORKING_DIRECTORY "${WORK}"
  OUTPUT_VARIABLE output
  ERROR_VARIABLE error
  RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "train_csv returned ${result}: ${error}")
endif()
if(NOT output MATCHES "\n([0-9]+) of 60 other samples right after epoch [1-9]")
  message(FATAL_ERROR "train_csv does not say what it reached: ${output}")
endif()
if(CMAKE_MATCH_1 LESS 55)
  message(FATAL_ERROR "only ${CMAKE_MATCH_1} of 60 other samples are right")
endif()
foreach(file model.safetensors model.safetensors.csv)
  if(NOT EXISTS "${WORK}/${file}")
    message(FATAL_ERROR "train_csv has not written ${file}")
  endif()
endforeach()

# A row that is no sample ends the program with a message.
file(APPEND "${WORK}/data.csv" "1,two,0\n")
execute_process(
  COMMAND "${PROGRAM}" data.csv model.safetensors
  WORKING_DIRECTORY "${WORK}"
  OUTPUT_QUIET
  ERROR_VARIABLE error
  RESULT_VARIABLE result)
if(NOT result EQUAL 1 OR NOT error MATCHES
    "data.csv, line 302, column 2 .width.: expected a number, found .two.")
  message(FATAL_ERROR "a damaged file gives ${result}: ${error}")
endif()
