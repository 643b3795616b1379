#include "nn/types.h"

#include <type_traits>
#include <utility>

#include "support/catch.h"

namespace {

float first_of(nn::ConstView<float> x) {
  return x(0, 0);
}
void fill(nn::View<float> x, float value) {
  x.setConstant(value);
}

int sum_of(nn::ConstLabels labels) {
  return labels.sum();
}

// The elements are the expression's own, read and written. `Expression` is
// deduced as an argument's type is: a reference for what has a name.
template <typename Expression>
void check_writable(Expression&& expression) {
  static_assert(std::is_convertible_v<Expression, nn::View<float>>);
  static_assert(std::is_convertible_v<Expression, nn::ConstView<float>>);
  const nn::Matrix<float> before = expression.matrix();
  nn::View<float> view = expression;
  CHECK(view == before);
  CHECK(nn::ConstView<float>(expression) == before);
  for (nn::Index j = 0; j < view.cols(); ++j) {
    for (nn::Index i = 0; i < view.rows(); ++i) view(i, j) += 1000.0f;
  }
  const nn::Matrix<float> more = before.array() + 1000.0f;
  CHECK(nn::Matrix<float>(expression.matrix()) == more);
  view = before;
  CHECK(nn::Matrix<float>(expression.matrix()) == before);
}

template <typename Expression>
void check_readable(Expression&& expression) {
  static_assert(std::is_convertible_v<Expression, nn::ConstView<float>>);
  static_assert(!std::is_constructible_v<nn::View<float>, Expression>);
  const nn::ConstView<float> view = expression;
  CHECK(view == nn::Matrix<float>(expression.matrix()));
}

template <typename Expression>
void check_no_view(Expression&& /*expression*/) {
  static_assert(!std::is_constructible_v<nn::ConstView<float>, Expression>);
  static_assert(!std::is_constructible_v<nn::View<float>, Expression>);
}

template <typename Expression>
void check_labels(Expression&& expression) {
  static_assert(std::is_convertible_v<Expression, nn::ConstLabels>);
  const nn::ConstLabels labels = expression;
  CHECK(labels == nn::Labels(expression));
}

// The expression can be written to.
template <typename Expression>
void check_mutable_labels(Expression&& expression) {
  check_labels(expression);
  static_assert(std::is_convertible_v<Expression, nn::LabelsView>);
  nn::LabelsView labels = expression;
  labels[0] += 40;
  CHECK(expression[0] == labels[0]);
}

template <typename Expression>
void check_no_labels(Expression&& /*expression*/) {
  static_assert(!std::is_constructible_v<nn::ConstLabels, Expression>);
  static_assert(!std::is_constructible_v<nn::LabelsView, Expression>);
}

// A number for each place, so that an element from elsewhere shows.
template <typename MatrixType>
MatrixType numbered(nn::Index rows, nn::Index cols) {
  using Scalar = typename MatrixType::Scalar;
  MatrixType m(rows, cols);
  for (nn::Index j = 0; j < cols; ++j) {
    for (nn::Index i = 0; i < rows; ++i) {
      m(i, j) = static_cast<Scalar>(1 + i + 10 * j);
    }
  }
  return m;
}

using RowMajor =
    Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

}  // namespace

TEST_CASE("column-major matrices and whole columns turn into views",
          "[types]") {
  nn::Matrix<float> own(2, 3);
  Eigen::MatrixXf eigen(2, 3);
  Eigen::Matrix2f fixed;
  Eigen::VectorXf vector(4);
  fill(own, 1.0f);
  fill(eigen, 2.0f);
  fill(fixed, 3.0f);
  fill(vector, 4.0f);
  fill(own.rightCols(1), 5.0f);
  fill(eigen.col(1), 6.0f);
  CHECK(own(1, 1) == 1.0f);
  CHECK(own(1, 2) == 5.0f);
  CHECK(first_of(own) == 1.0f);
  CHECK(first_of(own.middleCols(2, 1)) == 5.0f);
  CHECK(first_of(eigen) == 2.0f);
  CHECK(first_of(std::as_const(eigen).col(1)) == 6.0f);
  CHECK(first_of(fixed) == 3.0f);
  CHECK(first_of(vector) == 4.0f);
}

