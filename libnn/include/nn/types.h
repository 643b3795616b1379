#ifndef NN_TYPES_H_
#define NN_TYPES_H_

#include <Eigen/Core>

namespace nn {

using Index = Eigen::Index;

/// Column-major dense matrix. Activations are features x batch: a sample is one
/// contiguous column, and inside it c, h, w follow each other with w fastest,
/// so the bytes equal those of a contiguous (n, c, h, w) array.
///
/// DontAlign: how Eigen allocates an aligned matrix depends on the vector
/// registers that a file is compiled for. A program built for AVX would then
/// corrupt the heap when it releases a matrix of libnn, which is not. Without
/// the demand it is malloc and free on both sides. Any other column-major
/// Eigen matrix can be assigned to this one, or looked at through view().
template <typename Scalar>
using Matrix = Eigen::Matrix<Scalar,
                             Eigen::Dynamic,
                             Eigen::Dynamic,
                             Eigen::ColMajor | Eigen::DontAlign>;

/// Views that public functions take and return. A Map never copies; an
/// Eigen::Ref may do so silently.
template <typename Scalar>
using View = Eigen::Map<Matrix<Scalar>>;
template <typename Scalar>
using ConstView = Eigen::Map<const Matrix<Scalar>>;

/// Class labels, one per sample, counted from 0.
using Labels =
    Eigen::Matrix<int, Eigen::Dynamic, 1, Eigen::ColMajor | Eigen::DontAlign>;
using ConstLabels = Eigen::Map<const Labels>;

/// A view of a whole matrix, this library's or Eigen's own.
template <typename Scalar, int kOptions>
View<Scalar> view(
    Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, kOptions>& m) {
  static_assert((kOptions & Eigen::RowMajor) == 0, "column-major is needed");
  return View<Scalar>(m.data(), m.rows(), m.cols());
}
template <typename Scalar, int kOptions>
ConstView<Scalar> view(
    const Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, kOptions>& m) {
  static_assert((kOptions & Eigen::RowMajor) == 0, "column-major is needed");
  return ConstView<Scalar>(m.data(), m.rows(), m.cols());
}
template <typename Scalar>
ConstView<Scalar> as_const(const View<Scalar>& m) {
  return ConstView<Scalar>(m.data(), m.rows(), m.cols());
}
template <int kOptions>
ConstLabels view(
    const Eigen::Matrix<int, Eigen::Dynamic, 1, kOptions>& labels) {
  return ConstLabels(labels.data(), labels.size());
}

/// The view that stands for "not wanted", as the input gradient of a network's
/// first layer is. Its size is zero.
template <typename Scalar>
View<Scalar> no_view() {
  return View<Scalar>(nullptr, 0, 0);
}

/// Training keeps what the backward pass needs; inference does not.
enum class Mode { kTraining, kInference };

}  // namespace nn

#endif  // NN_TYPES_H_
