#include "nn/training/samples.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "first_non_finite.h"
#include "nn/check.h"
#include "nn/random.h"
#include "option_checks.h"

namespace nn {
namespace {

/// Keeps the parts of a data set apart from whatever else is drawn from the
/// same seed.
constexpr std::uint64_t kSplitStream = 0x73706c6974u;

/// Samples that are copied at a time to be measured.
constexpr Index kMomentsPart = 256;

void check_indices(const Index* indices, Index count, Index size) {
  for (Index n = 0; n < count; ++n) {
    check_argument(0 <= indices[n] && indices[n] < size,
                   "[Samples] expected an index below ",
                   size,
                   ", got ",
                   indices[n],
                   " at place ",
                   n);
  }
}

}  // namespace

template <typename Scalar>
void Samples<Scalar>::check_matrix() const {
  check_argument(x_.cols() >= 1,
                 "[Samples] expected at least 1 sample, got none");
  check_argument(targets_.size() == x_.cols(),
                 "[Samples] expected ",
                 x_.cols(),
                 has_labels() ? " labels" : " columns of targets",
                 " for ",
                 x_.cols(),
                 " samples (columns), got ",
                 targets_.size());
}

template <typename Scalar>
Samples<Scalar>::Samples(const ImageSet& images,
                         const Normalization& normalization)
    : x_(nullptr, 0, 0),
      targets_(ConstLabels(nullptr, 0)),
      images_(&images),
      normalization_(normalization) {
  check_argument(images.size() >= 1,
                 "[Samples] expected at least 1 image, got none");
  internal::check_positive(
      "Samples", "deviation of the normalization", normalization.deviation);
  internal::check_rounding<Scalar>(
      "Samples", "deviation of the normalization", normalization.deviation);
  // To gather no image checks the set and writes nothing.
  nn::gather<Scalar>(images,
                     nullptr,
                     0,
                     normalization,
                     View<Scalar>(nullptr, images.shape.features(), 0),
                     LabelsView(nullptr, 0));
}

template <typename Scalar>
Samples<Scalar> Samples<Scalar>::with_weights(
    const ConstView<Scalar>& weights) const {
  const Index all = images_ != nullptr ? images_->size() : x_.cols();
  check_argument(weights.size() == all,
                 "[Samples] expected a weight for each of ",
                 all,
                 " samples, got ",
                 weights.size());
  for (Index i = 0; i < all; ++i) {
    const Scalar weight = weights.data()[i];
    check_argument(std::isfinite(weight) && weight >= 0,
                   "[Samples] expected finite weights of at least 0, got ",
                   weight,
                   " for sample ",
                   i);
  }
  std::vector<Index> counting;
  for (Index i = 0; i < size(); ++i) {
    if (weights.data()[place(i)] > 0) counting.push_back(i);
  }
  check_argument(!counting.empty(),
                 "[Samples] expected a weight above 0 for one of the ",
                 size(),
                 " samples, got none");
  Samples result =
      static_cast<Index>(counting.size()) == size() ? *this : subset(counting);
  result.weights_ = weights.data();
  return result;
}

template <typename Scalar>
Samples<Scalar> Samples<Scalar>::subset(
    const std::vector<Index>& indices) const {
  check_argument(!indices.empty(),
                 "[Samples] expected a subset of at least 1 sample, got none");
  check_indices(indices.data(), static_cast<Index>(indices.size()), size());
  std::vector<Index> places;
  places.reserve(indices.size());
  for (const Index i : indices) places.push_back(place(i));
  Samples result = *this;
  result.places_ =
      std::make_shared<const std::vector<Index>>(std::move(places));
  return result;
}

template <typename Scalar>
std::pair<Samples<Scalar>, Samples<Scalar>> Samples<Scalar>::split(
    double share, std::uint64_t seed) const {
  internal::check_share("Samples", "a share", share);
  // Samples without labels are all of one kind.
  std::map<int, std::vector<Index>> kinds;
  for (Index i = 0; i < size(); ++i) {
    kinds[has_labels() ? label(i) : 0].push_back(i);
  }
  Rng rng = Rng(seed).fork(kSplitStream);
  std::vector<Index> first;
  std::vector<Index> second;
  // The sizes add up to the share of all, rounded: each class has what is
  // missing after those before it.
  Index seen = 0;
  for (auto& [label, indices] : kinds) {
    rng.shuffle(indices);
    seen += static_cast<Index>(indices.size());
    const auto wanted =
        static_cast<Index>(std::lround(share * static_cast<double>(seen)));
    const Index taken =
        std::clamp<Index>(wanted - static_cast<Index>(second.size()),
                          0,
                          static_cast<Index>(indices.size()));
    second.insert(second.end(), indices.begin(), indices.begin() + taken);
    first.insert(first.end(), indices.begin() + taken, indices.end());
  }
  check_argument(!first.empty() && !second.empty(),
                 "[Samples] expected a share that leaves both parts a sample, "
                 "got ",
                 share,
                 " of ",
                 size());
  std::sort(first.begin(), first.end());
  std::sort(second.begin(), second.end());
  return {subset(first), subset(second)};
}

template <typename Scalar>
Index Samples<Scalar>::size() const {
  if (places_ != nullptr) return static_cast<Index>(places_->size());
  return images_ != nullptr ? images_->size() : x_.cols();
}

template <typename Scalar>
Index Samples<Scalar>::features() const {
  return images_ != nullptr ? images_->shape.features() : x_.rows();
}

template <typename Scalar>
int Samples<Scalar>::label(Index i) const {
  const Index at = place(i);
  return images_ != nullptr ? images_->labels[static_cast<std::size_t>(at)]
                            : targets_.labels()[at];
}

template <typename Scalar>
ConstView<Scalar> Samples<Scalar>::target(Index i) const {
  return targets_.middle(place(i), 1).matrix();
}

template <typename Scalar>
template <typename Copy>
Moments Samples<Scalar>::moments_of(const char* what,
                                    Index rows,
                                    const Copy& copy) const {
  Moments moments;
  Matrix<Scalar> part(rows, std::min(kMomentsPart, size()));
  for (Index first = 0; first < size(); first += kMomentsPart) {
    const Index count = std::min(kMomentsPart, size() - first);
    for (Index n = 0; n < count; ++n) {
      copy(place(first + n), View<Scalar>(part.col(n)));
    }
    const Index bad = internal::first_non_finite(part.data(), rows * count);
    if (bad >= 0) {
      check_argument(false,
                     "[Samples] expected finite ",
                     what,
                     "s, got ",
                     part.data()[bad],
                     " for ",
                     what,
                     " ",
                     bad % rows,
                     " of sample ",
                     place(first + bad / rows));
    }
    moments.add(part.leftCols(count));
  }
  return moments;
}

template <typename Scalar>
Moments Samples<Scalar>::moments() const {
  return moments_of("feature", features(), [this](Index i, View<Scalar> x) {
    if (images_ == nullptr) {
      x = x_.col(i);
      return;
    }
    int label = 0;
    nn::gather<Scalar>(
        *images_, &i, 1, normalization_, x, LabelsView(&label, 1));
  });
}

template <typename Scalar>
Moments Samples<Scalar>::target_moments() const {
  check_argument(!has_labels(),
                 "[Samples] expected samples with a matrix of targets, got "
                 "those with labels");
  return moments_of(
      "target", target_features(), [this](Index i, View<Scalar> target) {
        target = targets_.matrix().col(i);
      });
}

template <typename Scalar>
void Samples<Scalar>::check_gather(const Index* indices,
                                   Index count,
                                   const View<Scalar>& x,
                                   bool labels,
                                   Index rows,
                                   Index columns) const {
  check_argument(labels == has_labels(),
                 "[Samples] expected samples with ",
                 labels ? "labels" : "a matrix of targets",
                 ", got those with ",
                 labels ? "a matrix of targets" : "labels");
  const bool fits = x.rows() == features() && x.cols() == count &&
                    rows == (labels ? 1 : target_features()) &&
                    columns == count;
  check_argument(fits || !labels,
                 "[Samples] expected x of ",
                 features(),
                 " x ",
                 count,
                 " and ",
                 count,
                 " labels, got ",
                 x.rows(),
                 " x ",
                 x.cols(),
                 " and ",
                 columns);
  check_argument(fits,
                 "[Samples] expected x of ",
                 features(),
                 " x ",
                 count,
                 " and a target of ",
                 target_features(),
                 " x ",
                 count,
                 ", got ",
                 x.rows(),
                 " x ",
                 x.cols(),
                 " and ",
                 rows,
                 " x ",
                 columns);
  check_indices(indices, count, size());
}

template <typename Scalar>
void Samples<Scalar>::gather(const Index* indices,
                             Index count,
                             View<Scalar> x,
                             LabelsView labels) const {
  if (images_ != nullptr && places_ == nullptr) {
    nn::gather<Scalar>(*images_, indices, count, normalization_, x, labels);
    return;
  }
  check_gather(indices, count, x, true, 1, labels.size());
  for (Index n = 0; n < count; ++n) {
    const Index i = place(indices[n]);
    if (images_ != nullptr) {
      nn::gather<Scalar>(*images_,
                         &i,
                         1,
                         normalization_,
                         View<Scalar>(x.col(n)),
                         LabelsView(labels.data() + n, 1));
    } else {
      x.col(n) = x_.col(i);
      labels[n] = targets_.labels()[i];
    }
  }
}

template <typename Scalar>
void Samples<Scalar>::gather(const Index* indices,
                             Index count,
                             View<Scalar> x,
                             View<Scalar> target) const {
  check_gather(indices, count, x, false, target.rows(), target.cols());
  for (Index n = 0; n < count; ++n) {
    const Index i = place(indices[n]);
    x.col(n) = x_.col(i);
    target.col(n) = targets_.matrix().col(i);
  }
}

template class Samples<float>;
template class Samples<double>;

}  // namespace nn
