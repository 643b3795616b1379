// How kernels are entered. Included once per target, inside no namespace.

#if defined(NN_SRC_KERNELS_ENTRY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NN_SRC_KERNELS_ENTRY_INL_H_
#undef NN_SRC_KERNELS_ENTRY_INL_H_
#else
#define NN_SRC_KERNELS_ENTRY_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace nn::kernels {
namespace HWY_NAMESPACE {

/// Clears the upper halves of the vector registers when it goes out of scope.
/// While they hold anything, every SSE instruction is slow that comes later,
/// wherever it is: a loop of exp() was seen to take 25 times as long. Compilers
/// do this at the end of a function, but g++ 12 misses some of the ways out.
struct CleanUpperHalves {
  ~CleanUpperHalves() {
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
    _mm256_zeroupper();
#endif
  }
};

template <auto kFunction>
struct Entry;
template <class Result, class... Args, Result (*kFunction)(Args...)>
struct Entry<kFunction> {
  static Result call(Args... args) {
    const CleanUpperHalves clean;
    return kFunction(args...);
  }
};

/// A function as it goes into a kernel table.
template <auto kFunction>
constexpr auto kEntry = &Entry<kFunction>::call;

}  // namespace HWY_NAMESPACE
}  // namespace nn::kernels
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
