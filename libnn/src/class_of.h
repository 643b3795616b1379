#ifndef NN_SRC_CLASS_OF_H_
#define NN_SRC_CLASS_OF_H_

#include "nn/types.h"

namespace nn::internal {

/// The class that `outputs` stand for: the place of the largest, the first of
/// equal ones; -1 if one of them is a NaN, for then none is the largest.
template <typename Scalar>
Index class_of(const Scalar* outputs, Index classes) {
  Index largest = 0;
  bool are_numbers = true;
  for (Index j = 0; j < classes; ++j) {
    are_numbers &= outputs[j] == outputs[j];
    if (outputs[j] > outputs[largest]) largest = j;
  }
  return are_numbers ? largest : -1;
}

}  // namespace nn::internal

#endif  // NN_SRC_CLASS_OF_H_
