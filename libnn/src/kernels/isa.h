#ifndef NN_SRC_KERNELS_ISA_H_
#define NN_SRC_KERNELS_ISA_H_

namespace nn::kernels {

/// The instruction sets that the kernels are compiled for, in rising order.
/// kBaseline is what the compiler may assume anyway: SSE2 on x86-64, NEON on
/// AArch64.
enum class Isa { kBaseline, kSse4, kAvx2, kAvx512 };

/// The best one that this machine has and NN_MAX_ISA allows, found once; or
/// what limit_isa() made of it.
Isa isa();

/// Lowers isa() to `highest`, or raises it again, for a test that compares
/// kernels in one process. No kernel may be running, and scratch memory that
/// was measured before is no longer right.
void limit_isa(Isa highest);

/// "AVX-512", "AVX2", "SSE4", or the baseline's name.
const char* isa_name(Isa isa);

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_ISA_H_
