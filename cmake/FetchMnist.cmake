# Fills a folder with the four files of MNIST or Fashion-MNIST:
#
#   cmake [-DDATASET=mnist|fashion-mnist] [-DDATA_DIR=data] -P cmake/FetchMnist.cmake
#
# The files go to DATA_DIR/<data set>/; DATA_DIR is data/ beside this folder
# unless it is given. Nothing is done where they are there already.
#
# mnist comes from the first of:
#   1. the local folder in the environment variable NN_DATA_DIR, if it is set:
#      the files themselves or a sub-folder named after the data set, under
#      either spelling of the names, plain or .gz. It is trusted as it is.
#      What lies in a folder named after the other data set is not taken.
#   2. public mirrors, with the checksums of the original files.
#   3. Fashion-MNIST in its place, from Debian's package dataset-fashion-mnist,
#      for machines without a network.
# fashion-mnist comes from the package, NN_DATA_DIR, or its public mirror.
#
# The last line on the standard output names the data set that there is now:
# "dataset: mnist" or "dataset: fashion-mnist".

cmake_minimum_required(VERSION 3.21)

set(PACKAGE_NAME dataset-fashion-mnist)
set(PACKAGE_DIR /usr/share/datasets/fashion-mnist)

# The small files first: they show quickly whether a mirror can be reached.
set(STEMS t10k-labels train-labels t10k-images train-images)
set(KIND_train-images idx3-ubyte)
set(KIND_train-labels idx1-ubyte)
set(KIND_t10k-images idx3-ubyte)
set(KIND_t10k-labels idx1-ubyte)

# Of the compressed files, as their authors publish them.
set(MD5_mnist_train-images f68b3c2dcbeaaa9fbdd348bbdeb94873)
set(MD5_mnist_train-labels d53e105ee54ea40749a09fcbcd1e9432)
set(MD5_mnist_t10k-images 9fb629c4189551a2d022fa330f9573f3)
set(MD5_mnist_t10k-labels ec29112dd5afa0611ce80d1b7f02629c)
set(MD5_fashion-mnist_train-images 8d4fb7e6c68d591d4c3dfef9ec88bf0d)
set(MD5_fashion-mnist_train-labels 25c81989df183df01b3e8a0aad5dffbe)
set(MD5_fashion-mnist_t10k-images bef4ecab320f06d8554ea6380940ec79)
set(MD5_fashion-mnist_t10k-labels bb300cfdad3c16e7a12a480ee83cd310)

