# Checks that the rooms of libnn include one another in one direction: each row
# of the table names the rooms and the headers that one may include, and rooms
# stand in an order in which each includes those before it alone.
#
#   cmake -DROOT=<top folder> -P rooms.cmake

cmake_minimum_required(VERSION 3.21)

set(rooms "")
set(violations "")

# room(<name> FILES <regex of paths behind include/nn or src>
#   [ROOMS <room>...] [HEADERS <header>...])
# A file is of the first room that takes it.
macro(room name)
  cmake_parse_arguments(arg "" "FILES" "ROOMS;HEADERS" ${ARGN})
  foreach(other IN LISTS arg_ROOMS)
    if(NOT other IN_LIST rooms)
      message(FATAL_ERROR "${name} may not include the later room ${other}")
    endif()
  endforeach()
  list(APPEND rooms ${name})
  set(${name}_files "${arg_FILES}")
  set(${name}_rooms ${name} ${arg_ROOMS})
  set(${name}_headers ${arg_HEADERS})
  set(${name}_count 0)
endmacro()

room(top FILES "^[a-z0-9_]+\\.(h|cpp)$"
  HEADERS kernels/isa.h)  # nn::instruction_set() tells its name.
room(kernels FILES "^kernels/" ROOMS top)
room(losses FILES "^losses/" ROOMS top kernels)
room(optimizers FILES "^optimizers/" ROOMS top kernels)
# What a layer is written against stands in network/, below all layers.
room(base FILES "^network/(layer|initializers)\\.(h|cpp)$" ROOMS top)
room(layers FILES "^layers/" ROOMS top kernels base)
room(network FILES "^network/" ROOMS top kernels losses base layers)
room(files FILES "^files/" ROOMS top optimizers base network)
room(data FILES "^data/" ROOMS top kernels files)
room(training FILES "^training/"
  ROOMS top losses optimizers base network files data)

# room_of(<out> <path behind include/nn or src>)
function(room_of out path)
  foreach(name IN LISTS rooms)
    if(path MATCHES "${${name}_files}")
      set(${out} ${name} PARENT_SCOPE)
      return()
    endif()
  endforeach()
  message(FATAL_ERROR "${path} is in no room")
endfunction()

foreach(folder libnn/include/nn libnn/src)
  file(GLOB_RECURSE paths RELATIVE "${ROOT}/${folder}"
    "${ROOT}/${folder}/*.h" "${ROOT}/${folder}/*.cpp")
  list(REMOVE_ITEM paths nn.h)  # It includes all.
  foreach(path IN LISTS paths)
    room_of(room "${path}")
    math(EXPR ${room}_count "${${room}_count} + 1")
    file(STRINGS "${ROOT}/${folder}/${path}" lines
      REGEX "^[ \t]*#[ \t]*include[ \t]*\"")
    foreach(line IN LISTS lines)
      string(REGEX REPLACE "^[^\"]*\"(nn/)?([^\"]*)\".*" "\\2" header "${line}")
      room_of(other "${header}")
      if(NOT other IN_LIST ${room}_rooms AND NOT header IN_LIST ${room}_headers)
        string(APPEND violations "\n  ${folder}/${path}: ${header}")
      endif()
    endforeach()
  endforeach()
endforeach()

foreach(name IN LISTS rooms)
  if(${name}_count EQUAL 0)
    message(FATAL_ERROR "there is no file in the room ${name}")
  endif()
endforeach()
# The table must find what it forbids.
room_of(room kernels/gemm.cpp)
room_of(other layers/conv2d.h)
if(other IN_LIST ${room}_rooms)
  message(FATAL_ERROR "the table lets kernels include layers")
endif()
if(violations)
  message(FATAL_ERROR "rooms include later ones:${violations}")
endif()
list(JOIN rooms ", " text)
message(STATUS "each room includes those before it alone: ${text}")
