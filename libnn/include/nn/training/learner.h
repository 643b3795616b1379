#ifndef NN_TRAINING_LEARNER_H_
#define NN_TRAINING_LEARNER_H_

#include <functional>

#include "nn/files/safetensors.h"
#include "nn/losses/softmax_cross_entropy.h"
#include "nn/network/sequential.h"
#include "nn/training/objective.h"
#include "nn/training/samples.h"
#include "nn/types.h"

namespace nn {

/// What something carries through a training, as a safetensors file would hold
/// it: tensors by name, and texts.
using StateDict = SafetensorsFile;

/// What a training loop asks of what is trained: a step on a batch, outputs for
/// a batch, and a state that can be saved. NetworkLearner is libnn's own;
/// another framework is another one, made from the same nn::Sequential.
///
///   x   features x N        outputs   output features x N
template <typename Scalar>
class Learner {
 public:
  virtual ~Learner() = default;
  Learner(const Learner&) = delete;
  Learner& operator=(const Learner&) = delete;

  /// What step() minimizes, and what the outputs are measured by.
  virtual const Objective<Scalar>& objective() const = 0;
  /// The network that is trained, or that holds its layers: with the present
  /// values after fetch().
  virtual Sequential<Scalar>& network() = 0;
  ///@{
  /// Where the values are not the network's own: fetch() brings them into
  /// network(), put() takes them from there. Nothing to do here.
  virtual void fetch() {}
  virtual void put() {}
  ///@}
  /// Whether it can still be trained: not if the network has got other
  /// parameters since the learner was made. Always here.
  virtual bool is_intact() { return true; }

  /// One step: forward, loss, backward, update at `learning_rate`. Returns loss
  /// and correct predictions of the batch from before the update. Where the
  /// loss is not finite nothing is updated, so that the values which led to it
  /// can be looked at. None but the first step and larger batches allocates.
  virtual LossResult step(ConstView<Scalar> x,
                          const Targets<Scalar>& targets,
                          double learning_rate) = 0;
  /// Throws std::invalid_argument if a layer cannot be trained on a batch of as
  /// many samples as `x` has. Changes nothing. All will do here.
  virtual void check_batch(ConstView<Scalar> /*x*/) {}
  /// Writes the outputs in inference mode, before a final Softmax.
  virtual void outputs(ConstView<Scalar> x, View<Scalar> outputs) = 0;

  /// The rate of a step where no schedule says it.
  virtual double learning_rate() const = 0;
  /// Goes on as if so many steps had been taken: what is drawn next, as by
  /// Dropout, is what would be drawn after them.
  virtual void set_steps(Index steps) = 0;

  /// All that the next step depends on: values, what the optimizer keeps,
  /// draws.
  virtual StateDict state() = 0;
  /// Checks a state that state() gave, of a learner that was made alike, and
  /// trusts nothing in it. Returns a function that takes it over, to the bit,
  /// and does not fail.
  /// Throws std::runtime_error with what was expected and what was found.
  virtual std::function<void()> restoring(const StateDict& state) = 0;

 protected:
  Learner() = default;
};

}  // namespace nn

#endif  // NN_TRAINING_LEARNER_H_
