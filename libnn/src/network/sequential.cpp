#include "nn/network/sequential.h"

#include <algorithm>
#include <utility>

#include "class_of.h"
#include "network/layer_as.h"
#include "network/parameter_names.h"
#include "network/stage.h"
#include "network/workspace_state.h"
#include "nn/buffer.h"
#include "nn/check.h"
#include "nn/layers/softmax.h"
#include "nn/parallel.h"

namespace nn {
namespace {

// The features of what the first `stages` stages write.
template <typename Scalar>
Index rows_behind(const StageList<Scalar>& list, std::size_t stages) {
  return stages > 0 ? list.stages()[stages - 1]->output_shape().features()
                    : list.input_shape().features();
}

}  // namespace

template <typename Scalar>
Sequential<Scalar>::Sequential(const Shape& input_shape, std::uint64_t seed)
    : rng_(seed), list_(input_shape, "Sequential") {}

template <typename Scalar>
Sequential<Scalar>::~Sequential() = default;
template <typename Scalar>
Sequential<Scalar>::Sequential(Sequential&&) noexcept = default;
template <typename Scalar>
Sequential<Scalar>& Sequential<Scalar>::operator=(Sequential&&) noexcept =
    default;

template <typename Scalar>
StageList<Scalar> Sequential<Scalar>::release() && {
  check_usable();
  return std::move(list_);
}

template <typename Scalar>
void Sequential<Scalar>::check_usable() const {
  check_argument(input_shape().channels > 0,
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
  internal::check_parameter_names(*layer);
  const Rng rng = rng_;
  const std::size_t place = list_.size();
  const std::size_t sizes = sizes_.size();
  try {
    layer->initialize(rng_);
    for (const bool trained : {true, false}) {
      for (Parameter<Scalar>* p :
           trained ? layer->parameters() : layer->buffers()) {
        sizes_.push_back({place, p, p->value.rows(), p->value.cols(), trained});
      }
    }
    list_.add(std::move(layer));
  } catch (...) {
    sizes_.resize(sizes);
    rng_ = rng;
    throw;
  }
  note_end();
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
  return list_.output_shape();
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
  return list_.parameters();
}

template <typename Scalar>
Index Sequential<Scalar>::parameter_count() const {
  check_usable();
  Index count = 0;
  for (Index i = 0; i < size(); ++i) {
    for (const auto* parameter : layer(i).parameters()) {
      count += parameter->value.size();
    }
  }
  return count;
}

template <typename Scalar>
void Sequential<Scalar>::initialize(Rng& rng) {
  check_usable();
  list_.initialize(rng);
}

template <typename Scalar>
std::string Sequential<Scalar>::summary() const {
  check_usable();
  struct Row {
    std::string place, layer, output, parameters;
  };
  std::vector<Row> rows{{"", "layer", "output", "parameters"},
                        {"", "input", input_shape().to_string(), ""}};
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
  list_.set_fusion(fuse);
  note_end();
}

template <typename Scalar>
void Sequential<Scalar>::note_end() {
  const bool ends_in_softmax =
      size() > 0 && internal::layer_as<Softmax>(&layer(size() - 1)) != nullptr;
  logit_stages_ = list_.stages().size() - (ends_in_softmax ? 1 : 0);
}

template <typename Scalar>
Index Sequential<Scalar>::logit_rows() const {
  return rows_behind(list_, logit_stages_);
}

template <typename Scalar>
void Sequential<Scalar>::prepare(Workspace<Scalar>& workspace,
                                 Index batch,
                                 Mode mode) const {
  check_argument(workspace.state_ != nullptr,
                 "[Sequential] expected a workspace, got one moved from");
  auto& state = *workspace.state_;
  const int threads = num_threads();
  if (state.plan == plan_number() && state.checked_batch == batch &&
      state.checked_mode == mode && threads <= state.workers) {
    return;
  }
  state.checked_batch = -1;
  const bool fits = state.plan == plan_number() && batch <= state.batch &&
                    (mode == Mode::kInference || state.mode == mode);
  if (!fits) {
    if (state.plan == plan_number()) {
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
  state.saved_bytes.clear();
  for (const auto& stage : list_.stages()) {
    state.saved_bytes.push_back(stage->memory_needs(batch, mode).saved_bytes);
  }
  const std::size_t saved = list_.memory_needs(batch, mode).saved_bytes;
  state.logit_bytes =
      mode == Mode::kTraining
          ? aligned_size(array_bytes(logit_rows(), batch, sizeof(Scalar)))
          : 0;
  state.memory.reserve(state.logit_bytes + saved);
  state.block_bytes = internal::cut_of(list_.stages(), batch).block_bytes;
  state.plan = plan_number();
  state.batch = batch;
  state.mode = mode;
}

template <typename Scalar>
void Sequential<Scalar>::reserve_scratch(State& state) const {
  std::size_t bytes = 0;
  for (const auto& stage : list_.stages()) {
    bytes = std::max(bytes,
                     stage->memory_needs(state.batch, state.mode)
                         .scratch_bytes_of(state.workers));
  }
  // If there is no memory, there is scratch memory for nobody.
  const int workers = std::exchange(state.workers, 0);
  state.scratch.reserve(2 * state.block_bytes + bytes);
  state.workers = workers;
}

// Memory is cut for the largest batch. A layer of a user's whose needs are not
// what Layer::memory_needs() promises would write behind it.
template <typename Scalar>
void Sequential<Scalar>::check_needs(const State& state,
                                     Index batch,
                                     Mode mode) const {
  const auto& stages = list_.stages();
  const std::size_t scratch_bytes =
      state.scratch.size_bytes() - 2 * state.block_bytes;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const MemoryNeeds needs = stages[i]->memory_needs(batch, mode);
    if (needs.saved_bytes <= state.saved_bytes[i] &&
        needs.scratch_bytes_of(state.workers) <= scratch_bytes) {
      continue;
    }
    check_argument(false,
                   "[Sequential] layer ",
                   stages[i]->first_layer(),
                   ": [",
                   stages[i]->name(),
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
                   scratch_bytes,
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
  check_argument(x.rows() == input_shape().features(),
                 "[Sequential] expected ",
                 input_shape().features(),
                 " rows for input ",
                 input_shape(),
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
  const View<Scalar> logits(state.logits(), logit_rows(), x.cols());
  internal::forward_stages(list_.stages(),
                           logit_stages_,
                           state.cut(),
                           x,
                           logits,
                           Mode::kTraining,
                           state.pass_memory(state.passes));
  state.forward_done = true;
  state.x = x.data();
  state.columns = x.cols();
  return as_const(logits);
}

template <typename Scalar>
void Sequential<Scalar>::backward(ConstView<Scalar> dlogits,
                                  Workspace<Scalar>& workspace,
                                  View<Scalar> dx) {
  check_usable();
  check_argument(workspace.state_ && workspace.state_->forward_done &&
                     workspace.state_->plan == plan_number(),
                 "[Sequential] expected backward() after a forward() of this "
                 "network with the same workspace");
  auto& state = *workspace.state_;
  const Index columns = state.columns;
  check_argument(dlogits.rows() == logit_rows() && dlogits.cols() == columns,
                 "[Sequential] expected a gradient of ",
                 logit_rows(),
                 " x ",
                 columns,
                 ", got ",
                 dlogits.rows(),
                 " x ",
                 dlogits.cols());
  check_argument(dx.size() == 0 || (dx.rows() == input_shape().features() &&
                                    dx.cols() == columns),
                 "[Sequential] expected an input gradient of ",
                 input_shape().features(),
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
  internal::backward_stages(
      list_.stages(),
      logit_stages_,
      state.cut(),
      ConstView<Scalar>(state.x, input_shape().features(), columns),
      ConstView<Scalar>(state.logits(), logit_rows(), columns),
      dlogits,
      dx,
      state.pass_memory(state.passes));
}

template <typename Scalar>
void Sequential<Scalar>::run_inference(ConstView<Scalar> x,
                                       View<Scalar> y,
                                       std::size_t stages,
                                       Workspace<Scalar>& workspace) const {
  check_input(x);
  check_sizes();
  const Index y_rows = rows_behind(list_, stages);
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
  internal::forward_stages(list_.stages(),
                           stages,
                           state.cut(),
                           x,
                           y,
                           Mode::kInference,
                           state.pass_memory(/*pass=*/0));
}

template <typename Scalar>
void Sequential<Scalar>::predict(ConstView<Scalar> x,
                                 View<Scalar> y,
                                 Workspace<Scalar>& workspace) const {
  run_inference(x, y, list_.stages().size(), workspace);
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
  outputs.reserve(list_.size());
  PassBuffers buffers;
  const Scalar* in = x.data();
  for (const Layer<Scalar>* layer : list_.inner_layers()) {
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
