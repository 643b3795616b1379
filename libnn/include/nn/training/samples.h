#ifndef NN_TRAINING_SAMPLES_H_
#define NN_TRAINING_SAMPLES_H_

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "nn/data/augmentation.h"
#include "nn/data/image_set.h"
#include "nn/moments.h"
#include "nn/types.h"

namespace nn {

/// What the outputs for some samples are to be: a label for each of them, or a
/// column of numbers; and what each sample counts. A view: it must not outlive
/// what it looks at.
template <typename Scalar>
class Targets {
 public:
  ///@{
  /// Labels, or targets x samples numbers.
  Targets(ConstLabels labels)  // NOLINT: implicit
      : labels_(labels), matrix_(nullptr, 0, 0) {}
  Targets(ConstView<Scalar> matrix)  // NOLINT: implicit
      : labels_(nullptr, 0), matrix_(matrix), has_labels_(false) {}
  ///@}
  /// The same with what each sample counts, one number for each; null where all
  /// count alike. An objective checks the numbers.
  Targets weighted(const Scalar* weights) const {
    Targets result = *this;
    result.weights_ = weights;
    return result;
  }

  /// Whether they are labels.
  bool has_labels() const { return has_labels_; }
  /// The number of samples.
  Index size() const { return has_labels_ ? labels_.size() : matrix_.cols(); }
  /// One a sample; none where they are a matrix.
  const ConstLabels& labels() const { return labels_; }
  /// A column a sample; of size zero where they are labels.
  const ConstView<Scalar>& matrix() const { return matrix_; }
  /// What each sample counts; of size zero where all count alike.
  ConstView<Scalar> weights() const {
    return {weights_, weights_ == nullptr ? 0 : size(), 1};
  }
  /// Those of `count` samples from `first` on. Not checked.
  Targets middle(Index first, Index count) const {
    const Scalar* const weights =
        weights_ == nullptr ? nullptr : weights_ + first;
    if (has_labels_) {
      return Targets(ConstLabels(labels_.data() + first, count))
          .weighted(weights);
    }
    return Targets(ConstView<Scalar>(matrix_.data() + first * matrix_.rows(),
                                     matrix_.rows(),
                                     count))
        .weighted(weights);
  }

 private:
  ConstLabels labels_;
  ConstView<Scalar> matrix_;
  const Scalar* weights_ = nullptr;
  bool has_labels_ = true;
};

/// Samples with what is to be learned of them, to train on or to measure by. It
/// looks at memory that must outlive it and stay unchanged.
///
///   x   features x samples      labels   samples, each in 0 .. classes-1
///                               target   targets x samples
template <typename Scalar>
class Samples {
  // Whether an argument turns into such a view, which may then be kept.
  template <typename Argument, typename ViewType>
  static constexpr bool kLasts = std::is_convertible_v<Argument, ViewType>&&
      std::is_constructible_v<ViewType, Argument>;
  template <typename T>
  static constexpr bool kAreTargets =
      kLasts<T, ConstLabels> || kLasts<T, ConstView<Scalar>>;
  template <typename T>
  using TargetView = std::
      conditional_t<kLasts<T, ConstLabels>, ConstLabels, ConstView<Scalar>>;

 public:
  /// The columns of a matrix: `x` is what turns into a ConstView<Scalar>,
  /// `targets` what turns into ConstLabels, or into a ConstView<Scalar> with a
  /// column for each sample. That of a temporary does not compile.
  /// Throws std::invalid_argument if there is not one label or column for each
  /// of them, or no sample.
  template <
      typename X,
      typename T,
      std::enable_if_t<kLasts<X, ConstView<Scalar>> && kAreTargets<T>, int> = 0>
  Samples(X&& x, T&& targets)
      : x_(std::forward<X>(x)),
        targets_(TargetView<T>(std::forward<T>(targets))) {
    check_matrix();
  }
  /// Images, which become numbers batch by batch, as nn::gather() says; the
  /// set as a whole stays in its bytes.
  /// Throws std::invalid_argument if there is no image, the bytes do not fit
  /// the number of labels, or the normalization's deviation is not above 0.
  Samples(const ImageSet& images, const Normalization& normalization);
  Samples(const ImageSet&& temporary, const Normalization&) = delete;

