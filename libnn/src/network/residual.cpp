#include "nn/network/residual.h"

#include <algorithm>
#include <utility>

#include "kernels/elementwise.h"
#include "network/stage.h"
#include "nn/buffer.h"
#include "nn/check.h"

namespace nn {
namespace {

template <typename Scalar>
Sequential<Scalar> filled_body(
    const Shape& input_shape,
    const std::function<void(Sequential<Scalar>&)>& fill) {
  check_argument(fill != nullptr,
                 "[Residual] expected a function that adds the body's layers, "
                 "got an empty one");
  Sequential<Scalar> body(input_shape);
  try {
    fill(body);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(concat("[Residual] body: ", error.what()));
  }
  check_argument(body.size() >= 1,
                 "[Residual] expected a body of at least 1 layer, got none");
  check_argument(
      body.input_shape() == input_shape && body.output_shape() == input_shape,
      "[Residual] expected a body from ",
      input_shape,
      " to the same shape, got one from ",
      body.input_shape(),
      " to ",
      body.output_shape());
  return body;
}

template <typename Scalar>
std::size_t output_bytes(const internal::Stage<Scalar>& stage, Index batch) {
  return aligned_size(
      array_bytes(stage.output_shape().features(), batch, sizeof(Scalar)));
}

// What a training pass keeps of a stage: its output and, behind it, what it
// saves.
template <typename Scalar>
std::size_t kept_bytes(const internal::Stage<Scalar>& stage, Index batch) {
  return output_bytes(stage, batch) +
         aligned_size(stage.memory_needs(batch, Mode::kTraining).saved_bytes);
}

}  // namespace

template <typename Scalar>
Residual<Scalar>::Residual(const Shape& input_shape,
                           const std::function<void(Sequential<Scalar>&)>& fill)
    : Residual(filled_body(input_shape, fill)) {}

template <typename Scalar>
Residual<Scalar>::Residual(Sequential<Scalar> body)
    : Layer<Scalar>(body.input_shape(), body.output_shape()),
      body_(std::move(body)) {}

template <typename Scalar>
std::string Residual<Scalar>::describe() const {
  std::string layers;
  for (const Layer<Scalar>* layer : inner_layers()) {
    layers += (layers.empty() ? "" : ", ") + layer->describe();
  }
  return concat("Residual(", layers, ")");
}

template <typename Scalar>
std::vector<const Layer<Scalar>*> Residual<Scalar>::inner_layers() const {
  std::vector<const Layer<Scalar>*> layers;
  for (Index i = 0; i < body_.size(); ++i) layers.push_back(&body_.layer(i));
  return layers;
}

template <typename Scalar>
std::vector<Parameter<Scalar>*> Residual<Scalar>::parameters() {
  return body_.parameters();
}

template <typename Scalar>
std::vector<Parameter<Scalar>*> Residual<Scalar>::buffers() {
  std::vector<Parameter<Scalar>*> all;
  // Not from the body's names, which ask every layer for its buffers again.
  for (const auto& layer : body_.layers_) {
    for (Parameter<Scalar>* buffer : layer->buffers()) all.push_back(buffer);
  }
  return all;
}

template <typename Scalar>
void Residual<Scalar>::initialize(Rng& rng) {
  body_.initialize(rng);
}

template <typename Scalar>
void Residual<Scalar>::set_fusion(bool fuse) {
  body_.set_fusion(fuse);
}

// The largest array between two stages: activations in inference and their
// gradients in training go through two such blocks in turn.
template <typename Scalar>
std::size_t Residual<Scalar>::largest_inner_bytes(Index batch) const {
  std::size_t largest = 0;
  for (std::size_t i = 0; i + 1 < body_.stages_.size(); ++i) {
    largest = std::max(largest, output_bytes(*body_.stages_[i], batch));
  }
  return largest;
}

template <typename Scalar>
MemoryNeeds Residual<Scalar>::memory_needs(Index batch, Mode mode) const {
  MemoryNeeds all;
  for (const auto& stage : body_.stages_) {
    const MemoryNeeds needs = stage->memory_needs(batch, mode);
    const std::size_t saved = aligned_size(needs.saved_bytes);
    if (mode == Mode::kTraining) {
      all.saved_bytes += output_bytes(*stage, batch) + saved;
    } else {
      // No backward pass reads it, so all stages share one.
      all.saved_bytes = std::max(all.saved_bytes, saved);
    }
    all.scratch_bytes = std::max(all.scratch_bytes, needs.scratch_bytes);
    all.worker_bytes = std::max(all.worker_bytes, needs.worker_bytes);
  }
  all.scratch_bytes += 2 * largest_inner_bytes(batch);
  return all;
}

template <typename Scalar>
void Residual<Scalar>::do_forward(ConstView<Scalar> x,
                                  View<Scalar> y,
                                  Mode mode,
                                  PassMemory memory) const {
  const Index batch = x.cols();
  const std::size_t block_bytes = largest_inner_bytes(batch);
  const std::size_t last = body_.stages_.size() - 1;
  PassMemory inner = memory;
  inner.scratch += 2 * block_bytes;
  const Scalar* in = x.data();
  std::byte* kept = memory.saved;
  for (std::size_t i = 0; i <= last; ++i) {
    const internal::Stage<Scalar>& stage = *body_.stages_[i];
    Scalar* out =
        i == last
            ? y.data()
            : reinterpret_cast<Scalar*>(memory.scratch + (i % 2) * block_bytes);
    if (mode == Mode::kTraining) {
      out = reinterpret_cast<Scalar*>(kept);
      inner.saved = kept + output_bytes(stage, batch);
      kept += kept_bytes(stage, batch);
    }
    stage.forward(ConstView<Scalar>(in, stage.input_shape().features(), batch),
                  View<Scalar>(out, stage.output_shape().features(), batch),
                  mode,
                  inner);
    in = out;
  }
  kernels::sum(x.data(), in, y.data(), y.size());
}

template <typename Scalar>
void Residual<Scalar>::do_backward(ConstView<Scalar> x,
                                   ConstView<Scalar> /*y*/,
                                   ConstView<Scalar> dy,
                                   View<Scalar> dx,
                                   PassMemory memory) {
  const Index batch = x.cols();
  const std::size_t block_bytes = largest_inner_bytes(batch);
  PassMemory inner = memory;
  inner.scratch += 2 * block_bytes;
  const Scalar* gradient = dy.data();
  std::byte* kept = memory.saved;  // by the stages before number i
  for (const auto& stage : body_.stages_) kept += kept_bytes(*stage, batch);
  for (std::size_t i = body_.stages_.size(); i-- > 0;) {
    internal::Stage<Scalar>& stage = *body_.stages_[i];
    const Index in_rows = stage.input_shape().features();
    const Index out_rows = stage.output_shape().features();
    kept -= kept_bytes(stage, batch);
    inner.saved = kept + output_bytes(stage, batch);
    const Scalar* in =
        i == 0 ? x.data()
               : reinterpret_cast<const Scalar*>(
                     kept - kept_bytes(*body_.stages_[i - 1], batch));
    const View<Scalar> in_gradient =
        i == 0 ? dx
               : View<Scalar>(reinterpret_cast<Scalar*>(memory.scratch +
                                                        (i % 2) * block_bytes),
                              in_rows,
                              batch);
    stage.backward(ConstView<Scalar>(in, in_rows, batch),
                   ConstView<Scalar>(
                       reinterpret_cast<const Scalar*>(kept), out_rows, batch),
                   ConstView<Scalar>(gradient, out_rows, batch),
                   in_gradient,
                   inner);
    gradient = in_gradient.data();
  }
  if (dx.size() > 0) kernels::sum(dy.data(), dx.data(), dx.data(), dx.size());
}

template class Residual<float>;
template class Residual<double>;

}  // namespace nn
