#ifndef NN_OPTIMIZERS_OPTIMIZER_H_
#define NN_OPTIMIZERS_OPTIMIZER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nn/parallel.h"
#include "nn/parameter.h"

namespace nn {

/// What an optimizer does differently for some of its parameters; see
/// Optimizer::set_group().
struct GroupOptions {
  /// These parameters learn at learning_rate_scale * learning_rate(). At 0 they
  /// are frozen.
  double learning_rate_scale = 1.0;
  /// In place of the optimizer's weight decay, where given.
  std::optional<double> weight_decay;
  /// l1 * sign(w) is added to the gradient: that of the penalty
  /// l1 * sum |w|, with the subgradient 0 at w = 0.
  double l1 = 0.0;
};

/// What an optimizer carries from one step to the next, beside its learning
/// rate; files/optimizer_file.h saves and loads it.
template <typename Scalar>
struct OptimizerState {
  /// One number for every element of the parameters, in their order.
  struct Array {
    std::string name;        ///< as PyTorch names it: "momentum_buffer"
    Matrix<Scalar>* values;  ///< element_count() x 1; the optimizer's own
  };
  std::string kind;               ///< "Sgd"
  std::vector<Array> arrays;      ///< those that its options make it keep
  std::int64_t* steps = nullptr;  ///< the steps so far, if it counts them
};

/// Changes parameters by their gradients. Create it once for all parameters of
/// a network and call step() once a batch, after backward().
template <typename Scalar>
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// One update of every parameter. Allocates nothing.
  virtual void step() = 0;

  /// What the steps so far have left. The pointers stay valid as long as the
  /// optimizer.
  virtual OptimizerState<Scalar> state() = 0;

  /// All that step() changes.
  const std::vector<Parameter<Scalar>*>& parameters() const {
    return parameters_;
  }

  /// The rate of the next step().
  double learning_rate() const { return learning_rate_; }
  /// Throws std::invalid_argument unless the rate is finite and not negative.
  void set_learning_rate(double learning_rate);

  /// Gives some of the parameters settings of their own, from the next step
  /// on; those that were theirs before are replaced. No weight decay for the
  /// biases, say:
  ///
  ///   nn::GroupOptions no_decay;
  ///   no_decay.weight_decay = 0.0;
  ///   optimizer.set_group(biases, no_decay);
  ///
  /// Throws std::invalid_argument if one of them is not the optimizer's, or
  /// unless all numbers are finite and not negative; then nothing is changed.
  void set_group(const std::vector<Parameter<Scalar>*>& parameters,
                 const GroupOptions& options);

 protected:
  /// The parameters must outlive the optimizer and keep their sizes.
  /// Throws std::invalid_argument if a pointer is null or comes twice, or
  /// unless both numbers are finite and not negative.
  Optimizer(std::vector<Parameter<Scalar>*> parameters,
            double learning_rate,
            double weight_decay = 0.0);

  /// The elements of all parameters together: the size of what an optimizer
  /// keeps for each of them.
  Index element_count() const { return element_count_; }

  /// Neighbouring elements of one parameter, and what holds for them.
  struct Slice {
    const Scalar* grad;    ///< `count` elements
    Scalar* value;         ///< `count` elements
    Index count;           ///< at least 1
    Index offset;          ///< of the first among the element_count() of all
    double learning_rate;  ///< of the parameter's group
    double weight_decay;   ///< of the parameter's group
    double l1;             ///< of the parameter's group
  };

  /// Calls update(slice) for slices that cover all elements, on up to
  /// num_threads() threads where there are many. Where they are cut depends on
  /// sizes alone. Throws std::invalid_argument, before the first call, if the
  /// size of a parameter or of its gradient has changed. Allocates nothing.
  template <typename Update>
  void for_each_slice(const Update& update) const {
    check_sizes();
    const auto slices = static_cast<Index>(pieces_.size());
    // Little work is done before another thread has woken up.
    if (element_count_ <= 2 * kSliceSize) {
      for (Index i = 0; i < slices; ++i) update(slice(i));
    } else {
      parallel_for(slices, [&](Index i, int) { update(slice(i)); });
    }
  }

 private:
  /// With up to five arrays a slice, this still fits a second-level cache, and
  /// takes long against the microsecond of handing out a task.
  static constexpr Index kSliceSize = 8192;

  struct Piece {
    std::size_t parameter;
    Index first;
    Index count;
  };

  void check_sizes() const;
  Slice slice(Index i) const;

  std::vector<Parameter<Scalar>*> parameters_;
  double learning_rate_;
  double weight_decay_;
  std::vector<GroupOptions> groups_;  ///< one a parameter
  std::vector<Index> offsets_;        ///< of each parameter, and the end
  std::vector<Piece> pieces_;
  Index element_count_ = 0;
};

}  // namespace nn

#endif  // NN_OPTIMIZERS_OPTIMIZER_H_
