#ifndef NN_NETWORK_LAYER_H_
#define NN_NETWORK_LAYER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "nn/buffer.h"
#include "nn/parameter.h"
#include "nn/shape.h"
#include "nn/types.h"

namespace nn {

class Rng;

template <typename Scalar>
class StageList;

namespace internal {

/// The layers that a network treats in a way of its own: it fuses them with
/// their neighbours, or leaves them out. Final classes of the library name
/// themselves here; a layer of one's own is kOther. A dynamic_cast would read
/// type information that code compiled with -fno-rtti does not have.
enum class LayerKind {
  kOther,
  kConv2d,
  kIdentity,
  kLinear,
  kMaxPool2d,
  kReLU,
  kSoftmax
};

}  // namespace internal

/// What a layer wants to write into besides its output, in bytes.
struct MemoryNeeds {
  /// Written by forward(), read by the matching backward().
  std::size_t saved_bytes = 0;
  /// Free to use inside one call; the contents are lost after it.
  std::size_t scratch_bytes = 0;
  /// The same for each worker of a parallel loop, behind scratch_bytes.
  std::size_t worker_bytes = 0;

  /// What PassMemory::scratch must hold for loops of `workers` workers.
  std::size_t scratch_bytes_of(int workers) const {
    return aligned_size(scratch_bytes) +
           static_cast<std::size_t>(workers) * aligned_size(worker_bytes);
  }
};

/// The memory of one pass through one layer, given by the caller. Both pointers
/// are aligned to Buffer::kAlignment and hold at least what memory_needs()
/// asked for. Forward and the matching backward get the same `saved` and
/// `pass`.
struct PassMemory {
  std::byte* saved = nullptr;  ///< from forward() to backward()
  /// For one call: MemoryNeeds::scratch_bytes_of(workers) bytes.
  std::byte* scratch = nullptr;
  /// The number of the training pass, by which a layer with random draws knows
  /// one pass from the next: it draws from a function of its own seed, this
  /// number and the element, so that forward() needs no state and backward()
  /// sees what forward() drew. A Workspace counts its passes from 1.
  std::uint64_t pass = 0;
  /// For how many workers `scratch` has room: a loop with memory for each
  /// worker is parallel_for(tasks, workers, body), whatever num_threads() has
  /// become meanwhile.
  int workers = 0;

  /// The part of `scratch` that worker `worker` of a loop may use, of a layer
  /// whose memory_needs() are `needs` for this pass.
  std::byte* worker_scratch(const MemoryNeeds& needs, int worker) const {
    return scratch + needs.scratch_bytes_of(worker);
  }
};

/// Owns the memory of passes through one layer, for whoever runs a layer
/// without a Sequential.
class PassBuffers {
 public:
  /// Makes room for `needs`, with as many workers as num_threads() says, and
  /// returns the memory of pass number `pass`: for a forward pass and the
  /// matching backward pass.
  PassMemory prepare(const MemoryNeeds& needs, std::uint64_t pass = 1);

 private:
  Buffer saved_;
  Buffer scratch_;
};

/// The numbers from which a layer can be built again for an input shape, under
/// PyTorch's names: {{"out_features", 10}}. What has two directions has two
/// numbers, "stride_h" and "stride_w"; true is 1 and false 0.
using Settings = std::map<std::string, double>;

/// One differentiable step of a network: y = f(x; parameters), column by
/// column of a batch.
///
///   x, dx   input_shape().features()  x N
///   y, dy   output_shape().features() x N
///
/// dv stands for the gradient of the loss by v. A layer owns its parameters and
/// nothing that a pass writes: that lives in memory that the caller gives. So
/// forward() is const, and any number of threads may run it on one layer at a
/// time, each with memory of its own.
///
/// A layer of one's own derives from this class and overrides name(),
/// do_forward() and do_backward(); docs/adding-a-layer.md shows one, and
/// check_gradients() tests it.
template <typename Scalar>
class Layer {
 public:
  virtual ~Layer() = default;
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;