TEST_CASE("a view of every contiguous expression has its elements", "[types]") {
  auto own = numbered<nn::Matrix<float>>(5, 7);
  auto eigen = numbered<Eigen::MatrixXf>(5, 7);
  auto fixed = numbered<Eigen::Matrix<float, 5, 7>>(5, 7);
  auto column = numbered<Eigen::VectorXf>(5, 1);
  auto row = numbered<Eigen::RowVectorXf>(1, 7);
  auto row_major = numbered<RowMajor>(5, 7);
  auto array = numbered<Eigen::ArrayXXf>(5, 7);
  nn::View<float> view(own);
  Eigen::Map<Eigen::MatrixXf> map(eigen.data(), 5, 7);
  Eigen::Map<Eigen::MatrixXf, 0, Eigen::OuterStride<>> spread(
      eigen.data(), 3, 6, Eigen::OuterStride<>(5));
  Eigen::Ref<Eigen::MatrixXf> ref(eigen);
  Eigen::Ref<Eigen::VectorXf> ref_column(column);

  check_writable(own);
  check_writable(eigen);
  check_writable(fixed);
  check_writable(column);
  check_writable(row);
  check_writable(array);
  check_writable(view);
  check_writable(map);
  check_writable(ref_column);
  check_writable(Eigen::Map<Eigen::VectorXf>(column.data(), 3));
  // Whole columns, and whole columns of those.
  check_writable(own.leftCols(4));
  check_writable(own.rightCols<3>());
  check_writable(own.middleCols(2, 3));
  check_writable(own.middleCols(1, 5).rightCols(3).leftCols(2));
  check_writable(eigen.leftCols(4).col(2));
  check_writable(fixed.leftCols<4>().rightCols<2>());
  check_writable(view.rightCols(4).leftCols(2));
  check_writable(map.rightCols(4).leftCols(2));
  // A single column is contiguous wherever it comes from, so is a piece of it.
  check_writable(own.col(3));
  check_writable(own.col(3).head(2));
  check_writable(own.col(3).segment(1, 3).tail(2));
  check_writable(own.topRows(2).col(3));
  check_writable(own.topRows(2).leftCols(4).col(3));
  check_writable(spread.col(4));
  check_writable(ref.col(4).tail(3));
  check_writable(ref_column.head(3));
  check_writable(column.middleRows(1, 3).segment(1, 2));
  check_writable(row.head(4));
  check_writable(row.tail(5).leftCols(2));
  check_writable(row_major.row(2));
  check_writable(row_major.row(2).segment(1, 4));
  const auto handle = own.leftCols(3);
  check_writable(handle);

  const auto& fixed_in_place = std::as_const(eigen);
  const nn::ConstView<float> reader(own);
  const Eigen::Map<const Eigen::MatrixXf> const_map(eigen.data(), 5, 7);
  const Eigen::Ref<const Eigen::VectorXf> const_ref(column);
  check_readable(fixed_in_place);
  check_readable(reader);
  check_readable(const_map);
  check_readable(const_ref);
  check_readable(reader.leftCols(3));
  check_readable(reader.middleCols(1, 5).rightCols(3));
  check_readable(const_map.rightCols(3).leftCols(2));
  check_readable(fixed_in_place.middleCols(1, 5).rightCols(3));
  check_readable(fixed_in_place.topRows(3).col(2));
  check_readable(const_ref.segment(1, 3));
}

