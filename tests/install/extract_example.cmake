# Writes fenced blocks of a document to files. A block is named by a comment in
# the line before it:
#
#   <!-- extracted: main.cpp -->
#   ```cpp
#
#   cmake -DDOCUMENT=<file> "-DBLOCK=<name>;<name>" -DOUT=<folder>
#         -P extract_example.cmake
#
# Fails if there is no such block.

cmake_minimum_required(VERSION 3.21)

# Quoted throughout: unquoted, CMake would split the text at its semicolons.
file(READ "${DOCUMENT}" text)

foreach(name IN LISTS BLOCK)
  set(marker "<!-- extracted: ${name} -->\n```")
  string(FIND "${text}" "${marker}" begin)
  if(begin EQUAL -1)
    message(FATAL_ERROR "${DOCUMENT} holds no block ${name}")
  endif()
  string(SUBSTRING "${text}" ${begin} -1 rest)
  string(LENGTH "${marker}" skip)
  string(SUBSTRING "${rest}" ${skip} -1 rest)
  string(FIND "${rest}" "\n" line_end)
  math(EXPR line_end "${line_end} + 1")
  string(SUBSTRING "${rest}" ${line_end} -1 rest)
  string(FIND "${rest}" "```" end)
  if(end LESS 1)
    message(FATAL_ERROR "${DOCUMENT}: the block ${name} does not end")
  endif()
  string(SUBSTRING "${rest}" 0 ${end} block)
  file(WRITE "${OUT}/${name}" "${block}")
endforeach()
