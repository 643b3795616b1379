# Runs docs/examples/train_images on pictures that are drawn for it, and holds its
# source to the length of what one reads at a glance.
#
#   cmake -DPROGRAM=<train_images> -DMAKER=<nn_make_pictures> -DSOURCE=<main.cpp>
#     -DWORK=<folder> -P train_images.cmake

cmake_minimum_required(VERSION 3.21)

include("${CMAKE_CURRENT_LIST_DIR}/run_example.cmake")
expect_few_lines("${SOURCE}")

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
run_well("${MAKER}" learned 60 1)
run_well("${MAKER}" others 40 2)
run_well("${PROGRAM}" learned others model.safetensors)
if(NOT output MATCHES "right: (0\\.9[0-9]*|1)\n$")
  message(FATAL_ERROR "train_images has not learned the shapes: ${output}")
endif()
# Rows are of 40 pictures each.
string(REGEX MATCHALL "[0-9]+" numbers "${output}")
list(SUBLIST numbers 0 9 confusion)
foreach(row RANGE 2)
  math(EXPR first "3 * ${row}")
  list(SUBLIST confusion ${first} 3 cells)
  string(JOIN "+" sum ${cells})
  math(EXPR sum "${sum}")
  if(NOT sum EQUAL 40)
    message(FATAL_ERROR "row ${row} has ${sum} pictures: ${output}")
  endif()
endforeach()
if(NOT EXISTS "${WORK}/model.safetensors")
  message(FATAL_ERROR "train_images has saved no model")
endif()

file(WRITE "${WORK}/others/disc/notes.txt" "no picture\n")
run("${PROGRAM}" learned others other.safetensors)
if(NOT result EQUAL 1 OR NOT error MATCHES
   "^train_images: error: others/disc/notes.txt: expected a PNG or JPEG picture, found a text")
  message(FATAL_ERROR "a file that is no picture: ${result}, ${error}")
endif()