TEST_CASE("what would need a copy is no view", "[types]") {
  auto own = numbered<nn::Matrix<float>>(5, 7);
  auto eigen = numbered<Eigen::MatrixXf>(5, 7);
  auto fixed = numbered<Eigen::Matrix<float, 5, 7>>(5, 7);
  auto column = numbered<Eigen::VectorXf>(5, 1);
  auto row_major = numbered<RowMajor>(5, 7);
  nn::View<float> view(own);
  const nn::ConstView<float> reader(own);
  Eigen::Map<Eigen::MatrixXf> map(eigen.data(), 5, 7);
  Eigen::Map<Eigen::MatrixXf, 0, Eigen::OuterStride<>> spread(
      eigen.data(), 3, 6, Eigen::OuterStride<>(5));
  Eigen::Map<Eigen::MatrixXf, 0, Eigen::OuterStride<5>> spread_fixed(
      eigen.data(), 3, 6);
  Eigen::Map<Eigen::VectorXf, 0, Eigen::InnerStride<2>> every_second(
      eigen.data(), 5);
  Eigen::Map<Eigen::VectorXf, 0, Eigen::InnerStride<>> every_nth(
      eigen.data(), 5, Eigen::InnerStride<>(3));
  Eigen::Ref<Eigen::MatrixXf> ref(eigen);

  check_no_view(row_major);
  check_no_view(numbered<Eigen::MatrixXd>(2, 2));
  check_no_view(own + own);
  check_no_view(own * 2.0f);
  check_no_view(own.array().exp());
  check_no_view(own.colwise().reverse());
  check_no_view(own.transpose());
  check_no_view(own.diagonal());
  // Rows of it, and columns of those: a table without its last row.
  check_no_view(own.topRows(2));
  check_no_view(own.topRows(2).leftCols(4));
  check_no_view(own.topRows(2).leftCols(4).middleCols(1, 2));
  check_no_view(own.bottomRows(2).leftCols(4));
  check_no_view(own.leftCols(4).topRows(2));
  check_no_view(own.leftCols(4).topRows(2).rightCols(2));
  check_no_view(own.block(1, 1, 3, 2));
  check_no_view(own.block<3, 2>(1, 1));
  check_no_view(own.block(1, 1, 3, 4).leftCols(2));
  check_no_view(std::as_const(own).topRows(2).leftCols(4));
  check_no_view(eigen.topRows(2).leftCols(4));
  check_no_view(fixed.topRows<2>().leftCols<4>());
  check_no_view(view.topRows(2).leftCols(4));
  check_no_view(reader.topRows(2).leftCols(4));
  check_no_view(map.topRows(2).leftCols(4));
  // A row, and pieces of one.
  check_no_view(own.row(2));
  check_no_view(own.row(2).head(3));
  check_no_view(own.topRows(2).row(1));
  check_no_view(row_major.col(2));
  check_no_view(row_major.leftCols(2));
  // Maps and references that may have gaps, and columns of those.
  check_no_view(spread);
  check_no_view(spread_fixed);
  check_no_view(every_second);
  check_no_view(every_nth);
  check_no_view(every_second.head(2));
  check_no_view(every_nth.segment(1, 2));
  check_no_view(spread.leftCols(2));
  check_no_view(spread_fixed.leftCols(2));
  check_no_view(spread.leftCols(4).rightCols(2));
  check_no_view(ref);
  check_no_view(ref.leftCols(2));
  check_no_view(ref.rightCols(4).leftCols(2));
}

TEST_CASE("a view of a temporary is no more than an argument", "[types]") {
  using Plain = nn::Matrix<float>;
  using Reader = nn::ConstView<float>;
  CHECK(first_of(Plain::Constant(2, 2, 3.0f).eval()) == 3.0f);
  CHECK(first_of(Plain(Plain::Constant(2, 2, 4.0f))) == 4.0f);
  CHECK(std::is_convertible_v<Plain, Reader>);
  CHECK_FALSE(std::is_constructible_v<Reader, Plain>);
  CHECK_FALSE(std::is_constructible_v<Reader, const Plain>);
  CHECK_FALSE(std::is_constructible_v<Reader, Eigen::MatrixXf>);
  CHECK_FALSE(std::is_constructible_v<Reader, Eigen::VectorXf>);
  CHECK_FALSE(std::is_constructible_v<nn::View<float>, Plain>);
  CHECK(std::is_constructible_v<Reader, Plain&>);
  CHECK(std::is_constructible_v<Reader, const Plain&>);
  // A view that is a temporary itself looks at memory that is none.
  CHECK(std::is_constructible_v<Reader, Reader>);
  CHECK(std::is_constructible_v<Reader, nn::View<float>>);
  CHECK(std::is_convertible_v<nn::Labels, nn::ConstLabels>);
  CHECK_FALSE(std::is_constructible_v<nn::ConstLabels, nn::Labels>);
  CHECK_FALSE(std::is_constructible_v<nn::ConstLabels, Eigen::Vector3i>);
  CHECK(std::is_constructible_v<nn::ConstLabels, nn::Labels&>);
}

