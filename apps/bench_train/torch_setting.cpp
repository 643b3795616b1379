#include "bench_train/torch_setting.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "benchmarks/environment.h"
#include "nn/check.h"
#include "nn/parallel.h"

namespace apps {
namespace {

#if NN_BENCH_HAVE_TORCH
// LibTorch leaves its matrix products to whatever BLAS the system has put
// behind libblas.so.3. Which one it is, is known to the loaded process alone.
namespace blas {

void* symbol(const char* name) {
  return dlsym(RTLD_DEFAULT, name);
}

/// The file that the products come from.
std::string path() {
  Dl_info info;
  void* sgemm = symbol("sgemm_");
  if (sgemm == nullptr || dladdr(sgemm, &info) == 0) return "inside LibTorch";
  const std::unique_ptr<char, decltype(&std::free)> resolved(
      realpath(info.dli_fname, nullptr), &std::free);
  return resolved ? resolved.get() : info.dli_fname;
}

/// Whether it is one made to be fast. The reference BLAS, some fifty times
/// slower, is what a Debian system has unless another is installed.
bool is_fast() {
  return symbol("openblas_get_config") != nullptr ||
         symbol("mkl_get_max_threads") != nullptr ||
         symbol("MKL_Get_Max_Threads") != nullptr ||
         symbol("bli_info_get_version_str") != nullptr ||
         symbol("sgemm_") == nullptr;
}

/// The processor that OpenBLAS takes this one for, or "" for another BLAS.
std::string core() {
  void* name = symbol("openblas_get_corename");
  return name == nullptr ? "" : reinterpret_cast<const char* (*)()>(name)();
}

/// OpenBLAS may have threads of its own, which LibTorch does not count.
void set_threads(int threads) {
  if (void* set = symbol("openblas_set_num_threads")) {
    reinterpret_cast<void (*)(int)>(set)(threads);
  }
}

}  // namespace blas
#endif

/// LibTorch's fastest setting. As it comes, it loses most of its time to
/// OpenMP threads that spin and to memory given back after every step and
/// mapped anew in the next. libnn runs in the same.
std::vector<nn::bench::Variable> tuned_environment(
    const std::string& openblas_core) {
  return {{"OMP_WAIT_POLICY", "passive"},
          {"GLIBC_TUNABLES",
           "glibc.malloc.mmap_threshold=1000000000:"
           "glibc.malloc.trim_threshold=4000000000:"
           "glibc.malloc.top_pad=200000000"},
          {"OPENBLAS_CORETYPE", openblas_core}};
}

/// The kernels that OpenBLAS has for this processor's instructions, by the name
/// in OPENBLAS_CORETYPE; empty if those of any processor are as good.
std::string openblas_core_of_processor() {
#if defined(__x86_64__)
  // Not nn::instruction_set(), which NN_MAX_ISA lowers for libnn alone.
  if (__builtin_cpu_supports("avx512f")) return "SKYLAKEX";
  if (__builtin_cpu_supports("avx2")) return "HASWELL";
#endif
  return {};
}

}  // namespace

void enter_fastest_setting(char** argv) {
  const std::string core = openblas_core_of_processor();
  const char* present = std::getenv("OPENBLAS_CORETYPE");
  const bool chosen = present != nullptr && core == present;
  nn::bench::require_environment(tuned_environment(chosen ? core : ""), argv);
#if NN_BENCH_HAVE_TORCH
  // OpenBLAS knows processors by their model, and runs one that is newer than
  // itself on SSE3 kernels: that made the MLP three times slower.
  if (!chosen && blas::core() == "Prescott") {
    nn::bench::require_environment(tuned_environment(core), argv);
  }
#endif
}

void print_setting() {
  std::printf("%-17s %s\n", "instruction set", nn::instruction_set());
  for (const nn::bench::Variable& variable : tuned_environment("")) {
    const char* value = std::getenv(variable.name.c_str());
    std::printf("%-17s %s\n",
                variable.name.c_str(),
                value == nullptr ? "(not set)" : value);
  }
#if NN_BENCH_HAVE_TORCH
  std::printf("%-17s %s %s\n",
              "LibTorch's BLAS",
              blas::path().c_str(),
              blas::core().c_str());
#else
  std::printf("built without LibTorch: libnn alone\n");
#endif
}

void require_fast_blas([[maybe_unused]] bool allow_slow) {
#if NN_BENCH_HAVE_TORCH
  if (blas::is_fast()) return;
  constexpr const char* kNotFast =
      "LibTorch's BLAS is not known to be a fast one, so its figures would "
      "say nothing about LibTorch";
  if (!allow_slow) {
    throw std::runtime_error(nn::concat(
        blas::path(),
        ": ",
        kNotFast,
        " (Debian: install libopenblas0-openmp; --untuned measures it as it "
        "is)"));
  }
  std::printf("WARNING: %s\n", kNotFast);
#endif
}

void set_rival_threads(int threads) {
  nn::set_num_threads(threads);
#if NN_BENCH_HAVE_TORCH
  blas::set_threads(threads);
#endif
}

}  // namespace apps
