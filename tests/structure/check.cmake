# Checks one rule: none of some files holds a line that matches a pattern.
#
#   cmake -DROOT=<top folder> -DRULE=<name> -P check.cmake
#
# Every rule brings a line that it must find: a pattern that matches nothing
# would pass for ever. For the same reason a rule fails if it covers no file.

cmake_minimum_required(VERSION 3.21)

# rule(<name> FILES <glob>... [EXCEPT <regex>...] PATTERN <regex> FINDS <line>)
function(rule name)
  if(NOT name STREQUAL RULE)
    return()
  endif()
  set(RULE_KNOWN TRUE PARENT_SCOPE)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "PATTERN;FINDS" "FILES;EXCEPT")
  # A line feed before every line stands in for "^", which CMake's regular
  # expressions match at the start of the whole text alone.
  if(NOT "\n${arg_FINDS}" MATCHES "${arg_PATTERN}")
    message(FATAL_ERROR "the pattern of this rule does not find\n"
      "  ${arg_FINDS}")
  endif()

  set(files "")
  foreach(glob IN LISTS arg_FILES)
    file(GLOB_RECURSE found RELATIVE "${ROOT}" "${ROOT}/${glob}")
    list(APPEND files ${found})
  endforeach()
  list(FILTER files EXCLUDE REGEX "^(build|data|results)/")
  foreach(except IN LISTS arg_EXCEPT)
    list(FILTER files EXCLUDE REGEX "${except}")
  endforeach()
  list(REMOVE_DUPLICATES files)
  list(LENGTH files count)
  if(count EQUAL 0)
    message(FATAL_ERROR "this rule covers no file: ${arg_FILES}")
  endif()

  set(violations "")
  foreach(file IN LISTS files)
    file(READ "${ROOT}/${file}" text)
    if("\n${text}" MATCHES "${arg_PATTERN}")
      string(STRIP "${CMAKE_MATCH_0}" match)
      string(APPEND violations "\n  ${file}: ${match}")
    endif()
  endforeach()
  if(violations)
    message(FATAL_ERROR "${name}, but:${violations}")
  endif()
  message(STATUS "${count} files keep to it: ${name}")
endfunction()

set(include "\n[ \t]*#[ \t]*include[ \t]*[<\"]")
set(sources "*.h" "*.cpp")
set(frameworks "(torch|ATen|c10|caffe2)/")
set(libtorch "(TORCH_[A-Z_]*(LIBRARIES|INCLUDE|CXX_FLAGS)|[( \t\n]torch[) \t\n])")

