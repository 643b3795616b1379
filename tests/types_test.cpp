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

TEST_CASE("what would need a copy is no view", "[types]") {
  using RowMajor = Eigen::Matrix<float, -1, -1, Eigen::RowMajor>;
  using View = nn::ConstView<float>;
  CHECK_FALSE(std::is_convertible_v<const RowMajor&, View>);
  CHECK_FALSE(std::is_convertible_v<const Eigen::MatrixXd&, View>);
  Eigen::MatrixXf m(3, 3);
  CHECK_FALSE(std::is_convertible_v<decltype(m.topRows(2)), View>);
  CHECK_FALSE(std::is_convertible_v<decltype(m + m), View>);
  CHECK_FALSE(std::is_convertible_v<const Eigen::MatrixXf&, nn::View<float>>);
}

TEST_CASE("every vector of int turns into labels", "[types]") {
  const nn::Labels own = nn::Labels::Constant(3, 2);
  Eigen::VectorXi eigen = own;
  CHECK(sum_of(own) == 6);
  CHECK(sum_of(eigen) == 6);
  CHECK(sum_of(Eigen::Vector3i(1, 2, 4)) == 7);
  CHECK(sum_of(Eigen::Map<Eigen::VectorXi>(eigen.data(), 2)) == 4);
  CHECK(sum_of(Eigen::Map<const nn::Labels>(own.data(), 1)) == 2);
  CHECK_FALSE(std::is_convertible_v<Eigen::VectorXf, nn::ConstLabels>);
  CHECK_FALSE(std::is_convertible_v<Eigen::MatrixXi, nn::ConstLabels>);
  CHECK_FALSE(std::is_convertible_v<Eigen::RowVectorXi, nn::ConstLabels>);
}

TEST_CASE("nothing that libnn allocates asks Eigen for aligned memory",
          "[types]") {
  // How Eigen fulfils that depends on the flags of the file that asks.
  CHECK((nn::Matrix<float>::Options & Eigen::DontAlign) != 0);
  CHECK((nn::Matrix<double>::Options & Eigen::DontAlign) != 0);
  CHECK((nn::Labels::Options & Eigen::DontAlign) != 0);
}
