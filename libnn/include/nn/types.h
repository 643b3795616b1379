#ifndef NN_TYPES_H_
#define NN_TYPES_H_

#include <Eigen/Core>
#include <type_traits>

// What is made of this argument must not outlive it: clang warns where it does.
#if defined(__clang__)
#define NN_LIFETIME_BOUND [[clang::lifetimebound]]
#else
#define NN_LIFETIME_BOUND
#endif

namespace nn {

/// A size or a place in a matrix; signed.
using Index = Eigen::Index;
// Sizes are multiplied and compared with those of files as 64 bits; Eigen's own
// may be set to less by EIGEN_DEFAULT_DENSE_INDEX_TYPE.
static_assert(sizeof(Index) == 8, "libnn needs an Eigen::Index of 64 bits");

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

/// Whether an expression of Eigen lies in memory as a view reads it: elements
/// of `Scalar`, column by column, with nothing between them. Eigen knows of
/// each step between elements that is fixed at compile time; a block of a
/// block, or a map with a stride, may have a gap, and counts as having one.
template <typename Expression, typename Scalar>
constexpr bool is_viewable() {
  using Traits = Eigen::internal::traits<Expression>;
  if constexpr (!std::is_same_v<typename Traits::Scalar, Scalar> ||
                !Eigen::internal::has_direct_access<Expression>::ret) {
    return false;
  } else {
    using Inner = Eigen::internal::inner_stride_at_compile_time<Expression>;
    constexpr int kFlags = Eigen::internal::evaluator<Expression>::Flags;
    return Inner::ret == 1 && (kFlags & Eigen::LinearAccessBit) != 0 &&
           (Expression::IsVectorAtCompileTime || !Expression::IsRowMajor);
  }
}

/// Whether an expression holds its elements, and does not look at another's.
template <typename Expression>
constexpr bool is_owner =
    std::is_base_of_v<Eigen::PlainObjectBase<Expression>, Expression>;

/// Whether an expression that holds nothing is viewable, to read from.
template <typename Expression, typename Scalar>
constexpr bool is_readable =
    !is_owner<Expression> && is_viewable<Expression, Scalar>();

/// The same, to write to.
template <typename Expression, typename Scalar>
constexpr bool is_writable = is_readable<Expression, Scalar>&&
    Eigen::internal::is_lvalue<Expression>::value;

/// Whether an expression is a contiguous column of integers.
template <typename Expression>
constexpr bool holds_labels = Expression::ColsAtCompileTime == 1 &&
                              is_viewable<Expression, int>();

/// Whether it is one that holds nothing, to write to.
template <typename Expression>
constexpr bool holds_writable_labels =
    Expression::ColsAtCompileTime == 1 && is_writable<Expression, int>;

}  // namespace internal

/// A matrix in somebody else's memory, to write to. Public functions take
/// views: an Eigen::Map never copies, where an Eigen::Ref may do so silently.
///
/// Every column-major matrix of the scalar turns into a view by itself, so do
/// whole columns of one and pieces of one column: x.leftCols(n), x.col(i),
/// x.col(i).head(k). Other expressions do not compile, since they would need a
/// copy: x.topRows(k), and columns of that.
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
  template <typename Other,
            std::enable_if_t<internal::is_viewable<Other, Scalar>(), int> = 0>
  View(Eigen::PlainObjectBase<Other>& m NN_LIFETIME_BOUND)  // NOLINT: implicit
      : Base(m.data(), m.rows(), m.cols()) {}
  // A block or a map is a handle: that it is const says nothing of what it
  // looks at, so a copy of it is asked for the memory.
  template <typename Other,
            std::enable_if_t<internal::is_writable<Other, Scalar>, int> = 0>
  View(const Eigen::DenseBase<Other>& m)  // NOLINT: implicit
      : Base(Other(m.derived()).data(), m.rows(), m.cols()) {}
  ///@}
};

