#ifndef NN_TYPES_H_
#define NN_TYPES_H_

#include <Eigen/Core>

namespace nn {

using Index = Eigen::Index;

/// Column-major dense matrix. Activations are features x batch: a sample is one
/// contiguous column, and inside it c, h, w follow each other with w fastest,
/// so the bytes equal those of a contiguous (n, c, h, w) array.
template <typename Scalar>
using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;

/// Views that public functions take and return. A Map never copies; an
/// Eigen::Ref may do so silently.
template <typename Scalar>
using View = Eigen::Map<Matrix<Scalar>>;
template <typename Scalar>
using ConstView = Eigen::Map<const Matrix<Scalar>>;

/// Class labels, one per sample, counted from 0.
using Labels = Eigen::VectorXi;
using ConstLabels = Eigen::Map<const Labels>;

/// A view of a whole matrix.
template <typename Scalar>
View<Scalar> view(Matrix<Scalar>& m) {
  return View<Scalar>(m.data(), m.rows(), m.cols());
}
template <typename Scalar>
ConstView<Scalar> view(const Matrix<Scalar>& m) {
  return ConstView<Scalar>(m.data(), m.rows(), m.cols());
}
template <typename Scalar>
ConstView<Scalar> as_const(const View<Scalar>& m) {
  return ConstView<Scalar>(m.data(), m.rows(), m.cols());
}
inline ConstLabels view(const Labels& labels) {
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
