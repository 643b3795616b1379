#include "nn/network/stage_list.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "network/stage.h"
#include "nn/buffer.h"
#include "nn/check.h"

namespace nn {
namespace {

std::uint64_t next_plan_number() {
  static std::atomic<std::uint64_t> number{0};
  return ++number;
}

}  // namespace

template <typename Scalar>
StageList<Scalar>::StageList(const Shape& input_shape, std::string owner)
    : input_shape_(input_shape),
      owner_(std::move(owner)),
      plan_number_(next_plan_number()) {
  check_shape(owner_.c_str(), input_shape);
}

template <typename Scalar>
StageList<Scalar>::~StageList() = default;
template <typename Scalar>
StageList<Scalar>::StageList(StageList&& other) noexcept
    : input_shape_(std::exchange(other.input_shape_, Shape{})),
      owner_(std::move(other.owner_)),
      fuse_(other.fuse_),
      layers_(std::exchange(other.layers_, {})),
      stages_(std::exchange(other.stages_, {})),
      plan_number_(std::exchange(other.plan_number_, 0)) {}
template <typename Scalar>
StageList<Scalar>& StageList<Scalar>::operator=(StageList&& other) noexcept {
  StageList taken(std::move(other));
  std::swap(input_shape_, taken.input_shape_);
  std::swap(owner_, taken.owner_);
  std::swap(fuse_, taken.fuse_);
  std::swap(layers_, taken.layers_);
  std::swap(stages_, taken.stages_);
  std::swap(plan_number_, taken.plan_number_);
  return *this;
}

template <typename Scalar>
void StageList<Scalar>::add(std::unique_ptr<Layer<Scalar>> layer) {
  check_argument(layer != nullptr,
                 "[",
                 owner_,
                 "] layer ",
                 size(),
                 ": expected a layer, got null");
  check_argument(layer->input_shape() == output_shape(),
                 "[",
                 owner_,
                 "] layer ",
                 size(),
                 ": [",
                 layer->name(),
                 "] takes input ",
                 layer->input_shape(),
                 ", got ",
                 output_shape());
  if (!fuse_) layer->set_fusion(false);
  layers_.push_back(std::move(layer));
  try {
    internal::extend_stages(layers_, fuse_, stages_);
  } catch (...) {
    layers_.pop_back();
    throw;
  }
  plan_number_ = next_plan_number();
}

template <typename Scalar>
const Shape& StageList<Scalar>::output_shape() const {
  return layers_.empty() ? input_shape_ : layers_.back()->output_shape();
}

template <typename Scalar>
std::vector<const Layer<Scalar>*> StageList<Scalar>::inner_layers() const {
  std::vector<const Layer<Scalar>*> all;
  for (const auto& layer : layers_) all.push_back(layer.get());
  return all;
}

template <typename Scalar>
std::vector<Parameter<Scalar>*> StageList<Scalar>::parameters() {
  std::vector<Parameter<Scalar>*> all;
  for (const auto& layer : layers_) {
    for (Parameter<Scalar>* parameter : layer->parameters()) {
      all.push_back(parameter);
    }
  }
  return all;
}

template <typename Scalar>
std::vector<Parameter<Scalar>*> StageList<Scalar>::buffers() {
  std::vector<Parameter<Scalar>*> all;
  for (const auto& layer : layers_) {
    for (Parameter<Scalar>* buffer : layer->buffers()) all.push_back(buffer);
  }
  return all;
}

template <typename Scalar>
void StageList<Scalar>::initialize(Rng& rng) {
  for (const auto& layer : layers_) layer->initialize(rng);
}

template <typename Scalar>
void StageList<Scalar>::set_fusion(bool fuse) {
  for (const auto& layer : layers_) layer->set_fusion(fuse);
  stages_ = internal::plan_stages(layers_, fuse);
  fuse_ = fuse;
  plan_number_ = next_plan_number();
}

template <typename Scalar>
MemoryNeeds StageList<Scalar>::memory_needs(Index batch, Mode mode) const {
  MemoryNeeds all;
  for (const auto& stage : stages_) {
    const MemoryNeeds needs = stage->memory_needs(batch, mode);
    const std::size_t saved = aligned_size(needs.saved_bytes);
    if (mode == Mode::kTraining) {
      all.saved_bytes += saved;
      if (stage != stages_.back()) {
        all.saved_bytes += internal::output_bytes(*stage, batch);
      }
    } else {
      all.saved_bytes = std::max(all.saved_bytes, saved);
    }
    all.scratch_bytes = std::max(all.scratch_bytes, needs.scratch_bytes);
    all.worker_bytes = std::max(all.worker_bytes, needs.worker_bytes);
  }
  all.scratch_bytes += 2 * internal::cut_of(stages_, batch).block_bytes;
  return all;
}

template <typename Scalar>
void StageList<Scalar>::check_sizes(const char* what,
                                    Index rows,
                                    Index cols,
                                    const Shape& shape,
                                    Index batch) const {
  if (rows == shape.features() && cols == batch) return;
  check_argument(false,
                 "[",
                 owner_,
                 "] expected ",
                 shape.features(),
                 " x ",
                 batch,
                 " for ",
                 what,
                 ", got ",
                 rows,
                 " x ",
                 cols);
}

template <typename Scalar>
void StageList<Scalar>::forward(ConstView<Scalar> x,
                                View<Scalar> y,
                                Mode mode,
                                PassMemory memory) const {
  check_sizes("x", x.rows(), x.cols(), input_shape_, x.cols());
  check_sizes("y", y.rows(), y.cols(), output_shape(), x.cols());
  internal::forward_stages(stages_,
                           stages_.size(),
                           internal::cut_of(stages_, x.cols()),
                           x,
                           y,
                           mode,
                           memory);
}

template <typename Scalar>
void StageList<Scalar>::backward(ConstView<Scalar> x,
                                 ConstView<Scalar> y,
                                 ConstView<Scalar> dy,
                                 View<Scalar> dx,
                                 PassMemory memory) {
  const Index batch = x.cols();
  check_sizes("x", x.rows(), batch, input_shape_, batch);
  check_sizes("y", y.rows(), y.cols(), output_shape(), batch);
  check_sizes("dy", dy.rows(), dy.cols(), output_shape(), batch);
  if (dx.size() > 0) {
    check_sizes("dx", dx.rows(), dx.cols(), input_shape_, batch);
  }
  if (batch == 0) {
    for (Parameter<Scalar>* parameter : parameters()) {
      parameter->grad.setZero();
    }
    return;
  }
  internal::backward_stages(stages_,
                            stages_.size(),
                            internal::cut_of(stages_, batch),
                            x,
                            y,
                            dy,
                            dx,
                            memory);
}

template class StageList<float>;
template class StageList<double>;

}  // namespace nn
