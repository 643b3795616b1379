#include "kernels/gray_levels.h"

#include "kernels/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gray_levels.cpp"
#include <hwy/foreach_target.h>
// Must come after foreach_target.h.
#include "kernels/entry-inl.h"
#include "kernels/vectors-inl.h"

#ifndef NN_SRC_KERNELS_GRAY_LEVELS_TABLE
#define NN_SRC_KERNELS_GRAY_LEVELS_TABLE
namespace nn::kernels {

template <typename T>
struct GrayLevelsTable {
  void (*scale)(const std::uint8_t* gray, T scale, T offset, T* x, Index count);
};

}  // namespace nn::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace nn::kernels {
namespace HWY_NAMESPACE {
namespace {

template <typename T>
void scale(const std::uint8_t* HWY_RESTRICT gray,
           T factor,
           T offset,
           T* HWY_RESTRICT x,
           Index count) {
  for_each_vector<T>(count, [=](auto d, Index i) NN_BODY {
    const auto level = load_bytes(d, gray + i);
    hn::StoreU(
        hn::MulAdd(level, hn::Set(d, factor), hn::Set(d, offset)), d, x + i);
  });
}

template <typename T>
const GrayLevelsTable<T>& table() {
  static constexpr GrayLevelsTable<T> kTable{kEntry<scale<T>>};
  return kTable;
}
NN_EXPORT_TABLES(GrayLevelsTable)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nn::kernels {
namespace {

NN_CHOOSE_TABLES(GrayLevelsTable)

}  // namespace

template <typename T>
void scale_gray_levels(
    const std::uint8_t* gray, T scale, T offset, T* x, Index count) {
  table<T>().scale(gray, scale, offset, x, count);
}

#define NN_INSTANTIATE(T) \
  template void scale_gray_levels<T>(const std::uint8_t*, T, T, T*, Index);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn::kernels
#endif  // HWY_ONCE
