#include "kernels/conv2d.h"

#include <algorithm>

#include "kernels/conv2d_image.h"
#include "kernels/conv2d_sparse.h"
#include "kernels/elementwise.h"
#include "kernels/pooling.h"
#include "kernels/scratch.h"
#include "kernels/spread.h"
#include "nn/parallel.h"

// What memory a convolution takes, and which thread does which images. The work
// on an image is in conv2d_image.h.

namespace nn::kernels {
namespace {

// Channels whose taps a product takes in one pass: as many as keep what a tile
// reads of the planes, and the weights beside it, in 32 KiB. For the few
// channels of the reference CNN the number makes no difference that could be
// measured; it bounds what many channels read again for every group of outputs.
template <typename T>
Index channels_of_pass(const Spread& s) {
  const Index tile_rows = kTileRows * conv_kernels<T>().lanes;
  const Index run = std::min(
      s.plane(), tile_rows + (s.kernel_h - 1) * s.dilation_h * s.out_width);
  const Index channel_bytes =
      s.kernel_w * (run + s.kernel_h * conv_kernels<T>().tile_columns) *
      static_cast<Index>(sizeof(T));
  return std::max<Index>(1, 32 * 1024 / channel_bytes);
}

template <typename T>
struct ForwardScratch {
  struct PerWorker {
    T* padded;
    T* planes;
    T* y;  // the convolution's output, where a pool follows
  };
  Index* offsets;
  WorkerScratch workers;

  ForwardScratch(const ConvGeometry& g,
                 const ConvEpilogue& epilogue,
                 const Scratch& scratch) {
    Cutter shared(scratch.start);
    offsets = shared.cut<Index>(g.taps());
    Cutter one(nullptr);
    cut_worker(g, epilogue, one);
    workers = WorkerScratch(shared, one, scratch);
  }
  static PerWorker cut_worker(const ConvGeometry& g,
                              const ConvEpilogue& epilogue,
                              Cutter& cutter) {
    const Spread s = spread_of_input(g);
    PerWorker w{};
    w.padded = cutter.cut<T>(s.padded_size() + kSlack<T>);
    w.planes = cutter.cut<T>(s.size() + kSlack<T>);
    if (epilogue.pool) w.y = cutter.cut<T>(g.out_features() + kSlack<T>);
    return w;
  }
};

template <typename T>
struct BackwardScratch {
  struct PerWorker {
    T* padded;
    T* planes;
    T* dy;      // dY(P x O), rows for whole vectors of channels
    T* dyt;     // its transpose
    T* blocks;  // the input gradient by phases, if there are several
  };
  Index* input_offsets;
  GradientPhase* phases;
  Index* gradient_offsets;
  Index* gradient_weights;
  T* weight;       // rearranged for the input gradient
  T* sums;         // per chunk: [K][channels] and [channels]
  Index channels;  // out_channels in whole vectors
  Index sums_per_chunk;
  WorkerScratch workers;

