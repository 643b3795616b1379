#include "nn/parameter.h"

#include <utility>

#include "nn/check.h"
#include "parameter_budget.h"

namespace nn::internal {
namespace {

thread_local ParameterBudget* innermost = nullptr;

}  // namespace

ParameterBudget::ParameterBudget(std::string owner, Index elements)
    : owner_(std::move(owner)),
      elements_(elements),
      left_(elements),
      outer_(innermost) {
  innermost = this;
}

ParameterBudget::~ParameterBudget() {
  innermost = outer_;
}

void spend_parameters(Index rows, Index cols) {
  if (innermost == nullptr || rows <= 0 || cols <= 0) return;
  for (const auto* budget = innermost; budget; budget = budget->outer_) {
    check_argument(rows <= budget->left_ / cols,
                   "[",
                   innermost->owner_,
                   "] expected parameters of at most ",
                   budget->elements_,
                   " elements together, got one of ",
                   rows,
                   " x ",
                   cols,
                   " with ",
                   budget->left_,
                   " left");
  }
  for (auto* budget = innermost; budget; budget = budget->outer_) {
    budget->left_ -= rows * cols;
  }
}

}  // namespace nn::internal
