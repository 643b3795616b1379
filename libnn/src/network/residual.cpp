#include "nn/network/residual.h"

#include <utility>

#include "kernels/elementwise.h"
#include "nn/buffer.h"
#include "nn/check.h"

namespace nn {
namespace {

template <typename Scalar>
StageList<Scalar> filled_body(
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
  return std::move(body).release();
}

}  // namespace

template <typename Scalar>
Residual<Scalar>::Residual(const Shape& input_shape,
                           const std::function<void(Sequential<Scalar>&)>& fill)
    : Residual(filled_body(input_shape, fill)) {}

template <typename Scalar>
Residual<Scalar>::Residual(StageList<Scalar> body)
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
  return body_.inner_layers();
}

template <typename Scalar>
std::vector<Parameter<Scalar>*> Residual<Scalar>::parameters() {
  return body_.parameters();
}

template <typename Scalar>
std::vector<Parameter<Scalar>*> Residual<Scalar>::buffers() {
  return body_.buffers();
}

template <typename Scalar>
void Residual<Scalar>::initialize(Rng& rng) {
  body_.initialize(rng);
}

template <typename Scalar>
void Residual<Scalar>::set_fusion(bool fuse) {
  body_.set_fusion(fuse);
}

// The body's backward pass reads the body's output, which `y` holds no longer
// once `x` is added: a training pass keeps it, before what the body saves.
template <typename Scalar>
std::size_t Residual<Scalar>::body_output_bytes(Index batch) const {
  return aligned_size(
      array_bytes(body_.output_shape().features(), batch, sizeof(Scalar)));
}

template <typename Scalar>
MemoryNeeds Residual<Scalar>::memory_needs(Index batch, Mode mode) const {
  MemoryNeeds needs = body_.memory_needs(batch, mode);
  if (mode == Mode::kTraining) needs.saved_bytes += body_output_bytes(batch);
  return needs;
}

template <typename Scalar>
void Residual<Scalar>::do_forward(ConstView<Scalar> x,
                                  View<Scalar> y,
                                  Mode mode,
                                  PassMemory memory) const {
  Scalar* body_y = y.data();
  if (mode == Mode::kTraining) {
    body_y = reinterpret_cast<Scalar*>(memory.saved);
    memory.saved += body_output_bytes(x.cols());
  }
  body_.forward(x, View<Scalar>(body_y, y.rows(), y.cols()), mode, memory);
  kernels::sum(x.data(), body_y, y.data(), y.size());
}

template <typename Scalar>
void Residual<Scalar>::do_backward(ConstView<Scalar> x,
                                   ConstView<Scalar> y,
                                   ConstView<Scalar> dy,
                                   View<Scalar> dx,
                                   PassMemory memory) {
  const ConstView<Scalar> body_y(
      reinterpret_cast<const Scalar*>(memory.saved), y.rows(), y.cols());
  memory.saved += body_output_bytes(x.cols());
  body_.backward(x, body_y, dy, dx, memory);
  if (dx.size() > 0) kernels::sum(dy.data(), dx.data(), dx.data(), dx.size());
}

template class Residual<float>;
template class Residual<double>;

}  // namespace nn
