#include "kernels/elementwise.h"

#include <algorithm>
#include <cmath>

#include "kernels/blocks.h"
#include "kernels/dispatch.h"
#include "nn/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise.cpp"
#include <hwy/foreach_target.h>
// Must come after foreach_target.h.
#include "kernels/entry-inl.h"
#include "kernels/vectors-inl.h"

#ifndef NN_SRC_KERNELS_ELEMENTWISE_TABLE
#define NN_SRC_KERNELS_ELEMENTWISE_TABLE
namespace nn::kernels {

// The serial loops, as one target provides them.
template <typename T>
struct ElementwiseTable {
  void (*relu)(const T* x, T* y, Index count);
  void (*relu_backward)(const T* y, const T* dy, T* dx, Index count);
  void (*sum)(const T* a, const T* b, T* y, Index count);
};

}  // namespace nn::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace nn::kernels {
namespace HWY_NAMESPACE {
namespace {

template <typename T>
void relu(const T* x, T* y, Index count) {
  for_each_vector<T>(count, [=](auto d, Index i) NN_BODY {
    hn::StoreU(rectified(d, hn::LoadU(d, x + i)), d, y + i);
  });
}

template <typename T>
void relu_backward(const T* y, const T* dy, T* dx, Index count) {
  for_each_vector<T>(count, [=](auto d, Index i) NN_BODY {
    const auto g = relu_gradients(d, hn::LoadU(d, y + i), hn::LoadU(d, dy + i));
    hn::StoreU(g, d, dx + i);
  });
}

template <typename T>
const ElementwiseTable<T>& table() {
  static constexpr ElementwiseTable<T> kTable{
      kEntry<relu<T>>, kEntry<relu_backward<T>>, kEntry<add_elements<T>>};
  return kTable;
}
NN_EXPORT_TABLES(ElementwiseTable)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nn::kernels {
namespace {

NN_CHOOSE_TABLES(ElementwiseTable)

}  // namespace

template <typename T>
void relu(const T* x, T* y, Index count) {
  for_blocks(count,
             [&](Index i, Index n) { table<T>().relu(x + i, y + i, n); });
}

template <typename T>
void relu_backward(const T* y, const T* dy, T* dx, Index count) {
  for_blocks(count, [&](Index i, Index n) {
    table<T>().relu_backward(y + i, dy + i, dx + i, n);
  });
}

template <typename T>
void sum(const T* a, const T* b, T* y, Index count) {
  for_blocks(count,
             [&](Index i, Index n) { table<T>().sum(a + i, b + i, y + i, n); });
}

template <typename T>
void copy(const T* x, T* y, Index count) {
  for_blocks(count, [&](Index i, Index n) { std::copy_n(x + i, n, y + i); });
}

template <typename T>
void row_sums(const T* x, Index rows, Index cols, T* out) {
  std::fill_n(out, rows, T(0));
  for (Index j = 0; j < cols; ++j) {
    table<T>().sum(out, x + j * rows, out, rows);
  }
}

template <typename T>
void relu_backward_row_sums(
    const T* y, const T* dy, T* dx, Index rows, Index cols, T* sums) {
  std::fill_n(sums, rows, T(0));
  for (Index j = 0; j < cols; ++j) {
    const Index i = j * rows;
    table<T>().relu_backward(y + i, dy + i, dx + i, rows);
    table<T>().sum(sums, dx + i, sums, rows);
  }
}

template <typename T>
void softmax(const T* x, T* y, Index rows, Index cols) {
  // Few classes and one exponential each: not worth vector code.
  parallel_for((cols + 63) / 64, [&](Index block, int) {
    const Index end = std::min(cols, (block + 1) * 64);
    for (Index j = block * 64; j < end; ++j) {
      const T* in = x + j * rows;
      T* out = y + j * rows;
      // Shifting by the column's maximum leaves softmax unchanged and keeps
      // exp() from overflowing for logits above 88 (float).
      const T shift = *std::max_element(in, in + rows);
      T sum = 0;
      for (Index i = 0; i < rows; ++i) sum += out[i] = std::exp(in[i] - shift);
      const T scale = T(1) / sum;
      for (Index i = 0; i < rows; ++i) out[i] *= scale;
    }
  });
}

#define NN_INSTANTIATE(T)                                        \
  template void relu<T>(const T*, T*, Index);                    \
  template void relu_backward<T>(const T*, const T*, T*, Index); \
  template void sum<T>(const T*, const T*, T*, Index);           \
  template void copy<T>(const T*, T*, Index);                    \
  template void row_sums<T>(const T*, Index, Index, T*);         \
  template void relu_backward_row_sums<T>(                       \
      const T*, const T*, T*, Index, Index, T*);                 \
  template void softmax<T>(const T*, T*, Index, Index);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn::kernels
#endif  // HWY_ONCE
