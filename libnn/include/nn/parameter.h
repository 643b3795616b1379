#ifndef NN_PARAMETER_H_
#define NN_PARAMETER_H_

#include <string>
#include <utility>
#include <vector>

#include "nn/types.h"

namespace nn {

namespace internal {

/// Throws std::invalid_argument if the layers that a file describes are being
/// built on this thread, and it does not hold as many elements.
void spend_parameters(Index rows, Index cols);

/// The zeros of a parameter, which are not reserved if they are too many.
template <typename Scalar>
Matrix<Scalar> parameter_zeros(Index rows, Index cols) {
  spend_parameters(rows, cols);
  return Matrix<Scalar>::Zero(rows, cols);
}

}  // namespace internal

/// A weight matrix or bias with the gradient of the loss by it.
///
/// Weights are fan_in x fan_out, column-major, whose bytes equal those of
/// PyTorch's (out, in) or (out, in, kh, kw) arrays; `dims` holds those sizes,
/// slowest first, for files.
template <typename Scalar>
struct Parameter {
  Parameter() = default;
  /// Value and gradient rows x cols, all zero. The product of `dims` must be
  /// rows * cols.
  /// Throws std::invalid_argument, and reserves nothing, where load_model()
  /// builds a layer and the parameters so far exceed what the file holds.
  Parameter(std::string name_in,
            std::vector<Index> dims_in,
            Index rows,
            Index cols)
      : name(std::move(name_in)),
        dims(std::move(dims_in)),
        value(internal::parameter_zeros<Scalar>(rows, cols)),
        grad(Matrix<Scalar>::Zero(rows, cols)) {}

  /// A buffer: a value that is saved and loaded but not trained, such as a
  /// running mean. Its gradient has no elements.
  static Parameter buffer(std::string name_in,
                          std::vector<Index> dims_in,
                          Index rows,
                          Index cols) {
    Parameter result(std::move(name_in), std::move(dims_in), rows, cols);
    result.grad.resize(0, 0);
    return result;
  }
  /// A buffer of one number, dims {}, that counts: I64 in files, exact up to
  /// 2^24 in float and 2^53 in double.
  static Parameter counter(std::string name_in) {
    Parameter result = buffer(std::move(name_in), {}, 1, 1);
    result.counts = true;
    return result;
  }

  std::string name;         ///< as PyTorch names it: "weight", "bias"
  std::vector<Index> dims;  ///< as PyTorch shapes it: {16, 1, 5, 5}
  Matrix<Scalar> value;     ///< fan_in x fan_out, or one column
  Matrix<Scalar> grad;      ///< same size as value; backward() overwrites it
  bool counts = false;      ///< of a buffer: holds whole numbers
};

}  // namespace nn

#endif  // NN_PARAMETER_H_