  BackwardScratch(const ConvGeometry& g,
                  const InputGradient& gradient,
                  Index batch,
                  const Scratch& scratch) {
    channels = round_up(g.out_channels, conv_kernels<T>().lanes);
    sums_per_chunk = (g.taps() + 1) * channels;
    Cutter shared(scratch.start);
    input_offsets = shared.cut<Index>(g.taps());
    phases = shared.cut<GradientPhase>(gradient.phases());
    const Index gradient_taps = g.out_channels * g.kernel_h * g.kernel_w;
    gradient_offsets = shared.cut<Index>(gradient_taps);
    gradient_weights = shared.cut<Index>(gradient_taps);
    weight = shared.cut<T>(g.taps() * g.out_channels);
    sums = shared.cut<T>(sums_per_chunk * ImageChunks(batch).count);
    Cutter one(nullptr);
    cut_worker(g, gradient, one);
    workers = WorkerScratch(shared, one, scratch);
  }
  PerWorker cut_worker(const ConvGeometry& g,
                       const InputGradient& gradient,
                       Cutter& cutter) const {
    const Spread s = spread_of_input(g);
    const Spread& t = gradient.spread;
    PerWorker w{};
    w.padded =
        cutter.cut<T>(std::max(s.padded_size(), t.padded_size()) + kSlack<T>);
    w.planes = cutter.cut<T>(std::max(s.size(), t.size()) + kSlack<T>);
    w.dy = cutter.cut<T>(channels * g.pixels() + kSlack<T>);
    w.dyt = cutter.cut<T>(channels * g.pixels() + kSlack<T>);
    if (gradient.phases() > 1) {
      w.blocks = cutter.cut<T>(gradient.size() + kSlack<T>);
    }
    return w;
  }
};

// The weights as the input gradient wants them: per phase, one column of taps
// for each channel of x.
template <typename T>
void rearrange_weight(const InputGradient& gradient,
                      const BackwardScratch<T>& memory,
                      const T* weight) {
  const Index area = gradient.rows.kernel * gradient.columns.kernel;
  parallel_for(gradient.in_channels, [&](Index c, int) {
    for (Index i = 0; i < gradient.phases(); ++i) {
      const GradientPhase& phase = memory.phases[i];
      const Index* from = memory.gradient_weights + phase.first_tap;
      T* column = memory.weight + gradient.in_channels * phase.first_tap +
                  c * phase.taps;
      for (Index k = 0; k < phase.taps; ++k) {
        column[k] = weight[from[k] + c * area];
      }
    }
  });
}

// dx of one image. In passes of `pass_channels`, see channels_of_pass().
template <typename T>
void input_gradient(const InputGradient& gradient,
                    Index pass_channels,
                    const BackwardScratch<T>& memory,
                    const typename BackwardScratch<T>::PerWorker& w,
                    T* dx) {
  const ConvKernels<T>& kernels = conv_kernels<T>();
  kernels.spread(gradient.spread, w.dy, w.padded, w.planes);
  const bool joined = gradient.phases() > 1;
  for (Index i = 0; i < gradient.phases(); ++i) {
    const GradientPhase& phase = memory.phases[i];
    T* block = joined ? w.blocks + phase.first_pixel : dx;
    if (phase.taps == 0) {
      std::fill_n(block, gradient.in_channels * phase.pixels, T(0));
      continue;
    }
    kernels.product(phase.pixels,
                    phase.taps,
                    pass_channels * (phase.taps / gradient.out_channels),
                    w.planes,
                    memory.gradient_offsets + phase.first_tap,
                    memory.weight + gradient.in_channels * phase.first_tap,
                    gradient.in_channels,
                    nullptr,
                    false,
                    block);
  }
  if (joined) kernels.join_phases(gradient, memory.phases, w.blocks, dx);
}

}  // namespace

template <typename T>
void epilogue_gradient(const PoolGeometry* pool,
                       const T* relu_output,
                       const T* dy,
                       const std::uint8_t* argmax,
                       Index count,
                       T* out) {
  if (pool) {
    max_pool_backward_image(*pool, dy, argmax, relu_output, out);
  } else if (relu_output) {
    relu_backward(relu_output, dy, out, count);
  } else {
    std::copy_n(dy, count, out);
  }
}

template <typename T>
ScratchNeeds conv2d_forward_scratch(const ConvGeometry& geometry,
                                    const ConvEpilogue& epilogue,
                                    Index /*batch*/) {
  return ForwardScratch<T>(geometry, epilogue, {}).workers.needs();
}

template <typename T>
ScratchNeeds conv2d_backward_scratch(const ConvGeometry& geometry,
                                     const ConvEpilogue& epilogue,
                                     Index batch) {
  if (conv2d_backward_is_sparse(geometry, epilogue)) {
    return conv2d_sparse_backward_scratch<T>(geometry, epilogue, batch);
  }
  return BackwardScratch<T>(geometry, InputGradient(geometry), batch, {})
      .workers.needs();
}

template <typename T>
void conv2d_forward(const ConvForwardArgs<T>& args, const Scratch& scratch) {
  const ConvGeometry& g = args.geometry;
  const PoolGeometry* pool = args.epilogue.pool;
  const ForwardScratch<T> memory(g, args.epilogue, scratch);
  const Spread s = spread_of_input(g);
  fill_offsets(s, memory.offsets);
  const Index pass_taps = channels_of_pass<T>(s) * g.kernel_h * g.kernel_w;
  memory.workers.for_tasks(args.batch, [&](Index n, Cutter cutter) {
    const auto w = ForwardScratch<T>::cut_worker(g, args.epilogue, cutter);
    conv_kernels<T>().spread(s, args.x + n * args.x_step(), w.padded, w.planes);
    T* y = pool ? w.y : args.y + n * args.y_step();
    conv_kernels<T>().product(g.pixels(),
                              g.taps(),
                              pass_taps,
                              w.planes,
                              memory.offsets,
                              args.weight,
                              g.out_channels,
                              args.bias,
                              args.epilogue.relu,
                              y);
    if (pool) {
      const Index first = n * args.y_step();
      max_pool_image(*pool,
                     y,
                     args.y + first,
                     args.argmax ? args.argmax + first : nullptr);
    }
  });
}

template <typename T>
void conv2d_backward(const ConvBackwardArgs<T>& args, const Scratch& scratch) {
  if (conv2d_backward_is_sparse(args.geometry, args.epilogue)) {
    conv2d_sparse_backward(args, scratch);
    return;
  }
  const ConvGeometry& g = args.geometry;
  const InputGradient gradient(g);
  const BackwardScratch<T> memory(g, gradient, args.batch, scratch);
  const Spread input = spread_of_input(g);
  const ConvKernels<T>& kernels = conv_kernels<T>();
  const Index vectors = memory.channels / kernels.lanes;
  const Index taps = g.taps();
  const Index pass_channels = channels_of_pass<T>(gradient.spread);
  fill_offsets(input, memory.input_offsets);
  if (args.dx) {
    gradient.fill_phases(memory.phases);
    gradient.fill_taps(memory.gradient_offsets, memory.gradient_weights);
    rearrange_weight(gradient, memory, args.weight);
  }

  const ImageChunks chunks(args.batch);
  memory.workers.for_tasks(chunks.count, [&](Index chunk, Cutter cutter) {
    const auto w = memory.cut_worker(g, gradient, cutter);
    T* sums = memory.sums + chunk * memory.sums_per_chunk;
    std::fill_n(sums, memory.sums_per_chunk, T(0));
    // Channels that fill up the last vector have no gradient.
    std::fill_n(w.dy + g.out_features(),
                (memory.channels - g.out_channels) * g.pixels() + kSlack<T>,
                T(0));
    for (Index n = chunks.begin(chunk); n < chunks.end(chunk); ++n) {
      const Index first = n * args.y_step();
      epilogue_gradient(args.epilogue.pool,
                        args.epilogue.relu ? args.y + first : nullptr,
                        args.dy + first,
                        args.epilogue.pool ? args.argmax + first : nullptr,
                        g.out_features(),
                        w.dy);
      kernels.transpose(g.pixels(), vectors, w.dy, w.dyt);
      kernels.spread(input, args.x + n * args.x_step(), w.padded, w.planes);
      kernels.weight_gradient(g.pixels(),
                              taps,
                              vectors,
                              w.planes,
                              memory.input_offsets,
                              w.dyt,
                              sums,
                              sums + taps * memory.channels);
      if (args.dx) {
        input_gradient(
            gradient, pass_channels, memory, w, args.dx + n * args.x_step());
      }
    }
  });

  // Row `taps` of the sums is the bias gradient.
  constexpr Index kRows = 64;
  parallel_for((taps + 1 + kRows - 1) / kRows, [&](Index block, int) {
    const Index end = std::min(taps + 1, (block + 1) * kRows);
    for (Index k = block * kRows; k < end; ++k) {
      T* total = memory.sums + k * memory.channels;
      add_chunks(total, memory.sums_per_chunk, chunks.count, 0, g.out_channels);
      for (Index o = 0; o < g.out_channels; ++o) {
        (k < taps ? args.dweight[o * taps + k] : args.dbias[o]) = total[o];
      }
    }
  });
}

#define NN_INSTANTIATE(T)                                                     \
  template void epilogue_gradient<T>(const PoolGeometry*,                     \
                                     const T*,                                \
                                     const T*,                                \
                                     const std::uint8_t*,                     \
                                     Index,                                   \
                                     T*);                                     \
  template ScratchNeeds conv2d_forward_scratch<T>(                            \
      const ConvGeometry&, const ConvEpilogue&, Index);                       \
  template ScratchNeeds conv2d_backward_scratch<T>(                           \
      const ConvGeometry&, const ConvEpilogue&, Index);                       \
  template void conv2d_forward<T>(const ConvForwardArgs<T>&, const Scratch&); \
  template void conv2d_backward<T>(const ConvBackwardArgs<T>&, const Scratch&);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn::kernels
