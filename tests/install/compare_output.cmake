# Runs the programs that the files PROGRAM_LISTS name, one a line: each must
# succeed, print nothing to stderr, and print to stdout what the first one does.
#
#   cmake "-DPROGRAM_LISTS=<file>;<file>..." -P compare_output.cmake

cmake_minimum_required(VERSION 3.21)

set(programs "")
foreach(list IN LISTS PROGRAM_LISTS)
  file(STRINGS "${list}" found)
  list(APPEND programs ${found})
endforeach()
list(LENGTH programs count)
if(count LESS 2)
  message(FATAL_ERROR "nothing to compare: ${programs}")
endif()

set(expected "")
foreach(program IN LISTS programs)
  execute_process(COMMAND "${program}"
    RESULT_VARIABLE result
    OUTPUT_VARIABLE output
    ERROR_VARIABLE errors)
  if(NOT result EQUAL 0 OR errors)
    message(FATAL_ERROR "${program} ended with ${result}:\n${errors}")
  endif()
  if(output STREQUAL "")
    message(FATAL_ERROR "${program} printed nothing")
  endif()
  if(expected STREQUAL "")
    set(expected "${output}")
  endif()
  if(NOT output STREQUAL expected)
    message(FATAL_ERROR "${program} printed\n${output}\nbut others\n${expected}")
  endif()
endforeach()
message(STATUS "${count} programs printed the same:\n${expected}")
