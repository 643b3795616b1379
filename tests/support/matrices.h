#ifndef NN_TESTS_SUPPORT_MATRICES_H_
#define NN_TESTS_SUPPORT_MATRICES_H_

#include <algorithm>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <type_traits>
#include <vector>

#include "nn/random.h"
#include "nn/types.h"

namespace nn_test {

/// One sample (column) per list.
template <typename Scalar>
nn::Matrix<Scalar> samples(
    std::initializer_list<std::initializer_list<Scalar>> columns) {
  nn::Matrix<Scalar> m(static_cast<nn::Index>(columns.begin()->size()),
                       static_cast<nn::Index>(columns.size()));
  nn::Index n = 0;
  for (const auto& column : columns) {
    std::copy(column.begin(), column.end(), m.col(n++).data());
  }
  return m;
}

/// Standard normal elements.
template <typename Scalar>
nn::Matrix<Scalar> normal_matrix(nn::Index rows, nn::Index cols, nn::Rng& rng) {
  nn::Matrix<Scalar> m(rows, cols);
  for (nn::Index i = 0; i < m.size(); ++i) {
    m.data()[i] = static_cast<Scalar>(rng.normal());
  }
  return m;
}

/// Elements of random sign whose size is between 0.05 and 1.5: away from a kink
/// at zero by much more than the step of check_gradients().
template <typename Scalar>
nn::Matrix<Scalar> matrix_away_from_zero(nn::Index rows,
                                         nn::Index cols,
                                         nn::Rng& rng) {
  nn::Matrix<Scalar> m(rows, cols);
  for (nn::Index i = 0; i < m.size(); ++i) {
    const double size = rng.uniform(0.05, 1.5);
    m.data()[i] = static_cast<Scalar>(rng.index(2) == 0 ? size : -size);
  }
  return m;
}

/// In each column, a shuffled grid of values that are 0.05 apart: no two are
/// tied, nor can a step of check_gradients() change which one is larger.
template <typename Scalar>
nn::Matrix<Scalar> matrix_without_ties(nn::Index rows,
                                       nn::Index cols,
                                       nn::Rng& rng) {
  nn::Matrix<Scalar> m(rows, cols);
  std::vector<nn::Index> order(static_cast<std::size_t>(rows));
  for (nn::Index n = 0; n < cols; ++n) {
    for (nn::Index i = 0; i < rows; ++i) {
      order[static_cast<std::size_t>(i)] = i;
    }
    rng.shuffle(order);
    for (nn::Index i = 0; i < rows; ++i) {
      const auto rank = static_cast<double>(order[static_cast<std::size_t>(i)]);
      m(i, n) = static_cast<Scalar>(0.05 * (rank - 0.5 * double(rows)) + 0.01);
    }
  }
  return m;
}

/// Equal size and equal bytes: also NaN equals NaN, and 0 is not -0.
template <typename A, typename B>
bool same_bits(const A& a, const B& b) {
  static_assert(std::is_same_v<typename A::Scalar, typename B::Scalar>);
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         (a.size() == 0 || std::memcmp(a.data(),
                                       b.data(),
                                       static_cast<std::size_t>(a.size()) *
                                           sizeof(typename A::Scalar)) == 0);
}

/// The largest |a - b|, over the largest |b| or 1. Infinite if the sizes differ
/// or a NaN is among them.
template <typename A, typename B>
double relative_difference(const A& a, const B& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols()) {
    return std::numeric_limits<double>::infinity();
  }
  double difference = 0;
  double largest = 1;
  for (nn::Index c = 0; c < a.cols(); ++c) {
    for (nn::Index r = 0; r < a.rows(); ++r) {
      const double d = std::abs(double(a(r, c)) - double(b(r, c)));
      if (!(d >= 0)) return std::numeric_limits<double>::infinity();
      difference = std::max(difference, d);
      largest = std::max(largest, std::abs(double(b(r, c))));
    }
  }
  return difference / largest;
}

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_MATRICES_H_
