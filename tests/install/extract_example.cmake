# Writes the first ```cmake block of README.md to OUT/CMakeLists.txt and the
# first ```cpp block to OUT/main.cpp. Fails if there is no such block.

cmake_minimum_required(VERSION 3.21)

# Quoted throughout: unquoted, CMake would split the C++ at its semicolons.
file(READ "${README}" text)

function(extract language out)
  string(FIND "${text}" "```${language}\n" begin)
  if(begin EQUAL -1)
    message(FATAL_ERROR "${README} holds no ```${language} block")
  endif()
  string(LENGTH "```${language}\n" skip)
  math(EXPR begin "${begin} + ${skip}")
  string(SUBSTRING "${text}" ${begin} -1 rest)
  string(FIND "${rest}" "```" end)
  if(end LESS 1)
    message(FATAL_ERROR "${README}: the ```${language} block does not end")
  endif()
  string(SUBSTRING "${rest}" 0 ${end} block)
  file(WRITE "${out}" "${block}")
endfunction()

extract(cmake "${OUT}/CMakeLists.txt")
extract(cpp "${OUT}/main.cpp")
