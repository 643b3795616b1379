#ifndef NN_OPTIMIZERS_OPTIMIZER_H_
#define NN_OPTIMIZERS_OPTIMIZER_H_

#include <vector>

#include "nn/parameter.h"

namespace nn {

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

  double learning_rate() const { return learning_rate_; }
  /// Throws std::invalid_argument unless the rate is finite and not negative.
  void set_learning_rate(double learning_rate);

 protected:
  /// The parameters must outlive the optimizer.
  /// Throws std::invalid_argument if a pointer is null or the rate is invalid.
  Optimizer(std::vector<Parameter<Scalar>*> parameters, double learning_rate);

  const std::vector<Parameter<Scalar>*>& parameters() const {
    return parameters_;
  }

 private:
  std::vector<Parameter<Scalar>*> parameters_;
  double learning_rate_;
};

}  // namespace nn

#endif  // NN_OPTIMIZERS_OPTIMIZER_H_