  /// The shape of a sample that goes in.
  const Shape& input_shape() const { return input_shape_; }
  /// The shape of a sample that comes out.
  const Shape& output_shape() const { return output_shape_; }

  /// For the library alone: whether it knows this layer's class.
  internal::LayerKind library_kind() const { return library_kind_; }

  /// The kind of layer: "Linear".
  virtual std::string name() const = 0;
  /// The kind and its settings: "Linear(784 -> 256)".
  virtual std::string describe() const { return name(); }

  /// What name() and input_shape() leave open, for model files: the maker of
  /// layer_registry.h builds an equal layer from it.
  virtual Settings settings() const { return {}; }
  /// The layers that a container runs one after the other, the first of them on
  /// its own input. The pointers stay valid as long as the layer. The library
  /// names what they own by their place, "body.2.weight".
  virtual std::vector<const Layer*> inner_layers() const { return {}; }

  /// The trainable parameters, in PyTorch's order. The pointers stay valid as
  /// long as the layer.
  virtual std::vector<Parameter<Scalar>*> parameters() { return {}; }
  /// The same, to read from.
  std::vector<const Parameter<Scalar>*> parameters() const;

  /// What is saved and loaded with the parameters but not trained, in PyTorch's
  /// order: the running statistics of a BatchNorm2d. backward() alone may
  /// change them; no optimizer sees them. The pointers stay valid as long as
  /// the layer.
  virtual std::vector<Parameter<Scalar>*> buffers() { return {}; }
  /// The same, to read from.
  std::vector<const Parameter<Scalar>*> buffers() const;

  /// Draws new values for all parameters; resets what buffers have gathered.
  virtual void initialize(Rng& /*rng*/) {}

  /// What a pass over `batch` samples needs. It depends on the two arguments
  /// alone, for a batch of any size from 0 on. A smaller batch never needs more
  /// than a larger one, of any of the three, and inference never more than
  /// training: memory is cut once, for the largest batch, and serves all
  /// passes. A Sequential throws std::invalid_argument rather than run a layer
  /// in less than it asks for.
  virtual MemoryNeeds memory_needs(Index batch, Mode mode) const;

  /// Writes the output for `x` into `y`, which may not alias it. In training
  /// mode, `x`, `y` and `memory.saved` must stay unchanged until the matching
  /// backward() has returned. Allocates nothing.
  /// Throws std::invalid_argument if the sizes of x or y do not fit.
  void forward(ConstView<Scalar> x,
               View<Scalar> y,
               Mode mode,
               PassMemory memory) const;

  /// Takes what the matching forward() read and wrote, and the gradient of the
  /// loss by `y`. Overwrites (never adds to) the gradient of every parameter,
  /// and writes the gradient of the loss by `x` into `dx` unless that is
  /// no_view(). Allocates nothing.
  /// Throws std::invalid_argument if a size does not fit.
  void backward(ConstView<Scalar> x,
                ConstView<Scalar> y,
                ConstView<Scalar> dy,
                View<Scalar> dx,
                PassMemory memory);

 protected:
  /// Throws std::invalid_argument if a shape has no features. The library's
  /// layers alone give a kind.
  Layer(const Shape& input_shape,
        const Shape& output_shape,
        internal::LayerKind library_kind = internal::LayerKind::kOther);

 private:
  friend class StageList<Scalar>;

  /// For containers: passes it on to StageList::set_fusion(). The outermost
  /// network alone calls it, and then plans anew: so none is left with a plan
  /// for what an inner one was.
  virtual void set_fusion(bool /*fuse*/) {}

  /// forward() and backward() after their checks.
  virtual void do_forward(ConstView<Scalar> x,
                          View<Scalar> y,
                          Mode mode,
                          PassMemory memory) const = 0;
  virtual void do_backward(ConstView<Scalar> x,
                           ConstView<Scalar> y,
                           ConstView<Scalar> dy,
                           View<Scalar> dx,
                           PassMemory memory) = 0;

  Shape input_shape_;
  Shape output_shape_;
  internal::LayerKind library_kind_;
};

}  // namespace nn

#endif  // NN_NETWORK_LAYER_H_
