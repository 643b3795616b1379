#include "nn/network/sequential.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "class_of.h"
#include "network/layer_as.h"
#include "network/parameter_names.h"
#include "network/stage.h"
#include "network/workspace_state.h"
#include "nn/buffer.h"
#include "nn/check.h"
#include "nn/layers/softmax.h"
#include "nn/network/residual.h"
#include "nn/parallel.h"

namespace nn {
namespace {

// Every plan of every network has a number of its own, by which a workspace
// tells whether it was cut for it.
std::uint64_t next_plan_number() {
  static std::atomic<std::uint64_t> number{0};
  return ++number;
}

template <typename Scalar>
std::size_t activation_bytes(const Shape& shape, Index batch) {
  return aligned_size(array_bytes(shape.features(), batch, sizeof(Scalar)));
}

}  // namespace

template <typename Scalar>
Sequential<Scalar>::Sequential(const Shape& input_shape, std::uint64_t seed)
    : input_shape_(input_shape), rng_(seed) {
  check_shape("Sequential", input_shape);
  note_plan();
}

template <typename Scalar>
Sequential<Scalar>::~Sequential() = default;
template <typename Scalar>
Sequential<Scalar>::Sequential(Sequential&& other) noexcept
    : input_shape_(std::exchange(other.input_shape_, Shape{})),
      rng_(other.rng_),
      fuse_(other.fuse_),
      layers_(std::exchange(other.layers_, {})),
      sizes_(std::exchange(other.sizes_, {})),
      stages_(std::exchange(other.stages_, {})),
      logit_stages_(std::exchange(other.logit_stages_, 0)),
      plan_number_(std::exchange(other.plan_number_, 0)) {}
template <typename Scalar>
Sequential<Scalar>& Sequential<Scalar>::operator=(Sequential&& other) noexcept {
  Sequential taken(std::move(other));
  std::swap(input_shape_, taken.input_shape_);
  std::swap(rng_, taken.rng_);
  std::swap(fuse_, taken.fuse_);
  std::swap(layers_, taken.layers_);
  std::swap(sizes_, taken.sizes_);
  std::swap(stages_, taken.stages_);
  std::swap(logit_stages_, taken.logit_stages_);
  std::swap(plan_number_, taken.plan_number_);
  return *this;
}

template <typename Scalar>
void Sequential<Scalar>::check_usable() const {
  check_argument(input_shape_.channels > 0,
                 "[Sequential] expected a network, got one moved from");
}

template <typename Scalar>
Sequential<Scalar>& Sequential<Scalar>::add(
    std::unique_ptr<Layer<Scalar>> layer) {
  check_usable();
  check_argument(layer != nullptr,
                 "[Sequential] layer ",
                 size(),
                 ": expected a layer, got null");
  check_argument(layer->input_shape() == output_shape(),
                 "[Sequential] layer ",
                 size(),
                 ": [",
                 layer->name(),
                 "] takes input ",
                 layer->input_shape(),
                 ", got ",
                 output_shape());
  internal::check_parameter_names(*layer);
  const Rng rng = rng_;
  const std::size_t layers = layers_.size();
  const std::size_t sizes = sizes_.size();
  try {
    layer->initialize(rng_);
    if (!fuse_) layer->set_fusion(false);
    for (const bool trained : {true, false}) {
      for (Parameter<Scalar>* p :
           trained ? layer->parameters() : layer->buffers()) {
        sizes_.push_back(
            {layers, p, p->value.rows(), p->value.cols(), trained});
      }
    }
    layers_.push_back(std::move(layer));
    internal::extend_stages(layers_, fuse_, stages_);
  } catch (...) {
    layers_.resize(layers);
    sizes_.resize(sizes);
    rng_ = rng;
    throw;
  }
  note_plan();
  return *this;
}

template <typename Scalar>
void Sequential<Scalar>::rethrow_with_place(
    const std::invalid_argument& error) const {
  throw std::invalid_argument(
      concat("[Sequential] layer ", size(), ": ", error.what()));
}

template <typename Scalar>
const Shape& Sequential<Scalar>::output_shape() const {
  check_usable();
  return layers_.empty() ? input_shape_ : layers_.back()->output_shape();
}

template <typename Scalar>
std::vector<NamedParameter<Scalar>> Sequential<Scalar>::named_parameters() {
  check_usable();
  std::vector<NamedParameter<Scalar>> all;
  for (Index i = 0; i < size(); ++i) {
    const auto names = internal::parameter_names(layer(i), concat(i, "."));
    for (Parameter<Scalar>* parameter : layer(i).parameters()) {
      all.push_back({names.at(parameter), parameter});
    }
  }
  return all;
}

template <typename Scalar>
std::vector<NamedParameter<Scalar>> Sequential<Scalar>::named_buffers() {
  check_usable();
  std::vector<NamedParameter<Scalar>> all;
  for (Index i = 0; i < size(); ++i) {
    const auto names = internal::parameter_names(layer(i), concat(i, "."));
    for (Parameter<Scalar>* buffer : layer(i).buffers()) {
      all.push_back({names.at(buffer), buffer});
    }
  }
  return all;
}

template <typename Scalar>
std::vector<Parameter<Scalar>*> Sequential<Scalar>::parameters() {
  check_usable();
  std::vector<Parameter<Scalar>*> all;
  for (const auto& layer : layers_) {
    for (Parameter<Scalar>* parameter : layer->parameters()) {
      all.push_back(parameter);
    }
  }
  return all;
}

template <typename Scalar>
Index Sequential<Scalar>::parameter_count() const {
  check_usable();
  Index count = 0;
  for (const auto& layer : layers_) {
    for (const auto* parameter : std::as_const(*layer).parameters()) {
      count += parameter->value.size();
    }
  }
  return count;
}

template <typename Scalar>
void Sequential<Scalar>::initialize(Rng& rng) {
  check_usable();
  for (const auto& layer : layers_) layer->initialize(rng);
}

template <typename Scalar>
std::string Sequential<Scalar>::summary() const {
  check_usable();
  struct Row {
    std::string place, layer, output, parameters;
  };
  std::vector<Row> rows{{"", "layer", "output", "parameters"},
                        {"", "input", input_shape_.to_string(), ""}};
  for (Index i = 0; i < size(); ++i) {
    Index count = 0;
    for (const auto* p : layer(i).parameters()) count += p->value.size();
    rows.push_back({concat(i),
                    layer(i).describe(),
                    layer(i).output_shape().to_string(),
                    count > 0 ? concat(count) : ""});
  }
  rows.push_back({"", "total", "", concat(parameter_count())});

  std::size_t layer_width = 0;
  std::size_t output_width = 0;
  for (const Row& row : rows) {
    layer_width = std::max(layer_width, row.layer.size());
    output_width = std::max(output_width, row.output.size());
  }
  const auto left = [](const std::string& text, std::size_t width) {
    return text + std::string(width - std::min(width, text.size()), ' ');
  };
  const auto right = [](const std::string& text, std::size_t width) {
    return std::string(width - std::min(width, text.size()), ' ') + text;
  };
  std::string out;
  for (const Row& row : rows) {
    out += concat(right(row.place, 3),
                  "  ",
                  left(row.layer, layer_width),
                  "  ",
                  left(row.output, output_width),
                  "  ",
                  right(row.parameters, 10),
                  '\n');
  }
  return out;
}

template <typename Scalar>
void Sequential<Scalar>::set_fusion(bool fuse) {
  check_usable();
  for (const auto& layer : layers_) layer->set_fusion(fuse);
  stages_ = internal::plan_stages(layers_, fuse);
  fuse_ = fuse;
  note_plan();
}

template <typename Scalar>
void Sequential<Scalar>::note_plan() {
  const bool ends_in_softmax =
      !layers_.empty() &&
      internal::layer_as<Softmax>(layers_.back().get()) != nullptr;
  logit_stages_ = stages_.size() - (ends_in_softmax ? 1 : 0);
  plan_number_ = next_plan_number();
}

template <typename Scalar>
void Sequential<Scalar>::prepare(Workspace<Scalar>& workspace,
                                 Index batch,
                                 Mode mode) const {
  check_argument(workspace.state_ != nullptr,
                 "[Sequential] expected a workspace, got one moved from");
  auto& state = *workspace.state_;
  const int threads = num_threads();
  if (state.plan == plan_number_ && state.checked_batch == batch &&
      state.checked_mode == mode && threads <= state.workers) {
    return;
  }
  state.checked_batch = -1;
  const bool fits = state.plan == plan_number_ && batch <= state.batch &&
                    (mode == Mode::kInference || state.mode == mode);
  if (!fits) {
    if (state.plan == plan_number_) {
      cut(state,
          std::max(batch, state.batch),
          state.mode == Mode::kTraining ? state.mode : mode);
    } else {
      cut(state, batch, mode);
    }
  }
  // Only the scratch memory depends on the number of threads. Keeping the rest
  // lets it change between a forward pass and its backward pass.
  if (!fits || threads > state.workers) {
    state.workers = std::max(threads, state.workers);
    reserve_scratch(state);
  }
  check_needs(state, batch, mode);
  state.checked_batch = batch;
  state.checked_mode = mode;
}

template <typename Scalar>
void Sequential<Scalar>::cut(State& state, Index batch, Mode mode) const {
  state.plan = 0;  // not cut for anything, should this throw
  state.forward_done = false;
  const bool training = mode == Mode::kTraining;
  std::size_t largest_saved = 0;
  std::size_t kept = 0;
  std::size_t largest = activation_bytes<Scalar>(input_shape_, batch);
  state.saved_bytes.clear();
  for (const auto& stage : stages_) {
    const std::size_t saved = stage->memory_needs(batch, mode).saved_bytes;
    const std::size_t bytes =
        activation_bytes<Scalar>(stage->output_shape(), batch);
    state.saved_bytes.push_back(saved);
    largest_saved = std::max(largest_saved, saved);
    largest = std::max(largest, bytes);
    if (training) kept += bytes + aligned_size(saved);
  }

  // In inference the stages write two buffers in turn; in training each output
  // is kept, and the gradients take the two.
  state.memory.reserve(2 * largest +
                       (training ? kept : aligned_size(largest_saved)));
  std::byte* next = state.memory.data();
  const auto cut = [&next](std::size_t bytes) {
    std::byte* block = next;
    next += aligned_size(bytes);
    return block;
  };
  for (Scalar*& gradient : state.gradients) {
    gradient = reinterpret_cast<Scalar*>(cut(largest));
  }
  state.activations.clear();
  state.saved.clear();
  // No backward pass reads it, so in inference all stages share one.
  std::byte* const shared_saved = training ? nullptr : cut(largest_saved);
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    if (!training) {
      state.activations.push_back(state.gradients[i % 2]);
      state.saved.push_back(shared_saved);
      continue;
    }
    state.activations.push_back(reinterpret_cast<Scalar*>(
        cut(activation_bytes<Scalar>(stages_[i]->output_shape(), batch))));
    state.saved.push_back(cut(state.saved_bytes[i]));
  }
  state.plan = plan_number_;
  state.batch = batch;
  state.mode = mode;
}

