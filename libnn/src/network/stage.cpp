#include "network/stage.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>

#include "kernels/elementwise.h"
#include "kernels/grouped_conv2d.h"
#include "kernels/linear.h"
#include "layers/geometry.h"
#include "network/layer_as.h"
#include "nn/buffer.h"
#include "nn/layers/identity.h"
#include "nn/layers/linear.h"
#include "nn/layers/relu.h"

namespace nn::internal {
namespace {

/// A layer on its own.
template <typename Scalar>
class SingleStage final : public Stage<Scalar> {
 public:
  explicit SingleStage(Layer<Scalar>& layer) : layer_(layer) {}

  std::string name() const override { return layer_.name(); }
  const Shape& input_shape() const override { return layer_.input_shape(); }
  const Shape& output_shape() const override { return layer_.output_shape(); }
  MemoryNeeds memory_needs(Index batch, Mode mode) const override {
    return layer_.memory_needs(batch, mode);
  }
  void forward(ConstView<Scalar> x,
               View<Scalar> y,
               Mode mode,
               PassMemory memory) const override {
    layer_.forward(x, y, mode, memory);
  }
  void backward(ConstView<Scalar> x,
                ConstView<Scalar> y,
                ConstView<Scalar> dy,
                View<Scalar> dx,
                PassMemory memory) override {
    layer_.backward(x, y, dy, dx, memory);
  }

 private:
  Layer<Scalar>& layer_;
};

/// Linear + ReLU: the ReLU is applied to each tile of the product before it is
/// stored, and its backward pass shares one loop with the bias gradient.
template <typename Scalar>
class LinearReluStage final : public Stage<Scalar> {
 public:
  explicit LinearReluStage(Linear<Scalar>& linear) : linear_(linear) {}

  std::string name() const override { return linear_.name(); }
  const Shape& input_shape() const override { return linear_.input_shape(); }
  const Shape& output_shape() const override { return linear_.output_shape(); }

  MemoryNeeds memory_needs(Index batch, Mode mode) const override {
    MemoryNeeds needs = linear_.memory_needs(batch, mode);
    if (mode == Mode::kTraining) needs.scratch_bytes += dz_bytes(batch);
    return needs;
  }

  void forward(ConstView<Scalar> x,
               View<Scalar> y,
               Mode /*mode*/,
               PassMemory memory) const override {
    const Linear<Scalar>& linear = linear_;
    kernels::linear_forward(x,
                            view(linear.weight().value),
                            view(linear.bias().value),
                            y,
                            /*relu=*/true,
                            memory.scratch);
  }

  void backward(ConstView<Scalar> x,
                ConstView<Scalar> y,
                ConstView<Scalar> dy,
                View<Scalar> dx,
                PassMemory memory) override {
    // dz, the gradient by what goes into the ReLU.
    View<Scalar> dz(
        reinterpret_cast<Scalar*>(memory.scratch), dy.rows(), dy.cols());
    kernels::relu_backward_row_sums(y.data(),
                                    dy.data(),
                                    dz.data(),
                                    dy.rows(),
                                    dy.cols(),
                                    linear_.bias().grad.data());
    const Linear<Scalar>& linear = linear_;
    kernels::linear_backward(x,
                             view(linear.weight().value),
                             as_const(dz),
                             dx,
                             view(linear_.weight().grad),
                             memory.scratch + dz_bytes(x.cols()));
  }

 private:
  std::size_t dz_bytes(Index batch) const {
    return aligned_size(
        array_bytes(output_shape().features(), batch, sizeof(Scalar)));
  }

  Linear<Scalar>& linear_;
};

/// Conv2d, then ReLU, MaxPool2d or both, image by image in cache.
template <typename Scalar>
class ConvStage final : public Stage<Scalar> {
 public:
  ConvStage(Conv2d<Scalar>& conv, bool relu, const MaxPool2d<Scalar>* pool)
      : conv_(conv),
        output_shape_(pool ? pool->output_shape() : conv.output_shape()),
        geometry_(geometry_of(conv)),
        has_pool_(pool != nullptr) {
    epilogue_.relu = relu;
    if (pool) {
      pool_ = geometry_of(*pool);
      epilogue_.pool = &pool_;
    }
  }

  std::string name() const override { return conv_.name(); }
  const Shape& input_shape() const override { return conv_.input_shape(); }
  const Shape& output_shape() const override { return output_shape_; }

  MemoryNeeds memory_needs(Index batch, Mode mode) const override {
    const kernels::ScratchNeeds forward =
        kernels::grouped_conv2d_forward_scratch<Scalar>(
            geometry_, epilogue_, batch);
    if (mode == Mode::kInference) {
      return {0, forward.shared_bytes, forward.worker_bytes};
    }
    const kernels::ScratchNeeds both =
        larger(forward,
               kernels::grouped_conv2d_backward_scratch<Scalar>(
                   geometry_, epilogue_, batch));
    // The winners' places, a byte each.
    const std::size_t saved =
        has_pool_ ? array_bytes(output_shape_.features(), batch, 1) : 0;
    return {saved, both.shared_bytes, both.worker_bytes};
  }

