#ifndef NN_SRC_RESIZE_H_
#define NN_SRC_RESIZE_H_

#include <cstdlib>
#include <new>

#include "nn/types.h"

namespace nn::internal {

/// Gives a matrix or vector new sizes; its values are then any. Eigen's own
/// resize() frees the old memory before it asks for the new, and where there is
/// none it keeps the old pointer and frees it once more. Here the matrix is
/// empty then. Never holds both.
template <typename Array>
void resize(Array& array, Index rows, Index cols) {
  if (array.rows() == rows && array.cols() == cols) return;
  array = Array();
  array = Array(rows, cols);
}

/// The same, keeping what it begins with: whole columns of a matrix, which stay
/// where they are if there is room behind them. Where there is no more memory,
/// Eigen's own conservativeResize() goes on with a null pointer. Here the array
/// is empty then, and std::bad_alloc is thrown.
template <typename Array>
void resize_keeping(Array& array, Index rows, Index cols) {
  static_assert((Array::Options & Eigen::DontAlign) != 0,
                "aligned memory is not that of malloc()");
  typename Array::Scalar* const old = array.data();
  array.conservativeResize(rows, cols);
  if (array.data() == nullptr && rows * cols > 0) {
    std::free(old);
    Array().swap(array);
    throw std::bad_alloc();
  }
}

}  // namespace nn::internal

#endif  // NN_SRC_RESIZE_H_