template <typename Scalar>
void Sequential<Scalar>::reserve_scratch(State& state) const {
  std::size_t bytes = 0;
  for (const auto& stage : stages_) {
    bytes = std::max(bytes,
                     stage->memory_needs(state.batch, state.mode)
                         .scratch_bytes_of(state.workers));
  }
  // If there is no memory, there is scratch memory for nobody.
  const int workers = std::exchange(state.workers, 0);
  state.scratch.reserve(bytes);
  state.workers = workers;
}

// Memory is cut for the largest batch. A layer of a user's whose needs are not
// what Layer::memory_needs() promises would write behind it.
template <typename Scalar>
void Sequential<Scalar>::check_needs(const State& state,
                                     Index batch,
                                     Mode mode) const {
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    const MemoryNeeds needs = stages_[i]->memory_needs(batch, mode);
    if (needs.saved_bytes <= state.saved_bytes[i] &&
        needs.scratch_bytes_of(state.workers) <= state.scratch.size_bytes()) {
      continue;
    }
    check_argument(false,
                   "[Sequential] layer ",
                   stages_[i]->first_layer(),
                   ": [",
                   stages_[i]->name(),
                   "] expected memory_needs() that never grow when the batch "
                   "gets smaller, nor from training to inference, got ",
                   needs.saved_bytes,
                   " bytes saved and ",
                   needs.scratch_bytes_of(state.workers),
                   " of scratch for ",
                   batch,
                   " samples, and ",
                   state.saved_bytes[i],
                   " and at most ",
                   state.scratch.size_bytes(),
                   " for ",
                   state.batch);
  }
}

