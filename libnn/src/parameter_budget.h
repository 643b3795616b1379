#ifndef NN_SRC_PARAMETER_BUDGET_H_
#define NN_SRC_PARAMETER_BUDGET_H_

#include <string>

#include "nn/types.h"

namespace nn::internal {

/// In its scope the Parameters that this thread makes may have `elements`
/// together; one more throws std::invalid_argument before its memory is
/// reserved. It so bounds what building a layer from a file may cost without
/// knowing the layer. Scopes nest, and all of them hold.
class ParameterBudget {
 public:
  /// `owner` complains: "Linear".
  ParameterBudget(std::string owner, Index elements);
  ~ParameterBudget();
  ParameterBudget(const ParameterBudget&) = delete;
  ParameterBudget& operator=(const ParameterBudget&) = delete;

 private:
  friend void spend_parameters(Index rows, Index cols);

  std::string owner_;
  Index elements_;
  Index left_;
  ParameterBudget* outer_;
};

}  // namespace nn::internal

#endif  // NN_SRC_PARAMETER_BUDGET_H_
