#ifndef NN_WORKSPACE_H_
#define NN_WORKSPACE_H_

#include <cstddef>
#include <memory>

namespace nn {

template <typename Scalar>
class Sequential;

/// Everything that a pass through a network writes: activations, what layers
/// save for their backward pass, gradients of activations, scratch memory.
///
/// The caller owns it and gives it to every call; a Workspace serves one thread
/// and one network at a time. It grows to the largest batch it has seen and is
/// then reused, so that later steps allocate nothing.
template <typename Scalar>
class Workspace {
 public:
  Workspace();
  ~Workspace();
  Workspace(Workspace&&) noexcept;
  Workspace& operator=(Workspace&&) noexcept;

  /// Bytes held at present.
  std::size_t size_bytes() const;

 private:
  friend class Sequential<Scalar>;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nn

#endif  // NN_WORKSPACE_H_