// The kernels go by the layers' shapes, so a matrix of another size in place of
// a parameter's would be read behind its end.
template <typename Scalar>
void Sequential<Scalar>::check_sizes() const {
  for (const Sized& sized : sizes_) {
    const Matrix<Scalar>& value = sized.parameter->value;
    const Matrix<Scalar>& grad = sized.parameter->grad;
    const auto fits = [&sized](const Matrix<Scalar>& m) {
      return m.rows() == sized.rows && m.cols() == sized.cols;
    };
    if (fits(value) && (!sized.has_gradient || fits(grad))) continue;
    const bool is_value = !fits(value);
    check_argument(false,
                   "[Sequential] layer ",
                   sized.layer,
                   ": expected ",
                   is_value ? "" : "the gradient of ",
                   sized.parameter->name,
                   " to keep its size of ",
                   sized.rows,
                   " x ",
                   sized.cols,
                   ", got ",
                   (is_value ? value : grad).rows(),
                   " x ",
                   (is_value ? value : grad).cols());
  }
}

template <typename Scalar>
void Sequential<Scalar>::check_input(const ConstView<Scalar>& x) const {
  check_usable();
  check_argument(x.rows() == input_shape_.features(),
                 "[Sequential] expected ",
                 input_shape_.features(),
                 " rows for input ",
                 input_shape_,
                 ", got ",
                 x.rows());
}

