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

/// A matrix in somebody else's memory, to write to. Public functions take
/// views: an Eigen::Map never copies, where an Eigen::Ref may do so silently.
/// A whole Matrix turns into a view by itself, so do its leftCols() and
/// middleCols().
template <typename Scalar>
class View : public Eigen::Map<Matrix<Scalar>> {
 public:
  using Base = Eigen::Map<Matrix<Scalar>>;
  using Columns =
      Eigen::Block<Matrix<Scalar>, Eigen::Dynamic, Eigen::Dynamic, true>;
  using Base::Base;
  using Base::operator=;
  View(const View&) = default;
  View& operator=(const View& other) {
    Base::operator=(other);
    return *this;
  }
  View(const Base& other) : Base(other) {}  // NOLINT: implicit
  View(Matrix<Scalar>& m)                   // NOLINT: implicit
      : Base(m.data(), m.rows(), m.cols()) {}
  View(Columns m)  // NOLINT: implicit
      : Base(m.data(), m.rows(), m.cols()) {}
};

/// The same to read from alone. It must not outlive the matrix, so keep none of
/// a temporary.
template <typename Scalar>
class ConstView : public Eigen::Map<const Matrix<Scalar>> {
 public:
  using Base = Eigen::Map<const Matrix<Scalar>>;
  using Columns =
      Eigen::Block<Matrix<Scalar>, Eigen::Dynamic, Eigen::Dynamic, true>;
  using ConstColumns =
      Eigen::Block<const Matrix<Scalar>, Eigen::Dynamic, Eigen::Dynamic, true>;
  using Base::Base;
  ConstView(const Base& other) : Base(other) {}  // NOLINT: implicit
  ConstView(const Matrix<Scalar>& m)             // NOLINT: implicit
      : Base(m.data(), m.rows(), m.cols()) {}
  ConstView(const Eigen::Map<Matrix<Scalar>>& m)  // NOLINT: implicit
      : Base(m.data(), m.rows(), m.cols()) {}
  ConstView(const Columns& m)  // NOLINT: implicit
      : Base(m.data(), m.rows(), m.cols()) {}
  ConstView(const ConstColumns& m)  // NOLINT: implicit
      : Base(m.data(), m.rows(), m.cols()) {}
};

/// Class labels, one per sample, counted from 0.
using Labels = Eigen::VectorXi;
class ConstLabels : public Eigen::Map<const Labels> {
 public:
  using Base = Eigen::Map<const Labels>;
  using Base::Base;
  ConstLabels(const Base& other) : Base(other) {}  // NOLINT: implicit
  ConstLabels(const Labels& labels)                // NOLINT: implicit
      : Base(labels.data(), labels.size()) {}
  ConstLabels(const Eigen::Map<Labels>& labels)  // NOLINT: implicit
      : Base(labels.data(), labels.size()) {}
};

/// Views by name, where a template must deduce the scalar.
template <typename Scalar>
View<Scalar> view(Matrix<Scalar>& m) {
  return View<Scalar>(m);
}
template <typename Scalar>
ConstView<Scalar> view(const Matrix<Scalar>& m) {
  return ConstView<Scalar>(m);
}
template <typename Scalar>
ConstView<Scalar> as_const(const View<Scalar>& m) {
  return ConstView<Scalar>(m);
}
inline ConstLabels view(const Labels& labels) {
  return ConstLabels(labels);
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
