# What the tests of docs/examples share. They run programs in the folder WORK.

# run(<program> <argument>...) sets output, error and result.
function(run)
  execute_process(
    COMMAND ${ARGN}
    WORKING_DIRECTORY "${WORK}"
    OUTPUT_VARIABLE output
    ERROR_VARIABLE error
    RESULT_VARIABLE result)
  foreach(name output error result)
    set(${name} "${${name}}" PARENT_SCOPE)
  endforeach()
endfunction()

# The same for a program that is to succeed.
function(run_well)
  run(${ARGN})
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${ARGN} returned ${result}: ${error}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

# expect_few_lines(<source>...): what one reads at a glance.
function(expect_few_lines)
  foreach(source IN LISTS ARGN)
    file(STRINGS "${source}" lines)
    list(LENGTH lines count)
    if(count GREATER 40)
      message(FATAL_ERROR "${source} has ${count} lines, more than 40")
    endif()
  endforeach()
endfunction()
