#include "nn/network/workspace.h"

#include "network/workspace_state.h"
#include "nn/check.h"

namespace nn {

template <typename Scalar>
Workspace<Scalar>::Workspace() : state_(std::make_unique<State>()) {}
template <typename Scalar>
Workspace<Scalar>::~Workspace() = default;
template <typename Scalar>
Workspace<Scalar>::Workspace(Workspace&&) noexcept = default;
template <typename Scalar>
Workspace<Scalar>& Workspace<Scalar>::operator=(Workspace&&) noexcept = default;

template <typename Scalar>
std::size_t Workspace<Scalar>::size_bytes() const {
  return state_ ? state_->memory.size_bytes() + state_->scratch.size_bytes()
                : 0;
}

template <typename Scalar>
std::uint64_t Workspace<Scalar>::passes() const {
  return state_ ? state_->passes : 0;
}

template <typename Scalar>
void Workspace<Scalar>::set_passes(std::uint64_t passes) {
  check_argument(state_ != nullptr,
                 "[Workspace] expected a workspace, got one moved from");
  state_->passes = passes;
  // What forward() left was drawn by another number.
  state_->forward_done = false;
}

template class Workspace<float>;
template class Workspace<double>;

}  // namespace nn
