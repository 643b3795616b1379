# Runs docs/examples/regression: one program learns and saves, the other one
# predicts rows that the first has never seen.
#
#   cmake -DFIT=<fit_regression> -DPREDICT=<predict_regression>
#     -DSOURCES=<their folder> -DWORK=<folder> -P regression.cmake

cmake_minimum_required(VERSION 3.21)

# Two columns in units that differ, and a price that is no sum of theirs.
set(state 1)
function(make_table name rows with_price)
  set(text "length,width")
  if(with_price)
    string(APPEND text ",price")
  endif()
  set(prices "")
  foreach(row RANGE 1 ${rows})
    foreach(column IN ITEMS length width)
      math(EXPR state "(${state} * 1103515245 + 12345) % 2147483648")
      math(EXPR ${column} "(${state} / 65536) % 1000")
    endforeach()
    math(EXPR price "20000 + 7 * ${length} + ${length} * ${width} / 100")
    list(APPEND prices ${price})
    string(APPEND text "\n${length},${width}e-3")
    if(with_price)
      string(APPEND text ",${price}")
    endif()
  endforeach()
  file(WRITE "${WORK}/${name}" "${text}\n")
  set(state ${state} PARENT_SCOPE)
  set(prices ${prices} PARENT_SCOPE)
endfunction()

include("${CMAKE_CURRENT_LIST_DIR}/run_example.cmake")
expect_few_lines("${SOURCES}/fit.cpp" "${SOURCES}/predict.cpp")

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
make_table(known.csv 500 TRUE)
make_table(new.csv 100 FALSE)

run_well("${FIT}" known.csv model.safetensors)
if(NOT output MATCHES "^after ([0-9]+) epochs off by [0-9][0-9]?[0-9]?[. ]")
  message(FATAL_ERROR "fit_regression has not learned it: ${output}")
endif()
if(CMAKE_MATCH_1 EQUAL 500)
  message(FATAL_ERROR "fit_regression has not stopped early")
endif()

run_well("${PREDICT}" model.safetensors new.csv)
string(REGEX MATCHALL "[^\n]+" predictions "${output}")
list(LENGTH predictions count)
if(NOT count EQUAL 100)
  message(FATAL_ERROR "expected 100 predictions, found ${count}")
endif()
set(sum 0)
foreach(price prediction IN ZIP_LISTS prices predictions)
  if(NOT prediction MATCHES "^([0-9]+)(\\.[0-9]+)?$")
    message(FATAL_ERROR "expected a price, found ${prediction}")
  endif()
  math(EXPR error "${price} - ${CMAKE_MATCH_1}")
  if(error LESS 0)
    math(EXPR error "-(${error})")
  endif()
  math(EXPR sum "${sum} + ${error}")
endforeach()
# Prices differ by 3,800 from their mean, in the mean over them.
math(EXPR mean "${sum} / 100")
if(mean GREATER 200)
  message(FATAL_ERROR "predictions are ${mean} from the prices")
endif()

# Rows with a column too many are no rows of the network.
run("${PREDICT}" model.safetensors known.csv)
if(NOT result EQUAL 1 OR NOT error MATCHES "^predict_regression: error: " OR
    output)
  message(FATAL_ERROR "a table of other columns gives ${result}: ${error}")
endif()
