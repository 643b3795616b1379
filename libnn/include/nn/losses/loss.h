#ifndef NN_LOSSES_LOSS_H_
#define NN_LOSSES_LOSS_H_

#include "nn/types.h"

namespace nn {

/// A loss of a network's output against a target of the same shape:
///
///   loss = 1 / (features * N) * sum over all elements of l(y, target)
///
///   y, dy, target   features x N
///
/// the mean over all elements, PyTorch's default. The division happens here and
/// nowhere else. SoftmaxCrossEntropy, whose target is a label for each sample,
/// stands apart.
///
/// With a weight w_n for each sample, which then counts as w_n samples would:
///
///   loss = 1 / (features * sum of w_n) * sum over all elements of w_n l
///
/// as PyTorch's class weights do. One of weight 0 does not count whatever its
/// output is; if no sample counts, loss and gradient are 0.
/// docs/math/sample_weights.md.
template <typename Scalar>
class Loss {
 public:
  virtual ~Loss() = default;

  /// As in messages: "MeanSquaredError". A literal, since a long std::string
  /// would be allocated.
  virtual const char* name() const = 0;

  /// The loss alone.
  /// Throws std::invalid_argument if the sizes disagree, there is no element,
  /// or a target is one that the loss does not take.
  double evaluate(ConstView<Scalar> y, ConstView<Scalar> target) const;

  /// The loss, and its gradient by y written into `dy`, which may be y's own
  /// memory but not the target's. Allocates nothing.
  double evaluate(ConstView<Scalar> y,
                  ConstView<Scalar> target,
                  View<Scalar> dy) const;

  /// The weighted loss, and its gradient unless `dy` is no_view(). Allocates
  /// nothing.
  ///
  ///   weights   one for each sample; of size zero where all count alike
  ///
  /// Throws as the others, and if there are other than N weights or one is
  /// negative or not finite.
  double evaluate(ConstView<Scalar> y,
                  ConstView<Scalar> target,
                  View<Scalar> dy,
                  ConstView<Scalar> weights) const;

 protected:
  ///@{
  /// A loss holds its settings alone; what derives from it may be copied.
  Loss() = default;
  Loss(const Loss&) = default;
  Loss& operator=(const Loss&) = default;
  ///@}

 private:
  /// Throws std::invalid_argument if a target is one that the loss does not
  /// take. Its size is that of the output. Any will do here.
  virtual void check_target(const ConstView<Scalar>& /*target*/) const {}
  /// Returns the sum of l over all elements, which must not depend on the
  /// number of threads. Where `dy` is not null, writes dl/dy * scale into it.
  /// Sizes and targets have been checked; the samples are some of the batch.
  virtual double do_evaluate(ConstView<Scalar> y,
                             ConstView<Scalar> target,
                             Scalar scale,
                             Scalar* dy) const = 0;

  double checked(const ConstView<Scalar>& y,
                 const ConstView<Scalar>& target,
                 Scalar* dy,
                 const ConstView<Scalar>& weights) const;
};

}  // namespace nn

#endif  // NN_LOSSES_LOSS_H_
