# Functions that give this project's own targets their compile settings. All of
# them are PRIVATE to the target: nothing here reaches a user of nn::nn.

include_guard(GLOBAL)

# Warnings, sanitizers, assertions and C++17 for one target.
function(nn_configure_target target)
  target_compile_features(${target} PRIVATE cxx_std_17)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
  if(NN_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(NN_ASSERTIONS)
    target_compile_options(${target} PRIVATE -UNDEBUG)
    target_compile_definitions(${target} PRIVATE _GLIBCXX_ASSERTIONS)
  endif()
  if(NN_SANITIZE)
    target_compile_options(${target} PRIVATE
      -fsanitize=${NN_SANITIZE} -fno-omit-frame-pointer
      -fno-sanitize-recover=all)
    # What sanitizers put in makes g++ see uninitialized values where there are
    # none, in std::regex for one.
    target_compile_options(${target} PRIVATE
      $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
    # PUBLIC at link time: whatever links a sanitized static library needs the
    # sanitizer's run-time library too.
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "STATIC_LIBRARY")
      target_link_options(${target} PUBLIC
        $<BUILD_INTERFACE:-fsanitize=${NN_SANITIZE}>)
    else()
      target_link_options(${target} PRIVATE -fsanitize=${NN_SANITIZE})
      # Sanitizers keep a description of every variable and type. At a fixed
      # address they need no relocation, which is half of what such a program
      # takes to start; the tests start thousands.
      if(type STREQUAL "EXECUTABLE" AND NN_SANITIZE MATCHES "address")
        target_link_options(${target} PRIVATE -no-pie)
      endif()
    endif()
  endif()
endfunction()

# nn_precompile_sanitized(<target> [REUSE_FROM <other>] [<header>...]): a
# precompiled header where sanitizers are built in, and nowhere else. Without
# one a source shows that it includes all that it needs, and tools of clang can
# read how it is compiled, which they cannot with a header precompiled by g++.
function(nn_precompile_sanitized target)
  if(NN_SANITIZE)
    if(ARGV1 STREQUAL "REUSE_FROM")
      target_precompile_headers(${target} ${ARGN})
    else()
      target_precompile_headers(${target} PRIVATE ${ARGN})
    endif()
  endif()
endfunction()

# Reads a components.cmake list into absolute source paths. A component
# `layers/conv2d` stands for <source_dir>/layers/conv2d.cpp; a missing file
# fails configure, so the list and the tree cannot drift apart.
function(nn_component_sources out components source_dir suffix)
  set(sources "")
  foreach(component IN LISTS components)
    set(file "${source_dir}/${component}${suffix}.cpp")
    if(NOT EXISTS "${file}")
      message(FATAL_ERROR
        "components.cmake lists '${component}', but ${file} does not exist")
    endif()
    list(APPEND sources "${file}")
  endforeach()
  set(${out} "${sources}" PARENT_SCOPE)
endfunction()
