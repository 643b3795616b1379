#ifndef NN_MOMENTS_H_
#define NN_MOMENTS_H_

#include <vector>

#include "nn/types.h"

namespace nn {

/// Mean and standard deviation of every row of a matrix whose columns are
/// samples: of every feature.
///
///   const nn::Moments of_x(x);
///
/// Sums are taken in double, of distances to a sample and then to the mean, so
/// a mean far from zero costs no digits. docs/math/standardize.md.
class Moments {
 public:
  /// Of nothing yet: add() says how many rows there are.
  Moments() = default;
  ///@{
  /// Those of the rows of `x`, features x samples. Throws as add() does.
  explicit Moments(ConstView<float> x) { add(x); }
  explicit Moments(ConstView<double> x) { add(x); }
  ///@}

  ///@{
  /// Takes the columns of `x` in as well, so that samples may come in parts.
  /// Throws std::invalid_argument, and changes nothing, if x has other rows
  /// than what came before, no row or no column, or a value that is not finite,
  /// naming its place; or if double cannot hold the sum of squares.
  void add(ConstView<float> x);
  void add(ConstView<double> x);
  ///@}

  /// The number of rows; 0 of nothing.
  Index size() const { return static_cast<Index>(origin_.size()); }
  /// The number of columns so far.
  Index count() const { return count_; }
  /// The mean of every row.
  std::vector<double> mean() const;
  /// sqrt(mean of (x - mean)^2) of every row, divided by count() and not by one
  /// less. A row of equal values has 1, so that it can be divided by.
  std::vector<double> deviation() const;

  /// Those of groups of rows that follow each other, as the pixels of a channel
  /// do, taken together: a number for each of `groups` groups.
  /// Throws std::invalid_argument unless size() is a multiple of `groups` and
  /// at least that, or if double cannot hold the sum of squares.
  Moments of_groups(Index groups) const;

 private:
  template <typename Scalar>
  void add_all(const ConstView<Scalar>& x);

  Index count_ = 0;
  std::vector<double> origin_;   ///< the first sample
  std::vector<double> offset_;   ///< of the mean from it
  std::vector<double> squares_;  ///< about the mean, added up
};

}  // namespace nn

#endif  // NN_MOMENTS_H_
