#include "kernels/dropout.h"

#include <algorithm>
#include <cmath>

#include "kernels/blocks.h"
#include "kernels/dispatch.h"
#include "nn/random.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/dropout.cpp"
#include <hwy/foreach_target.h>
// Must come after foreach_target.h.
#include "kernels/entry-inl.h"
#include "kernels/vectors-inl.h"

#ifndef NN_SRC_KERNELS_DROPOUT_TABLE
#define NN_SRC_KERNELS_DROPOUT_TABLE
namespace nn::kernels {

constexpr std::uint32_t kMultiplier1 = 0x7feb352du;
constexpr std::uint32_t kMultiplier2 = 0x846ca68bu;
constexpr std::uint32_t kSignBit = 0x80000000u;

// One block, as one target provides it.
template <typename T>
struct DropoutTable {
  void (*dropout)(std::uint64_t key,
                  std::uint32_t threshold,
                  T scale,
                  const T* x,
                  T* y,
                  Index count);
};

}  // namespace nn::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace nn::kernels {
namespace HWY_NAMESPACE {
namespace {

template <class D, class V>
HWY_INLINE V mixed(D d, V z) {
  z = hn::Xor(z, hn::ShiftRight<16>(z));
  z = hn::Mul(z, hn::Set(d, kMultiplier1));
  z = hn::Xor(z, hn::ShiftRight<15>(z));
  z = hn::Mul(z, hn::Set(d, kMultiplier2));
  return hn::Xor(z, hn::ShiftRight<16>(z));
}

template <typename T>
void dropout(std::uint64_t key,
             std::uint32_t threshold,
             T scale,
             const T* x,
             T* y,
             Index count) {
  const auto low_key = static_cast<std::uint32_t>(key);
  const auto high_key = static_cast<std::uint32_t>(key >> 32);
  // A signed number, and the bits likewise, in the same order: not all targets
  // compare others, or turn them into floating-point numbers.
  const auto limit =
      static_cast<std::int32_t>(static_cast<std::int64_t>(threshold) -
                                static_cast<std::int64_t>(kSignBit));
  for_each_vector<T>(count, [=](auto d, Index i) NN_BODY {
    const hn::Rebind<std::uint32_t, decltype(d)> unsigned_ints;
    const hn::Rebind<std::int32_t, decltype(d)> ints;
    auto z = hn::Iota(unsigned_ints, static_cast<std::uint32_t>(i));
    z = mixed(unsigned_ints, hn::Xor(z, hn::Set(unsigned_ints, low_key)));
    z = mixed(unsigned_ints, hn::Add(z, hn::Set(unsigned_ints, high_key)));
    const auto bits =
        hn::BitCast(ints, hn::Xor(z, hn::Set(unsigned_ints, kSignBit)));
    hn::Vec<decltype(d)> factor;
    if constexpr (sizeof(T) == 4) {
      const auto dropped = hn::Lt(bits, hn::Set(ints, limit));
      factor =
          hn::IfThenZeroElse(hn::RebindMask(d, dropped), hn::Set(d, scale));
    } else {
      const auto dropped =
          hn::Lt(hn::PromoteTo(d, bits), hn::Set(d, static_cast<T>(limit)));
      factor = hn::IfThenZeroElse(dropped, hn::Set(d, scale));
    }
    hn::StoreU(hn::Mul(hn::LoadU(d, x + i), factor), d, y + i);
  });
}

template <typename T>
const DropoutTable<T>& table() {
  static constexpr DropoutTable<T> kTable{kEntry<dropout<T>>};
  return kTable;
}
NN_EXPORT_TABLES(DropoutTable)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nn::kernels {
namespace {

NN_CHOOSE_TABLES(DropoutTable)

constexpr std::uint32_t mixed_number(std::uint32_t z) {
  z ^= z >> 16;
  z *= kMultiplier1;
  z ^= z >> 15;
  z *= kMultiplier2;
  return z ^ (z >> 16);
}

}  // namespace

std::uint32_t random_bits(std::uint64_t key, std::uint32_t i) {
  const auto low_key = static_cast<std::uint32_t>(key);
  const auto high_key = static_cast<std::uint32_t>(key >> 32);
  return mixed_number(mixed_number(i ^ low_key) + high_key);
}

std::uint32_t dropout_threshold(double p) {
  // At p = 1 one value in 2^32 is kept, and scaled by zero.
  return static_cast<std::uint32_t>(
      std::min(std::round(p * 4294967296.0), 4294967295.0));
}

template <typename T>
void dropout(std::uint64_t key,
             std::uint32_t threshold,
             T scale,
             const T* x,
             T* y,
             Index count) {
  const Rng keys(key);
  for_blocks(count, [&](Index first, Index n) {
    const auto block = static_cast<std::uint64_t>(first / kMinBlock);
    table<T>().dropout(
        keys.fork(block).next(), threshold, scale, x + first, y + first, n);
  });
}

#define NN_INSTANTIATE(T)   \
  template void dropout<T>( \
      std::uint64_t, std::uint32_t, T, const T*, T*, Index);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn::kernels
#endif  // HWY_ONCE