set(MIRRORS_mnist
  https://ossci-datasets.s3.amazonaws.com/mnist
  https://storage.googleapis.com/cvdf-datasets/mnist)
set(MIRRORS_fashion-mnist
  http://fashion-mnist.s3-website.eu-central-1.amazonaws.com)

# A connection that gives nothing for this long is given up; the images, of up to
# 26 MB, are otherwise left their time. The labels, of up to 30 kB, have a limit
# in all, which also ends a connection that is never made.
set(INACTIVITY_SECONDS 10)
set(LABELS_SECONDS 20)

# The path in `directory` of a file under one of its names, or "".
function(find_file_in out directory stem)
  foreach(name "${stem}-${KIND_${stem}}" "${stem}.${KIND_${stem}}")
    foreach(suffix ".gz" "")
      set(path "${directory}/${name}${suffix}")
      if(EXISTS "${path}" AND NOT IS_DIRECTORY "${path}")
        set(${out} "${path}" PARENT_SCOPE)
        return()
      endif()
    endforeach()
  endforeach()
  set(${out} "" PARENT_SCOPE)
endfunction()

# The names of the files that `directory` lacks.
function(missing_files out directory)
  set(missing "")
  foreach(stem IN LISTS STEMS)
    find_file_in(path "${directory}" ${stem})
    if(path STREQUAL "")
      list(APPEND missing "${stem}-${KIND_${stem}}[.gz]")
    endif()
  endforeach()
  set(${out} "${missing}" PARENT_SCOPE)
endfunction()

# A name beside the target that no other process uses.
function(temporary_name out target)
  string(RANDOM LENGTH 12 random)
  set(${out} "${target}.${random}.tmp" PARENT_SCOPE)
endfunction()

# Copies a data set's files under the names that they have there. A file shows
# up under its name only when it is whole.
function(copy_files source target)
  file(MAKE_DIRECTORY "${target}")
  foreach(stem IN LISTS STEMS)
    find_file_in(path "${source}" ${stem})
    get_filename_component(name "${path}" NAME)
    temporary_name(temporary "${target}/${name}")
    # Not file(COPY), which would keep a read-only source's permissions.
    configure_file("${path}" "${temporary}" COPYONLY NO_SOURCE_PERMISSIONS)
    file(RENAME "${temporary}" "${target}/${name}")
  endforeach()
endfunction()

# Downloads a data set into `target`; sets `out` to "" or the reason for giving
# up.
function(download_files out dataset target)
  file(MAKE_DIRECTORY "${target}")
  set(reasons "")
  set(given_up "")
  foreach(stem IN LISTS STEMS)
    find_file_in(path "${target}" ${stem})
    if(NOT path STREQUAL "")
      continue()  # from an earlier attempt
    endif()
    set(limit "")
    if(stem MATCHES "labels")
      set(limit TIMEOUT ${LABELS_SECONDS})
    endif()
    set(name "${stem}-${KIND_${stem}}.gz")
    set(done FALSE)
    foreach(mirror IN LISTS MIRRORS_${dataset})
      if(mirror IN_LIST given_up)
        continue()
      endif()
      temporary_name(temporary "${target}/${name}")
      message(STATUS "downloading ${mirror}/${name}")
      file(DOWNLOAD "${mirror}/${name}" "${temporary}"
        INACTIVITY_TIMEOUT ${INACTIVITY_SECONDS} ${limit} STATUS status)
      list(GET status 0 code)
      list(GET status 1 reason)
      if(code EQUAL 0)
        file(MD5 "${temporary}" found)
        if(found STREQUAL MD5_${dataset}_${stem})
          file(RENAME "${temporary}" "${target}/${name}")
          set(done TRUE)
          break()
        endif()
        set(reason
          "expected MD5 ${MD5_${dataset}_${stem}}, found ${found}")
      endif()
      file(REMOVE "${temporary}")
      list(APPEND given_up "${mirror}")
      string(APPEND reasons "\n    ${mirror}/${name}: ${reason}")
    endforeach()
    if(NOT done)
      file(GLOB left "${target}/*")
      if(NOT left)
        file(REMOVE_RECURSE "${target}")
      endif()
      set(${out} "${reasons}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
  set(${out} "" PARENT_SCOPE)
endfunction()

# Copies from NN_DATA_DIR, or stops with what it lacks.
function(copy_from_environment dataset target)
  set(directory "$ENV{NN_DATA_DIR}")
  get_filename_component(directory "${directory}" ABSOLUTE)
  set(lacking "")
  get_filename_component(own_name "${directory}" NAME)
  foreach(source "${directory}/${dataset}" "${directory}")
    if(source STREQUAL directory AND NOT own_name STREQUAL dataset
       AND own_name MATCHES "^(fashion-)?mnist$")
      string(APPEND lacking "\n    ${source} is that of ${own_name}")
      continue()
    endif()
    missing_files(missing "${source}")
    if(NOT missing)
      copy_files("${source}" "${target}")
      message(STATUS "copied ${dataset} from ${source}")
      return()
    endif()
    list(JOIN missing ", " names)
    string(APPEND lacking "\n    ${source} lacks ${names}")
  endforeach()
  message(FATAL_ERROR
    "NN_DATA_DIR is set to ${directory}, but ${dataset} is not there:"
    "${lacking}\n"
    "Put the files there, or unset NN_DATA_DIR to have them downloaded.")
endfunction()

# Ends well: tells the caller on the standard output which data set there is.
macro(finish dataset)
  execute_process(COMMAND "${CMAKE_COMMAND}" -E echo "dataset: ${dataset}")
  return()
endmacro()

if(NOT DEFINED DATASET)
  set(DATASET mnist)
endif()
if(NOT DATASET MATCHES "^(mnist|fashion-mnist)$")
  message(FATAL_ERROR
    "DATASET: expected mnist or fashion-mnist, got '${DATASET}'")
endif()
if(NOT DEFINED DATA_DIR)
  get_filename_component(DATA_DIR "${CMAKE_CURRENT_LIST_DIR}/../data" ABSOLUTE)
endif()
get_filename_component(DATA_DIR "${DATA_DIR}" ABSOLUTE
  BASE_DIR "${CMAKE_CURRENT_BINARY_DIR}")
set(TARGET "${DATA_DIR}/${DATASET}")

missing_files(missing "${TARGET}")
if(NOT missing)
  finish(${DATASET})
endif()

missing_files(missing_in_package "${PACKAGE_DIR}")
if(DATASET STREQUAL "fashion-mnist" AND NOT missing_in_package)
  copy_files("${PACKAGE_DIR}" "${TARGET}")
  message(STATUS "copied fashion-mnist from ${PACKAGE_DIR}")
  finish(fashion-mnist)
endif()

if(NOT "$ENV{NN_DATA_DIR}" STREQUAL "")
  copy_from_environment(${DATASET} "${TARGET}")
  finish(${DATASET})
endif()

download_files(reasons ${DATASET} "${TARGET}")
if(reasons STREQUAL "")
  message(STATUS "downloaded ${DATASET} to ${TARGET}")
  finish(${DATASET})
endif()

if(DATASET STREQUAL "mnist" AND NOT missing_in_package)
  copy_files("${PACKAGE_DIR}" "${DATA_DIR}/fashion-mnist")
  message(WARNING
    "MNIST CANNOT BE DOWNLOADED:${reasons}\n"
    "FASHION-MNIST TAKES ITS PLACE, from ${PACKAGE_DIR}. It has the same "
    "format and harder images (clothes, not digits): expect accuracies near "
    "90 % in place of 99 %.\n"
    "To use MNIST, set NN_DATA_DIR to a folder with its four files.")
  finish(fashion-mnist)
endif()

message(FATAL_ERROR
  "${DATASET} cannot be downloaded:${reasons}\n"
  "Do one of these:\n"
  "  - connect to the Internet and run this again;\n"
  "  - set NN_DATA_DIR to a folder that holds the four files "
  "(train-images-idx3-ubyte.gz and so on);\n"
  "  - on Debian, install the package ${PACKAGE_NAME} to use Fashion-MNIST.")