# LibTorch's step is another framework's; tests write steps by hand to compare.
rule("a training step is taken in one place"
  FILES libnn/*.h libnn/*.cpp apps/*.h apps/*.cpp docs/*.h docs/*.cpp
  EXCEPT "^libnn/src/training/network_learner\\.cpp$" "^apps/mnist_torch/"
  PATTERN "(optimizer|optimizer_|sgd|sgd_|adam|adam_|adamw|rmsprop|adagrad)(\\.|->)step *\\( *\\)"
  FINDS "  optimizer_->step();")

rule("the loop of a training knows no optimizer's step and no pass"
  FILES libnn/src/training/*.cpp
  EXCEPT "^libnn/src/training/network_learner\\.cpp$"
  PATTERN "(\\.|->)(forward|backward|predict_logits) *\\(|clip_gradient_"
  FINDS "  network_.backward(as_const(dlogits), workspace_);")

rule("libnn knows no program, no plotting and no other framework"
  FILES libnn/*.h libnn/*.cpp
  PATTERN "${include}(${frameworks}|apps/|common/|plot/|cairo|stb|nlohmann|CLI/|opencv|mkl|cblas)"
  FINDS "#include <cairo.h>")

rule("public headers include nothing that users need not have"
  FILES libnn/include/*.h
  PATTERN "${include}(hwy/|zlib|png\\.h|jpeglib|kernels/|\\.\\./)"
  FINDS "#include <hwy/highway.h>")

rule("public headers name no kernel"
  FILES libnn/include/*.h
  PATTERN "kernels(::| *\\{)"
  FINDS "             kernels::ActivationKind kind,")

rule("public headers include of Eigen nothing but Core"
  FILES libnn/include/*.h
  EXCEPT "^libnn/include/nn/nn\\.h$"
  PATTERN "${include}(unsupported/|Eigen/([ABD-Z]|C[^o]))"
  FINDS "#include <Eigen/Dense>")

rule("public headers include no heavy part of the standard library"
  FILES libnn/include/*.h libnn/*.in
  PATTERN "${include}(algorithm|chrono|filesystem|fstream|future|iostream|random|regex|thread)>"
  FINDS "#include <regex>")

rule("programs other than mnist_torch know no LibTorch"
  FILES apps/*.h apps/*.cpp
  EXCEPT "^apps/mnist_torch/"
  PATTERN "${include}${frameworks}"
  FINDS "#include <torch/torch.h>")

rule("tests other than the parity tests know no LibTorch"
  FILES tests/*.h tests/*.cpp libnn/benchmarks/*.h libnn/benchmarks/*.cpp
  EXCEPT "^tests/parity/"
  PATTERN "${include}${frameworks}"
  FINDS "#include <ATen/ATen.h>")

rule("LibTorch is linked in mnist_torch and the parity tests alone"
  FILES CMakeLists.txt *.cmake
  EXCEPT "^apps/mnist_torch/" "^tests/parity/" "^tests/structure/"
  PATTERN "${libtorch}"
  FINDS "target_link_libraries(apps_common PUBLIC \${TORCH_LIBRARIES})")

rule("plotting knows no network"
  FILES apps/plot/*.h apps/plot/*.cpp
  PATTERN "${include}(nn/|common/|${frameworks})"
  FINDS "#include \"nn/network/sequential.h\"")

rule("no build file sets machine or unsafe mathematics flags"
  FILES CMakeLists.txt *.cmake CMakePresets.json *.sh .ci/run *.in
  EXCEPT "^tests/structure/"
         # Consumers that use such flags, to show that libnn bears them.
         "^tests/install/(flags|subproject)/"
  PATTERN "-(march|mtune|mcpu)=|-ffast-math|-Ofast|-funsafe-math"
  FINDS "target_compile_options(nn PUBLIC -march=native)")

rule("compiler flags are set on targets, never globally"
  FILES CMakeLists.txt *.cmake
  EXCEPT "^tests/(structure|install)/"
         # It undoes what LibTorch's package sets globally.
         "^cmake/NnDependencies.cmake$"
  PATTERN "\n[ \t]*(add_compile_options|add_definitions|add_compile_definitions|add_link_options|include_directories|link_libraries|link_directories|set *\\( *CMAKE_CXX_FLAGS|string *\\( *APPEND CMAKE_CXX_FLAGS)"
  FINDS "  add_compile_options(-O3)")

rule("the library never prints and never ends the process"
  FILES libnn/include/*.h libnn/src/*.h libnn/src/*.cpp
  PATTERN "(<iostream>|std::c(out|err|log)[^a-z]|[^A-Za-z0-9_](v?f?printf|puts|perror|exit|_Exit|quick_exit|abort|terminate) *\\()"
  FINDS "  std::abort();")

# The locale of the program would get into what is written. nn::concat(),
# plot::decimals() and apps::parse_finite() are the same under all of them; what
# goes to the terminal alone may follow the user's.
rule("numbers are written and read without the program's locale"
  FILES libnn/include/*.h libnn/src/*.h libnn/src/*.cpp apps/*.h apps/*.cpp
  EXCEPT "^libnn/include/nn/check.h$" "^libnn/src/(files/json|data/idx).cpp$"
         "^apps/bench_" "^apps/common/(progress|train|parse_options).cpp$"
         "^apps/mnist_report/main.cpp$"
  PATTERN "(std::o?stringstream|[^A-Za-z0-9_](strto(d|f|ld)|ato[fil]|sto(d|f|ld)|setlocale) *\\(|std::to_string\\([^()]*(seconds|loss|accuracy|rate)[^()]*\\)|\"[^\"\n]*%[-+ #0-9.*]*l?[aefgAEFG][^A-Za-z])"
  FINDS "  std::ostringstream out;")

string(ASCII 194 181 micro)
rule("sources are ASCII"
  FILES ${sources} CMakeLists.txt *.cmake *.sh .ci/run
  PATTERN "[^\t\n -~][^\n]?[^\n]?"
  FINDS "// 5 ${micro}s")

if(NOT RULE_KNOWN)
  message(FATAL_ERROR "there is no rule called '${RULE}'")
endif()