  void forward(ConstView<Scalar> x,
               View<Scalar> y,
               Mode mode,
               PassMemory memory) const override {
    auto* argmax = has_pool_ && mode == Mode::kTraining
                       ? reinterpret_cast<std::uint8_t*>(memory.saved)
                       : nullptr;
    const Conv2d<Scalar>& conv = conv_;
    kernels::grouped_conv2d_forward<Scalar>({geometry_,
                                             epilogue_,
                                             x.cols(),
                                             x.data(),
                                             conv.weight().value.data(),
                                             conv.bias().value.data(),
                                             y.data(),
                                             argmax},
                                            {memory.scratch, memory.workers});
  }

  void backward(ConstView<Scalar> x,
                ConstView<Scalar> y,
                ConstView<Scalar> dy,
                View<Scalar> dx,
                PassMemory memory) override {
    kernels::grouped_conv2d_backward<Scalar>(
        {geometry_,
         epilogue_,
         x.cols(),
         x.data(),
         conv_.weight().value.data(),
         y.data(),
         dy.data(),
         reinterpret_cast<const std::uint8_t*>(memory.saved),
         dx.data(),
         conv_.weight().grad.data(),
         conv_.bias().grad.data()},
        {memory.scratch, memory.workers});
  }

 private:
  Conv2d<Scalar>& conv_;
  Shape output_shape_;
  kernels::ConvGeometry geometry_;
  bool has_pool_;
  kernels::PoolGeometry pool_;
  kernels::ConvEpilogue epilogue_;  // may point to pool_
};

// What a training pass keeps of a stage for itself.
template <typename Scalar>
std::size_t kept_bytes(const Stages<Scalar>& stages,
                       std::size_t i,
                       const StageCut& cut) {
  return aligned_size(
      cut.saved_bytes != nullptr
          ? cut.saved_bytes[i]
          : stages[i]->memory_needs(cut.batch, Mode::kTraining).saved_bytes);
}

// The memory that stages share behind the two blocks.
PassMemory behind_blocks(PassMemory memory, const StageCut& cut) {
  memory.scratch += 2 * cut.block_bytes;
  return memory;
}

// The block that stage `i` writes its output or its input's gradient into.
template <typename Scalar>
Scalar* block(const PassMemory& memory, const StageCut& cut, std::size_t i) {
  return reinterpret_cast<Scalar*>(memory.scratch + (i % 2) * cut.block_bytes);
}

template <template <typename> class Kind, typename Scalar>
Kind<Scalar>* layer_as(
    const std::vector<std::unique_ptr<Layer<Scalar>>>& layers, std::size_t i) {
  return i < layers.size() ? internal::layer_as<Kind>(layers[i].get())
                           : nullptr;
}

}  // namespace

template <typename Scalar>
Stages<Scalar> plan_stages(
    const std::vector<std::unique_ptr<Layer<Scalar>>>& layers,
    bool fuse,
    std::size_t first) {
  Stages<Scalar> stages;
  const auto append = [&stages](std::unique_ptr<Stage<Scalar>> stage,
                                std::size_t begin,
                                std::size_t end) {
    stage->set_layers(begin, end);
    stages.push_back(std::move(stage));
  };
  for (std::size_t i = first; i < layers.size();) {
    if (fuse) {
      // Layers without a stage would leave nobody to write the output.
      const bool needed =
          first == 0 && stages.empty() && i + 1 == layers.size();
      if (layer_as<Identity>(layers, i) && !needed) {
        ++i;
        continue;
      }
      if (auto* linear = layer_as<Linear>(layers, i);
          linear && layer_as<ReLU>(layers, i + 1)) {
        append(std::make_unique<LinearReluStage<Scalar>>(*linear), i, i + 2);
        i += 2;
        continue;
      }
      if (auto* conv = layer_as<Conv2d>(layers, i)) {
        std::size_t end = i + 1;
        const bool relu = layer_as<ReLU>(layers, end) != nullptr;
        if (relu) ++end;
        const auto* pool = layer_as<MaxPool2d>(layers, end);
        if (pool) ++end;
        if (end > i + 1) {
          append(
              std::make_unique<ConvStage<Scalar>>(*conv, relu, pool), i, end);
          i = end;
          continue;
        }
      }
    }
    append(std::make_unique<SingleStage<Scalar>>(*layers[i]), i, i + 1);
    ++i;
  }
  return stages;
}

template <typename Scalar>
void extend_stages(const std::vector<std::unique_ptr<Layer<Scalar>>>& layers,
                   bool fuse,
                   Stages<Scalar>& stages) {
  std::size_t first = layers.size() - 1;
  std::size_t kept = stages.size();
  if (kept > 0 && stages.back()->end_layer() == first) {
    first = stages.back()->first_layer();
    --kept;
  }
  Stages<Scalar> fresh = plan_stages(layers, fuse, first);
  const std::size_t before = stages.size();
  stages.insert(stages.end(),
                std::make_move_iterator(fresh.begin()),
                std::make_move_iterator(fresh.end()));
  const auto begin = stages.begin();
  stages.erase(begin + static_cast<std::ptrdiff_t>(kept),
               begin + static_cast<std::ptrdiff_t>(before));
}

template <typename Scalar>
std::size_t output_bytes(const Stage<Scalar>& stage, Index batch) {
  return aligned_size(
      array_bytes(stage.output_shape().features(), batch, sizeof(Scalar)));
}

template <typename Scalar>
StageCut cut_of(const Stages<Scalar>& stages,
                Index batch,
                const std::size_t* saved_bytes) {
  StageCut cut{batch, 0, saved_bytes};
  for (std::size_t i = 0; i + 1 < stages.size(); ++i) {
    cut.block_bytes =
        std::max(cut.block_bytes, output_bytes(*stages[i], batch));
  }
  return cut;
}

template <typename Scalar>
void forward_stages(const Stages<Scalar>& stages,
                    std::size_t count,
                    const StageCut& cut,
                    ConstView<Scalar> x,
                    View<Scalar> y,
                    Mode mode,
                    const PassMemory& memory) {
  const Index batch = x.cols();
  if (batch == 0) return;
  if (count == 0) y = x;
  PassMemory inner = behind_blocks(memory, cut);
  std::byte* kept = memory.saved;
  const Scalar* in = x.data();
  for (std::size_t i = 0; i < count; ++i) {
    const Stage<Scalar>& stage = *stages[i];
    Scalar* out = i + 1 == count ? y.data() : block<Scalar>(memory, cut, i);
    if (mode == Mode::kTraining) {
      inner.saved = kept;
      kept += kept_bytes(stages, i, cut);
      if (i + 1 < count) {
        out = reinterpret_cast<Scalar*>(kept);
        kept += output_bytes(stage, cut.batch);
      }
    }
    stage.forward(ConstView<Scalar>(in, stage.input_shape().features(), batch),
                  View<Scalar>(out, stage.output_shape().features(), batch),
                  mode,
                  inner);
    in = out;
  }
}

template <typename Scalar>
void backward_stages(const Stages<Scalar>& stages,
                     std::size_t count,
                     const StageCut& cut,
                     ConstView<Scalar> x,
                     ConstView<Scalar> y,
                     ConstView<Scalar> dy,
                     View<Scalar> dx,
                     const PassMemory& memory) {
  const Index batch = x.cols();
  if (count == 0 && dx.size() > 0) dx = dy;
  PassMemory inner = behind_blocks(memory, cut);
  std::byte* kept = memory.saved;
  for (std::size_t i = 0; i < count; ++i) {
    kept += kept_bytes(stages, i, cut);
    if (i + 1 < count) kept += output_bytes(*stages[i], cut.batch);
  }
  const Scalar* out = y.data();
  const Scalar* gradient = dy.data();
  for (std::size_t i = count; i-- > 0;) {
    Stage<Scalar>& stage = *stages[i];
    const Index in_rows = stage.input_shape().features();
    const Index out_rows = stage.output_shape().features();
    kept -= kept_bytes(stages, i, cut);
    inner.saved = kept;
    const Scalar* in = x.data();
    Scalar* in_gradient = dx.size() > 0 ? dx.data() : nullptr;
    if (i > 0) {
      kept -= output_bytes(*stages[i - 1], cut.batch);
      in = reinterpret_cast<const Scalar*>(kept);
      in_gradient = block<Scalar>(memory, cut, i);
    }
    const bool is_wanted = in_gradient != nullptr;
    stage.backward(
        ConstView<Scalar>(in, in_rows, batch),
        ConstView<Scalar>(out, out_rows, batch),
        ConstView<Scalar>(gradient, out_rows, batch),
        View<Scalar>(
            in_gradient, is_wanted ? in_rows : 0, is_wanted ? batch : 0),
        inner);
    out = in;
    gradient = in_gradient;
  }
}

#define NN_INSTANTIATE(T)                                                   \
  template Stages<T> plan_stages<T>(                                        \
      const std::vector<std::unique_ptr<Layer<T>>>&, bool, std::size_t);    \
  template void extend_stages<T>(                                           \
      const std::vector<std::unique_ptr<Layer<T>>>&, bool, Stages<T>&);     \
  template std::size_t output_bytes<T>(const Stage<T>&, Index);             \
  template StageCut cut_of<T>(const Stages<T>&, Index, const std::size_t*); \
  template void forward_stages<T>(const Stages<T>&,                         \
                                  std::size_t,                              \
                                  const StageCut&,                          \
                                  ConstView<T>,                             \
                                  View<T>,                                  \
                                  Mode,                                     \
                                  const PassMemory&);                       \
  template void backward_stages<T>(const Stages<T>&,                        \
                                   std::size_t,                             \
                                   const StageCut&,                         \
                                   ConstView<T>,                            \
                                   ConstView<T>,                            \
                                   ConstView<T>,                            \
                                   View<T>,                                 \
                                   const PassMemory&);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn::internal
