#ifndef NN_NETWORK_WORKSPACE_H_
#define NN_NETWORK_WORKSPACE_H_

#include <cstddef>
#include <cstdint>
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
  ///@{
  /// Takes the memory over. What was moved from serves no pass any more: it
  /// can be assigned to and destroyed.
  Workspace(Workspace&&) noexcept;
  Workspace& operator=(Workspace&&) noexcept;
  ///@}

  /// Bytes held at present.
  std::size_t size_bytes() const;

  /// How many training passes it has counted: Sequential::forward() adds one
  /// each time. Layers with random draws, such as Dropout, draw by this number
  /// (PassMemory::pass).
  std::uint64_t passes() const;
  /// Goes on counting from `passes`: the same number draws the same again. A
  /// training that is taken up again thus goes on as if never interrupted.
  /// Throws std::invalid_argument if the workspace was moved from.
  void set_passes(std::uint64_t passes);

 private:
  friend class Sequential<Scalar>;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nn

#endif  // NN_NETWORK_WORKSPACE_H_
