# The example resume, killed twice on the way, prints what it prints undisturbed.
#
#   cmake -DPROGRAM=<path> -DWORK=<folder> -P resume.cmake

cmake_minimum_required(VERSION 3.21)

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")

# run(<variable for the output> <whether it is killed> <argument>...)
function(run output is_killed)
  execute_process(COMMAND "${PROGRAM}" ${ARGN}
    OUTPUT_VARIABLE text ERROR_VARIABLE error RESULT_VARIABLE result)
  set(was_killed TRUE)
  if(result EQUAL 0)
    set(was_killed FALSE)
  endif()
  if(NOT was_killed STREQUAL is_killed)
    message(FATAL_ERROR "${PROGRAM} ${ARGN} ended with ${result}\n${error}")
  endif()
  set(${output} "${text}" PARENT_SCOPE)
endfunction()

run(expected FALSE "${WORK}/undisturbed")
run(nothing TRUE "${WORK}/training" 40)
run(nothing TRUE "${WORK}/training" 111)
run(found FALSE "${WORK}/training")
if(NOT found STREQUAL expected OR NOT expected MATCHES "epoch 10: loss 0\\.")
  message(FATAL_ERROR "expected\n${expected}\nfound\n${found}")
endif()
file(GLOB left RELATIVE "${WORK}" "${WORK}/*")
if(NOT left STREQUAL "training;undisturbed")
  message(FATAL_ERROR "these files are left: ${left}")
endif()