TEST_CASE("every vector of int turns into labels", "[types]") {
  const nn::Labels own = nn::Labels::Constant(3, 2);
  Eigen::VectorXi eigen = own;
  CHECK(sum_of(own) == 6);
  CHECK(sum_of(eigen) == 6);
  CHECK(sum_of(Eigen::Vector3i(1, 2, 4)) == 7);
  CHECK(sum_of(Eigen::Map<Eigen::VectorXi>(eigen.data(), 2)) == 4);
  CHECK(sum_of(Eigen::Map<const nn::Labels>(own.data(), 1)) == 2);
  nn::Matrix<int> table = numbered<nn::Matrix<int>>(4, 3);
  Eigen::Ref<Eigen::VectorXi> ref(eigen);
  check_labels(own.head(2));
  check_labels(eigen.segment(1, 2).tail(1));
  check_labels(table.col(1));
  check_labels(table.topRows(3).col(2).tail(2));
  check_labels(
      Eigen::Map<Eigen::VectorXi, 0, Eigen::InnerStride<1>>(eigen.data(), 3));
  check_labels(ref);
  check_labels(nn::ConstLabels(own));
  // Labels that stand in a row of a table have other numbers between them.
  check_no_labels(table.row(1));
  check_no_labels(table.row(1).transpose());
  check_no_labels(table.leftCols(1).topRows(2));
  check_no_labels(
      Eigen::Map<Eigen::VectorXi, 0, Eigen::InnerStride<2>>(eigen.data(), 2));
  check_no_labels(Eigen::Map<Eigen::VectorXi, 0, Eigen::InnerStride<>>(
      eigen.data(), 2, Eigen::InnerStride<>(1)));
  check_no_labels((own + own).eval().cast<float>());
  CHECK_FALSE(std::is_convertible_v<Eigen::VectorXf, nn::ConstLabels>);
  CHECK_FALSE(std::is_convertible_v<Eigen::MatrixXi, nn::ConstLabels>);
  CHECK_FALSE(std::is_convertible_v<Eigen::RowVectorXi, nn::ConstLabels>);
}

TEST_CASE("every vector of int that may be written turns into a labels view",
          "[types]") {
  nn::Labels own = nn::Labels::Constant(3, 2);
  Eigen::VectorXi eigen = own;
  Eigen::Vector3i three(1, 2, 4);
  nn::Matrix<int> table = numbered<nn::Matrix<int>>(4, 3);
  Eigen::Ref<Eigen::VectorXi> ref(eigen);
  check_mutable_labels(own);
  check_mutable_labels(eigen);
  check_mutable_labels(three);
  check_mutable_labels(own.segment(1, 2));
  check_mutable_labels(table.col(1));
  check_mutable_labels(table.topRows(3).col(2).tail(2));
  check_mutable_labels(ref);
  check_mutable_labels(Eigen::Map<nn::Labels>(own.data(), 2));
  check_mutable_labels(nn::LabelsView(own));
  CHECK(own == nn::Labels((nn::Labels(3) << 122, 42, 2).finished()));
  CHECK_FALSE(std::is_constructible_v<nn::LabelsView, const nn::Labels&>);
  CHECK_FALSE(std::is_constructible_v<nn::LabelsView, nn::Labels>);
  CHECK_FALSE(std::is_constructible_v<nn::LabelsView, nn::ConstLabels>);
  const nn::Labels& fixed = own;
  CHECK_FALSE(std::is_constructible_v<nn::LabelsView, decltype(fixed.head(2))>);
  // An assignment copies labels, it looks nowhere else.
  nn::LabelsView first(own.data(), 1);
  first = nn::LabelsView(own.data() + 2, 1);
  CHECK(own[0] == 2);
}

TEST_CASE("nothing that libnn allocates asks Eigen for aligned memory",
          "[types]") {
  // How Eigen fulfils that depends on the flags of the file that asks.
  CHECK((nn::Matrix<float>::Options & Eigen::DontAlign) != 0);
  CHECK((nn::Matrix<double>::Options & Eigen::DontAlign) != 0);
  CHECK((nn::Labels::Options & Eigen::DontAlign) != 0);
}
