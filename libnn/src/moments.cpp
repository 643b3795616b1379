#include "nn/moments.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "first_non_finite.h"
#include "nn/check.h"

namespace nn {
namespace {

/// Columns that are taken in at a time, so that the second pass over them finds
/// those of a table of some hundred features in cache.
constexpr Index kPart = 256;

/// Two groups of values as one, whose means are offsets from the same origin:
/// docs/math/standardize.md, (5) and (6).
void merge(double count,
           double& offset,
           double& squares,
           double other_count,
           double other_offset,
           double other_squares) {
  const double share = other_count / (count + other_count);
  const double away = other_offset - offset;
  offset += share * away;
  squares += other_squares + count * share * away * away;
}

}  // namespace

template <typename Scalar>
void Moments::add_all(const ConstView<Scalar>& x) {
  check_argument(x.size() > 0,
                 "[Moments] expected at least 1 feature and 1 sample, got ",
                 x.rows(),
                 " x ",
                 x.cols());
  check_argument(count_ == 0 || x.rows() == size(),
                 "[Moments] expected ",
                 size(),
                 " rows as before, got ",
                 x.rows());
  const Index place = internal::first_non_finite(x.data(), x.size());
  if (place >= 0) {
    check_argument(false,
                   "[Moments] expected finite values, got ",
                   x.data()[place],
                   " for feature ",
                   place % x.rows(),
                   " of sample ",
                   count_ + place / x.rows());
  }
  const auto rows = static_cast<std::size_t>(x.rows());
  Moments all = *this;
  if (count_ == 0) {
    all.origin_.assign(x.data(), x.data() + rows);
    all.offset_.assign(rows, 0.0);
    all.squares_.assign(rows, 0.0);
  }
  std::vector<double> left(rows);
  std::vector<double> offset(rows);
  std::vector<double> squares(rows);
  std::vector<char> differ(rows);
  for (Index first = 0; first < x.cols(); first += kPart) {
    const Index count = std::min(kPart, x.cols() - first);
    const auto number = static_cast<double>(count);
    // The origin is taken away first: where all values are equal the rest is
    // exactly 0, and where they are large it is exact.
    const auto for_all = [&](const auto& body) {
      for (Index n = first; n < first + count; ++n) {
        const Scalar* const column = x.data() + n * x.rows();
        for (std::size_t i = 0; i < rows; ++i) {
          body(i, static_cast<double>(column[i]) - all.origin_[i]);
        }
      }
    };
    std::fill(offset.begin(), offset.end(), 0.0);
    std::fill(differ.begin(), differ.end(), 0);
    for_all([&](std::size_t i, double v) {
      offset[i] += v;
      if (v != 0.0) differ[i] = 1;
    });
    for (double& mean : offset) mean /= number;
    std::fill(left.begin(), left.end(), 0.0);
    std::fill(squares.begin(), squares.end(), 0.0);
    for_all([&](std::size_t i, double v) {
      const double away = v - offset[i];
      left[i] += away;
      squares[i] += away * away;
    });
    for (std::size_t i = 0; i < rows; ++i) {
      // What the mean's rounding left is in `left`, and is taken back.
      const double about_mean = squares[i] - left[i] * left[i] / number;
      merge(static_cast<double>(all.count_),
            all.offset_[i],
            all.squares_[i],
            number,
            offset[i],
            std::isnan(about_mean) ? about_mean : std::max(0.0, about_mean));
      // Squares of differences below 1e-162 are 0, as if there were none.
      check_argument(std::isfinite(all.squares_[i]) &&
                         (all.squares_[i] > 0.0 || differ[i] == 0),
                     "[Moments] expected values of which double can hold the "
                     "sum of squares, got others for feature ",
                     i,
                     "; another unit of it may do");
    }
    all.count_ += count;
  }
  *this = std::move(all);
}

void Moments::add(ConstView<float> x) {
  add_all(x);
}

void Moments::add(ConstView<double> x) {
  add_all(x);
}

std::vector<double> Moments::mean() const {
  std::vector<double> mean;
  for (std::size_t i = 0; i < origin_.size(); ++i) {
    mean.push_back(origin_[i] + offset_[i]);
  }
  return mean;
}

std::vector<double> Moments::deviation() const {
  std::vector<double> deviation;
  for (const double squares : squares_) {
    const double value = std::sqrt(squares / static_cast<double>(count_));
    deviation.push_back(value > 0 ? value : 1.0);
  }
  return deviation;
}

Moments Moments::of_groups(Index groups) const {
  check_argument(groups >= 1 && size() >= groups && size() % groups == 0,
                 "[Moments] expected rows for ",
                 groups,
                 " groups of equal size, got ",
                 size());
  const Index rows = size() / groups;
  const auto count = static_cast<double>(count_);
  Moments result;
  for (Index g = 0; g < groups; ++g) {
    const double origin = origin_[static_cast<std::size_t>(g * rows)];
    double offset = 0.0;
    double squares = 0.0;
    for (Index i = 0; i < rows; ++i) {
      const auto row = static_cast<std::size_t>(g * rows + i);
      merge(static_cast<double>(i) * count,
            offset,
            squares,
            count,
            origin_[row] - origin + offset_[row],
            squares_[row]);
    }
    check_argument(std::isfinite(squares),
                   "[Moments] expected values of which double can hold the sum "
                   "of squares, got others for group ",
                   g);
    result.origin_.push_back(origin);
    result.offset_.push_back(offset);
    result.squares_.push_back(squares);
  }
  result.count_ = count_ * rows;
  return result;
}

}  // namespace nn