/// The same to read from alone.
///
/// It must not outlive the matrix. A temporary matrix can be the argument of a
/// function that takes a view, for it lives as long as the call. To name a view
/// of one, `ConstView<float> v(a + b)`, does not compile; clang warns of
/// `ConstView<float> v = ...` too.
template <typename Scalar>
class ConstView : public Eigen::Map<const Matrix<Scalar>> {
 public:
  /// What it is in Eigen: it can be used as that.
  using Base = Eigen::Map<const Matrix<Scalar>>;
  using Base::Base;
  ///@{
  /// Looks at the memory of a matrix, of whole columns, or of a view.
  template <typename Other,
            std::enable_if_t<internal::is_viewable<Other, Scalar>(), int> = 0>
  ConstView(const Eigen::PlainObjectBase<Other>& m
                NN_LIFETIME_BOUND)  // NOLINT: implicit
      : Base(m.data(), m.rows(), m.cols()) {}
  template <typename Other,
            std::enable_if_t<internal::is_readable<Other, Scalar>, int> = 0>
  ConstView(const Eigen::DenseBase<Other>& m)  // NOLINT: implicit
      : Base(m.derived().data(), m.rows(), m.cols()) {}
  ///@}
  // Explicit, so that it is a candidate for a named view alone, and not for the
  // argument of a function.
  template <typename Other>
  explicit ConstView(const Eigen::PlainObjectBase<Other>&& temporary) = delete;
};

/// Class labels, one per sample, counted from 0. DontAlign as in Matrix; an
/// Eigen::VectorXi can be assigned to it.
using Labels =
    Eigen::Matrix<int, Eigen::Dynamic, 1, Eigen::ColMajor | Eigen::DontAlign>;

/// Labels in somebody else's memory, to write to. Every vector of int turns
/// into it by itself, so does a piece of one, labels.head(n), and a column of a
/// matrix.
class LabelsView : public Eigen::Map<Labels> {
 public:
  /// What it is in Eigen: it can be used as that.
  using Base = Eigen::Map<Labels>;
  using Base::Base;
  using Base::operator=;
  /// Looks at the same memory.
  LabelsView(const LabelsView&) = default;
  /// Copies the labels of `other`, which has as many.
  LabelsView& operator=(const LabelsView& other) {
    Base::operator=(other);
    return *this;
  }
  ///@{
  /// Looks at the memory of a vector or of another view.
  template <typename Other,
            std::enable_if_t<internal::holds_labels<Other>, int> = 0>
  LabelsView(Eigen::PlainObjectBase<Other>& labels
                 NN_LIFETIME_BOUND)  // NOLINT: implicit
      : Base(labels.data(), labels.size()) {}
  template <typename Other,
            std::enable_if_t<internal::holds_writable_labels<Other>, int> = 0>
  LabelsView(const Eigen::DenseBase<Other>& labels)  // NOLINT: implicit
      : Base(Other(labels.derived()).data(), labels.size()) {}
  ///@}
};

/// Labels in somebody else's memory, to read from. Every vector of int turns
/// into it by itself, so does a piece of one, labels.head(n), and a column of a
/// matrix. It must not outlive that; for temporaries see ConstView.
class ConstLabels : public Eigen::Map<const Labels> {
 public:
  /// What it is in Eigen: it can be used as that.
  using Base = Eigen::Map<const Labels>;
  using Base::Base;
  ///@{
  /// Looks at the memory of a vector or of another view.
  template <typename Other,
            std::enable_if_t<internal::holds_labels<Other>, int> = 0>
  ConstLabels(const Eigen::PlainObjectBase<Other>& labels
                  NN_LIFETIME_BOUND)  // NOLINT: implicit
      : Base(labels.data(), labels.size()) {}
  template <typename Other,
            std::enable_if_t<!internal::is_owner<Other> &&
                                 internal::holds_labels<Other>,
                             int> = 0>
  ConstLabels(const Eigen::DenseBase<Other>& labels)  // NOLINT: implicit
      : Base(labels.derived().data(), labels.size()) {}
  ///@}
  template <typename Other>
  explicit ConstLabels(const Eigen::PlainObjectBase<Other>&& temporary) =
      delete;
};

///@{
/// Views by name, where a template must deduce the scalar; of no temporary.
template <typename Scalar>
View<Scalar> view(Matrix<Scalar>& m) {
  return View<Scalar>(m);
}
template <typename Scalar>
ConstView<Scalar> view(const Matrix<Scalar>& m) {
  return ConstView<Scalar>(m);
}
template <typename Scalar>
ConstView<Scalar> view(const Matrix<Scalar>&& temporary) = delete;
template <typename Scalar>
ConstView<Scalar> as_const(const View<Scalar>& m) {
  return ConstView<Scalar>(m);
}
inline ConstLabels view(const Labels& labels) {
  return ConstLabels(labels);
}
ConstLabels view(const Labels&& temporary) = delete;
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