template <typename Scalar>
ConstView<Scalar> Sequential<Scalar>::forward(
    ConstView<Scalar> x, Workspace<Scalar>& workspace) const {
  check_input(x);
  check_sizes();
  prepare(workspace, x.cols(), Mode::kTraining);
  auto& state = *workspace.state_;
  ++state.passes;
  const Scalar* in = x.data();
  Index rows = x.rows();
  for (std::size_t i = 0; i < logit_stages_; ++i) {
    const Index out_rows = stages_[i]->output_shape().features();
    if (x.cols() > 0) {
      stages_[i]->forward(
          ConstView<Scalar>(in, rows, x.cols()),
          View<Scalar>(state.activations[i], out_rows, x.cols()),
          Mode::kTraining,
          {state.saved[i], state.scratch.data(), state.passes, state.workers});
    }
    in = state.activations[i];
    rows = out_rows;
  }
  state.forward_done = true;
  state.x = x.data();
  state.columns = x.cols();
  return ConstView<Scalar>(in, rows, x.cols());
}

template <typename Scalar>
void Sequential<Scalar>::backward(ConstView<Scalar> dlogits,
                                  Workspace<Scalar>& workspace,
                                  View<Scalar> dx) {
  check_usable();
  check_argument(workspace.state_ && workspace.state_->forward_done &&
                     workspace.state_->plan == plan_number_,
                 "[Sequential] expected backward() after a forward() of this "
                 "network with the same workspace");
  auto& state = *workspace.state_;
  const Index columns = state.columns;
  const Index logit_rows =
      logit_stages_ > 0 ? stages_[logit_stages_ - 1]->output_shape().features()
                        : input_shape_.features();
  check_argument(dlogits.rows() == logit_rows && dlogits.cols() == columns,
                 "[Sequential] expected a gradient of ",
                 logit_rows,
                 " x ",
                 columns,
                 ", got ",
                 dlogits.rows(),
                 " x ",
                 dlogits.cols());
  check_argument(dx.size() == 0 || (dx.rows() == input_shape_.features() &&
                                    dx.cols() == columns),
                 "[Sequential] expected an input gradient of ",
                 input_shape_.features(),
                 " x ",
                 columns,
                 ", got ",
                 dx.rows(),
                 " x ",
                 dx.cols());
  check_sizes();
  if (columns == 0) {
    for (const Sized& sized : sizes_) sized.parameter->grad.setZero();
    return;
  }
  prepare(workspace, columns, Mode::kTraining);
  if (logit_stages_ == 0 && dx.size() > 0) dx = dlogits;

  const Scalar* dy = dlogits.data();
  for (std::size_t i = logit_stages_; i-- > 0;) {
    const Index in_rows = stages_[i]->input_shape().features();
    const Index out_rows = stages_[i]->output_shape().features();
    Scalar* dx_data = i == 0 ? dx.data() : state.gradients[i % 2];
    const Index dx_rows = dx_data != nullptr ? in_rows : 0;
    const Scalar* x = i == 0 ? state.x : state.activations[i - 1];
    stages_[i]->backward(
        ConstView<Scalar>(x, in_rows, columns),
        ConstView<Scalar>(state.activations[i], out_rows, columns),
        ConstView<Scalar>(dy, out_rows, columns),
        View<Scalar>(dx_data, dx_rows, dx_data != nullptr ? columns : 0),
        {state.saved[i], state.scratch.data(), state.passes, state.workers});
    dy = dx_data;
  }
}

