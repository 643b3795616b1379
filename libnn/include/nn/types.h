#ifndef NN_TYPES_H_
#define NN_TYPES_H_

#include <Eigen/Core>
#include <type_traits>

namespace nn {

/// A size or a place in a matrix; signed.
using Index = Eigen::Index;

/// Column-major dense matrix. Activations are features x batch: a sample is one
/// contiguous column, and inside it c, h, w follow each other with w fastest,
/// so the bytes equal those of a contiguous (n, c, h, w) array.
///
/// DontAlign: how Eigen allocates an aligned matrix depends on the vector
/// registers that a file is compiled for. A program built for AVX would then
/// corrupt the heap when it releases a matrix of libnn, which is not. Without
/// the demand it is malloc and free on both sides. An Eigen::MatrixXf can be
/// assigned to it, and is taken by every function that takes a view.
template <typename Scalar>
using Matrix = Eigen::Matrix<Scalar,
                             Eigen::Dynamic,
                             Eigen::Dynamic,
                             Eigen::ColMajor | Eigen::DontAlign>;

namespace internal {
// What a view can look at: elements of its scalar, columns one after the other.
template <typename Other, typename Scalar>
constexpr bool is_viewable =
    std::is_same_v<typename Eigen::internal::traits<Other>::Scalar, Scalar> &&
    (Other::IsVectorAtCompileTime || !Other::IsRowMajor);
template <typename Other>
constexpr bool holds_labels =
    std::is_same_v<typename Eigen::internal::traits<Other>::Scalar, int>&&
        Other::ColsAtCompileTime == 1;
}  // namespace internal

/// A matrix in somebody else's memory, to write to. Public functions take
/// views: an Eigen::Map never copies, where an Eigen::Ref may do so silently.
///
/// Every column-major matrix of the scalar turns into a view by itself, so do
/// whole columns of one: x.leftCols(n), x.col(i). Other expressions do not
/// compile, since they would need a copy.
template <typename Scalar>
class View : public Eigen::Map<Matrix<Scalar>> {
 public:
  /// What it is in Eigen: it can be used as that.
  using Base = Eigen::Map<Matrix<Scalar>>;
  using Base::Base;
  using Base::operator=;
  /// Looks at the same memory.
  View(const View&) = default;
  /// Copies the elements of `other`, which has the same size.
  View& operator=(const View& other) {
    Base::operator=(other);
    return *this;
  }
  ///@{
  /// Looks at the memory of a matrix, of whole columns, or of another view.
  View(const Base& other) : Base(other) {}  // NOLINT: implicit
  template <typename Other,
            std::enable_if_t<internal::is_viewable<Other, Scalar>, int> = 0>
  View(Eigen::PlainObjectBase<Other>& m)  // NOLINT: implicit
      : Base(m.data(), m.rows(), m.cols()) {}
  template <typename Whole,
            int kRows,
            int kCols,
            std::enable_if_t<internal::is_viewable<Whole, Scalar>, int> = 0>
  View(Eigen::Block<Whole, kRows, kCols, true> m)  // NOLINT: implicit
      : Base(m.data(), m.rows(), m.cols()) {}
  ///@}
};

/// The same to read from alone. It must not outlive the matrix, so keep none of
/// a temporary.
template <typename Scalar>
class ConstView : public Eigen::Map<const Matrix<Scalar>> {
 public:
  /// What it is in Eigen: it can be used as that.
  using Base = Eigen::Map<const Matrix<Scalar>>;
  using Base::Base;
  ///@{
  /// Looks at the memory of a matrix, of whole columns, or of a view.
  ConstView(const Base& other) : Base(other) {}   // NOLINT: implicit
  ConstView(const Eigen::Map<Matrix<Scalar>>& m)  // NOLINT: implicit
      : Base(m.data(), m.rows(), m.cols()) {}
  template <typename Other,
            std::enable_if_t<internal::is_viewable<Other, Scalar>, int> = 0>
  ConstView(const Eigen::PlainObjectBase<Other>& m)  // NOLINT: implicit
      : Base(m.data(), m.rows(), m.cols()) {}
  template <typename Whole,
            int kRows,
            int kCols,
            std::enable_if_t<
                internal::is_viewable<std::remove_const_t<Whole>, Scalar>,
                int> = 0>
  ConstView(
      const Eigen::Block<Whole, kRows, kCols, true>& m)  // NOLINT: implicit
      : Base(m.data(), m.rows(), m.cols()) {}
  ///@}
};

/// Class labels, one per sample, counted from 0. DontAlign as in Matrix; an
/// Eigen::VectorXi can be assigned to it.
using Labels =
    Eigen::Matrix<int, Eigen::Dynamic, 1, Eigen::ColMajor | Eigen::DontAlign>;

/// Labels in somebody else's memory, to read from. Every vector of int turns
/// into it by itself; it must not outlive that.
class ConstLabels : public Eigen::Map<const Labels> {
 public:
  /// What it is in Eigen: it can be used as that.
  using Base = Eigen::Map<const Labels>;
  using Base::Base;
  ///@{
  /// Looks at the memory of a vector or of another view.
  ConstLabels(const Base& other) : Base(other) {}  // NOLINT: implicit
  template <typename Other,
            std::enable_if_t<internal::holds_labels<Other>, int> = 0>
  ConstLabels(const Eigen::PlainObjectBase<Other>& labels)  // NOLINT: implicit
      : Base(labels.data(), labels.size()) {}
  template <typename Other,
            std::enable_if_t<internal::holds_labels<std::remove_const_t<Other>>,
                             int> = 0>
  ConstLabels(const Eigen::Map<Other>& labels)  // NOLINT: implicit
      : Base(labels.data(), labels.size()) {}
  ///@}
};

///@{
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
///@}

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
