#include "nn/workspace.h"

#include "workspace_state.h"

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

template class Workspace<float>;
template class Workspace<double>;

}  // namespace nn