template <typename Scalar>
void Sequential<Scalar>::run_inference(ConstView<Scalar> x,
                                       View<Scalar> y,
                                       std::size_t stages,
                                       Workspace<Scalar>& workspace) const {
  check_input(x);
  check_sizes();
  const Index y_rows = stages > 0
                           ? stages_[stages - 1]->output_shape().features()
                           : input_shape_.features();
  check_argument(y.rows() == y_rows && y.cols() == x.cols(),
                 "[Sequential] expected an output of ",
                 y_rows,
                 " x ",
                 x.cols(),
                 ", got ",
                 y.rows(),
                 " x ",
                 y.cols());
  prepare(workspace, x.cols(), Mode::kInference);
  auto& state = *workspace.state_;
  state.forward_done = false;
  if (x.cols() == 0) return;
  if (stages == 0) y = x;
  const Scalar* in = x.data();
  Index rows = x.rows();
  for (std::size_t i = 0; i < stages; ++i) {
    const Index out_rows = stages_[i]->output_shape().features();
    Scalar* out = i + 1 == stages ? y.data() : state.activations[i];
    stages_[i]->forward(
        ConstView<Scalar>(in, rows, x.cols()),
        View<Scalar>(out, out_rows, x.cols()),
        Mode::kInference,
        {state.saved[i], state.scratch.data(), 0, state.workers});
    in = out;
    rows = out_rows;
  }
}

template <typename Scalar>
void Sequential<Scalar>::predict(ConstView<Scalar> x,
                                 View<Scalar> y,
                                 Workspace<Scalar>& workspace) const {
  run_inference(x, y, stages_.size(), workspace);
}

template <typename Scalar>
Matrix<Scalar> Sequential<Scalar>::predict(ConstView<Scalar> x) const {
  Matrix<Scalar> y(output_shape().features(), x.cols());
  Workspace<Scalar> workspace;
  predict(x, view(y), workspace);
  return y;
}

template <typename Scalar>
Labels Sequential<Scalar>::predict_classes(ConstView<Scalar> x) const {
  constexpr Index kPart = 256;  // bounds the memory of the activations
  check_input(x);
  Labels classes(x.cols());
  Matrix<Scalar> y(output_shape().features(), std::min(kPart, x.cols()));
  Workspace<Scalar> workspace;
  for (Index begin = 0; begin < x.cols(); begin += kPart) {
    const Index count = std::min(kPart, x.cols() - begin);
    predict(x.middleCols(begin, count), y.leftCols(count), workspace);
    for (Index n = 0; n < count; ++n) {
      classes[begin + n] =
          static_cast<int>(internal::class_of(y.col(n).data(), y.rows()));
    }
  }
  return classes;
}

template <typename Scalar>
void Sequential<Scalar>::predict_logits(ConstView<Scalar> x,
                                        View<Scalar> y,
                                        Workspace<Scalar>& workspace) const {
  run_inference(x, y, logit_stages_, workspace);
}

template <typename Scalar>
std::vector<Matrix<Scalar>> Sequential<Scalar>::activations(
    ConstView<Scalar> x) const {
  check_input(x);
  check_sizes();
  std::vector<Matrix<Scalar>> outputs;
  outputs.reserve(layers_.size());
  PassBuffers buffers;
  const Scalar* in = x.data();
  for (const auto& layer : layers_) {
    const MemoryNeeds needs = layer->memory_needs(x.cols(), Mode::kInference);
    outputs.emplace_back(layer->output_shape().features(), x.cols());
    layer->forward(
        ConstView<Scalar>(in, layer->input_shape().features(), x.cols()),
        view(outputs.back()),
        Mode::kInference,
        buffers.prepare(needs, /*pass=*/0));
    in = outputs.back().data();
  }
  return outputs;
}

template class Sequential<float>;
template class Sequential<double>;

}  // namespace nn