  /// Those that `indices` names, in that order; one may come more than once.
  /// Throws std::invalid_argument if there is none or an index is out of range.
  Samples subset(const std::vector<Index>& indices) const;
  /// Parts them at random: the second part has `share` of the samples, rounded,
  /// and of labels that share of each class; both keep the order that the
  /// samples have. The same seed gives the same parts.
  ///
  ///   const auto [learned, apart] = samples.split(/*share=*/0.2, /*seed=*/1);
  ///
  /// Throws std::invalid_argument unless the share is in 0 .. 1 and both parts
  /// have a sample.
  std::pair<Samples, Samples> split(double share, std::uint64_t seed) const;

  /// The same samples, of which each counts in losses as much as its weight
  /// says: one of weight 2 as two would. Those of weight 0 are left out, as
  /// subset() leaves out samples: no layer sees them. `weights` is what turns
  /// into a ConstView<Scalar>, a number for each column or image that there is,
  /// also where these are a subset; that of a temporary does not compile.
  ///
  ///   trainer.fit(nn::Samples<float>(x, target).weighted(weights));
  ///
  /// Accuracies, metrics and moments() count all samples alike.
  /// Throws std::invalid_argument unless all weights are finite and not
  /// negative, and that of one of these samples is above 0.
  template <typename W, std::enable_if_t<kLasts<W, ConstView<Scalar>>, int> = 0>
  Samples weighted(W&& weights) const {
    return with_weights(ConstView<Scalar>(std::forward<W>(weights)));
  }

  /// The number of samples, at least 1.
  Index size() const;
  /// The rows that a batch of them has.
  Index features() const;
  /// Whether each has a label, and not a column of numbers.
  bool has_labels() const { return targets_.has_labels(); }
  /// The numbers that are to be learned of a sample; 0 where it has a label.
  Index target_features() const { return targets_.matrix().rows(); }
  /// The label of sample `i`. Not checked.
  int label(Index i) const;
  /// The numbers that are to be learned of sample `i`. Not checked.
  ConstView<Scalar> target(Index i) const;
  /// The column or image that sample `i` is, which is another number in a
  /// subset. Not checked.
  Index place(Index i) const {
    return places_ == nullptr ? i : (*places_)[static_cast<std::size_t>(i)];
  }
  /// Whether weighted() gave them weights.
  bool has_weights() const { return weights_ != nullptr; }
  /// What sample `i` counts: 1 without weights. Not checked.
  Scalar weight(Index i) const {
    return weights_ == nullptr ? Scalar(1) : weights_[place(i)];
  }
  /// The images, or null if the samples are a matrix.
  const ImageSet* images() const { return images_; }
  /// That of the images.
  const Normalization& normalization() const { return normalization_; }

  /// Mean and deviation of every feature over these samples, images as numbers,
  /// for a Standardize in front of the network.
  /// Throws std::invalid_argument if one is not finite, naming feature and
  /// sample.
  Moments moments() const;
  /// The same of the numbers that are to be learned, for a Standardize at the
  /// network's end and for the units of a loss. Throws as the other, and if the
  /// samples have labels.
  Moments target_moments() const;

  /// Writes the `count` samples that `indices` names as columns of `x`, and
  /// their labels into `labels`.
  ///
  ///   x   features x count        labels   count
  ///
  /// Throws std::invalid_argument if sizes disagree, an index is out of range
  /// or the samples have no labels. Allocates nothing.
  void gather(const Index* indices,
              Index count,
              View<Scalar> x,
              LabelsView labels) const;
  /// The same for samples with numbers: their columns into `target`.
  ///
  ///   x   features x count        target   target_features x count
  ///
  /// Throws as the other does. Allocates nothing.
  void gather(const Index* indices,
              Index count,
              View<Scalar> x,
              View<Scalar> target) const;

 private:
  template <typename Copy>
  Moments moments_of(const char* what, Index rows, const Copy& copy) const;
  Samples with_weights(const ConstView<Scalar>& weights) const;
  void check_matrix() const;
  void check_gather(const Index* indices,
                    Index count,
                    const View<Scalar>& x,
                    bool labels,
                    Index rows,
                    Index columns) const;

  ConstView<Scalar> x_;
  Targets<Scalar> targets_;
  const Scalar* weights_ = nullptr;
  const ImageSet* images_ = nullptr;
  Normalization normalization_;
  /// Of a subset; shared by its copies.
  std::shared_ptr<const std::vector<Index>> places_;
};

}  // namespace nn

#endif  // NN_TRAINING_SAMPLES_H_
