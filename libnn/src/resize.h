#ifndef NN_SRC_RESIZE_H_
#define NN_SRC_RESIZE_H_

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

}  // namespace nn::internal

#endif  // NN_SRC_RESIZE_H_
