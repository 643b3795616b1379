#include "kernels/depthwise.h"

#include <algorithm>

#include "kernels/dispatch.h"
#include "kernels/elementwise.h"
#include "kernels/pooling.h"
#include "kernels/scratch.h"
#include "nn/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/depthwise.cpp"
#include <hwy/foreach_target.h>
// Must come after foreach_target.h.
#include "kernels/entry-inl.h"
#include "kernels/vectors-inl.h"

// One channel at a time. The padded channel is cut into stride_h * stride_w
// planes of R x S by the remainders of row and column,
//
//   plane(a, b)[i][j] = padded(i * stride_h + a, j * stride_w + b),
//
// one plane, the padded channel itself, at stride 1. Tap (kh, kw) of output
// (oh, ow) meets row oh * stride_h + kh * dilation_h: it is found in plane
// (kh * dilation_h mod stride_h, kw * dilation_w mod stride_w) at a place that
// is fixed for the tap, plus oh * S + ow. So with outputs numbered q = oh * S +
// ow, every tap is one contiguous run of the planes at its own offset, at any
// stride and dilation:
//
//   forward          wide[q]   = b + sum over taps of  w[tap] * planes[offset
//                                                                 + q]
//   weight gradient  dw[tap]   = sum over q of  dwide[q] * planes[offset + q]
//   input gradient   dplanes[i] = sum over taps of  w[tap] * dwide[i - offset]
//
// `wide` rows are S long where the output's are OW: the S - OW elements between
// are computed and thrown away, and zero in dwide. That is less work than
// vectors that end at every row: a 14 x 14 image with padding 1 has rows of 16.

#ifndef NN_SRC_KERNELS_DEPTHWISE_TABLE
#define NN_SRC_KERNELS_DEPTHWISE_TABLE
namespace nn::kernels {

template <typename T>
struct DepthwiseTable {
  // out[q] = (accumulate ? out[q] : start) + sum of weights[k] *
  // in[offsets[k] + q], ReLU if wanted. Reads and writes up to a block of
  // vectors past `count`.
  void (*combine)(Index count,
                  Index taps,
                  const T* in,
                  const Index* offsets,
                  const T* weights,
                  T start,
                  bool accumulate,
                  bool relu,
                  T* out);
  // sums[k] += sum over q of dwide[q] * in[offsets[k] + q]; dwide is zero up to
  // a vector past `count`.
  void (*correlate)(Index count,
                    Index taps,
                    const T* in,
                    const Index* offsets,
                    const T* dwide,
                    T* sums);
  // The sum of `count` elements.
  T (*sum)(const T* x, Index count);
  // Copies `rows` rows of `count` elements, exactly these.
  void (*copy_rows)(Index rows,
                    Index count,
                    const T* in,
                    Index in_stride,
                    T* out,
                    Index out_stride);
};

// Elements past the end of an array that the loops may read or write.
constexpr Index kDepthwiseSlackBytes = 4 * 64;

}  // namespace nn::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace nn::kernels {
namespace HWY_NAMESPACE {
namespace {

// V vectors of outputs at once.
template <typename T, int V>
HWY_INLINE void combine_block(Index taps,
                              const T* in,
                              const Index* offsets,
                              const T* weights,
                              T start,
                              bool accumulate,
                              bool relu,
                              T* out) {
  const Tag<T> d;
  Vec<T> sums[V];
  for (int v = 0; v < V; ++v) {
    sums[v] =
        accumulate ? hn::LoadU(d, out + v * kLanes<T>) : hn::Set(d, start);
  }
  for (Index k = 0; k < taps; ++k) {
    const auto w = hn::Set(d, weights[k]);
    const T* run = in + offsets[k];
    for (int v = 0; v < V; ++v) {
      sums[v] = hn::MulAdd(w, hn::LoadU(d, run + v * kLanes<T>), sums[v]);
    }
  }
  for (int v = 0; v < V; ++v) {
    if (relu) sums[v] = rectified(d, sums[v]);
    hn::StoreU(sums[v], d, out + v * kLanes<T>);
  }
}

template <typename T>
void combine(Index count,
             Index taps,
             const T* in,
             const Index* offsets,
             const T* weights,
             T start,
             bool accumulate,
             bool relu,
             T* out) {
  Index q = 0;
  for (; q + 3 * kLanes<T> < count; q += 4 * kLanes<T>) {
    combine_block<T, 4>(
        taps, in + q, offsets, weights, start, accumulate, relu, out + q);
  }
  for (; q < count; q += kLanes<T>) {
    combine_block<T, 1>(
        taps, in + q, offsets, weights, start, accumulate, relu, out + q);
  }
}

// C taps at once, each with a sum of its own.
template <typename T, int C>
HWY_INLINE void correlate_taps(
    Index count, const T* in, const Index* offsets, const T* dwide, T* sums) {
  const Tag<T> d;
  Vec<T> totals[C];
  const T* runs[C];
  for (int c = 0; c < C; ++c) {
    totals[c] = hn::Zero(d);
    runs[c] = in + offsets[c];
  }
  for (Index q = 0; q < count; q += kLanes<T>) {
    const auto dy = hn::LoadU(d, dwide + q);
    for (int c = 0; c < C; ++c) {
      totals[c] = hn::MulAdd(dy, hn::LoadU(d, runs[c] + q), totals[c]);
    }
  }
  for (int c = 0; c < C; ++c) {
    sums[c] += hn::GetLane(hn::SumOfLanes(d, totals[c]));
  }
}

template <typename T>
void correlate(Index count,
               Index taps,
               const T* in,
               const Index* offsets,
               const T* dwide,
               T* sums) {
  Index k = 0;
  for (; k + 9 <= taps; k += 9) {
    correlate_taps<T, 9>(count, in, offsets + k, dwide, sums + k);
  }
  for (; k + 4 <= taps; k += 4) {
    correlate_taps<T, 4>(count, in, offsets + k, dwide, sums + k);
  }
  for (; k < taps; ++k) {
    correlate_taps<T, 1>(count, in, offsets + k, dwide, sums + k);
  }
}

template <typename T>
T sum(const T* x, Index count) {
  const Tag<T> d;
  auto total = hn::Zero(d);
  Index i = 0;
  for (; i + kLanes<T> <= count; i += kLanes<T>) {
    total = hn::Add(total, hn::LoadU(d, x + i));
  }
  T all = hn::GetLane(hn::SumOfLanes(d, total));
  for (; i < count; ++i) all += x[i];
  return all;
}

template <typename T, class D>
HWY_INLINE void copy_run(D d, const T* in, Index count, T* out) {
  const auto lanes = static_cast<Index>(hn::MaxLanes(d));
  for (Index i = 0; i + lanes <= count; i += lanes) {
    hn::StoreU(hn::LoadU(d, in + i), d, out + i);
  }
  // The last vector overlaps the one before it.
  hn::StoreU(hn::LoadU(d, in + count - lanes), d, out + count - lanes);
}

template <typename T>
void copy_rows(Index rows,
               Index count,
               const T* in,
               Index in_stride,
               T* out,
               Index out_stride) {
  const Tag<T> whole;
  const hn::CappedTag<T, 4> part;
  constexpr auto part_lanes = static_cast<Index>(hn::MaxLanes(part));
  for (Index row = 0; row < rows; ++row) {
    if (count >= kLanes<T>) {
      copy_run(whole, in, count, out);
    } else if (count >= part_lanes) {
      copy_run(part, in, count, out);
    } else {
      for (Index i = 0; i < count; ++i) out[i] = in[i];
    }
    in += in_stride;
    out += out_stride;
  }
}

template <typename T>
const DepthwiseTable<T>& table() {
  static constexpr DepthwiseTable<T> kTable{kEntry<combine<T>>,
                                            kEntry<correlate<T>>,
                                            kEntry<sum<T>>,
                                            kEntry<copy_rows<T>>};
  return kTable;
}
NN_EXPORT_TABLES(DepthwiseTable)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nn::kernels {
namespace {

NN_CHOOSE_TABLES(DepthwiseTable)

template <typename T>
constexpr Index kSlack = kDepthwiseSlackBytes / static_cast<Index>(sizeof(T));

constexpr Index kPlaneGap = 16;  // the lanes of the widest vector of floats

// The planes of one channel.
struct Planes {
  explicit Planes(const ConvGeometry& geometry) : g(geometry) {
    const auto share = [](Index size, Index stride) {
      return (size + stride - 1) / stride;
    };
    rows = share(
        (g.out_height() - 1) * g.stride_h + (g.kernel_h - 1) * g.dilation_h + 1,
        g.stride_h);
    cols = share(
        (g.out_width() - 1) * g.stride_w + (g.kernel_w - 1) * g.dilation_w + 1,
        g.stride_w);
  }

  // From one plane to the next: what is written in whole vectors past the end
  // of one does not reach the next.
  Index plane() const { return rows * cols + kPlaneGap; }
  Index count() const { return g.stride_h * g.stride_w; }
  Index size() const { return count() * plane(); }
  // Of `wide`: the last row needs no more than its outputs.
  Index wide_size() const {
    return (g.out_height() - 1) * cols + g.out_width();
  }
  Index taps() const { return g.kernel_h * g.kernel_w; }
  Index plane_of(Index tap) const {
    return tap / g.kernel_w * g.dilation_h % g.stride_h * g.stride_w +
           tap % g.kernel_w * g.dilation_w % g.stride_w;
  }
  // Where the tap's run starts in its plane.
  Index start_of(Index tap) const {
    return tap / g.kernel_w * g.dilation_h / g.stride_h * cols +
           tap % g.kernel_w * g.dilation_w / g.stride_w;
  }
  Index largest_start() const { return start_of(taps() - 1); }

  // What of the padded channel in a plane is image, not padding.
  struct Block {
    Index first;  // element of the image
    Index to;     // element of the planes
    Index rows;
    Index cols;
  };
  // Calls visit(block) for all planes. In the image, a block's rows are
  // stride_h rows and its columns stride_w columns apart.
  template <typename Visit>
  void for_each_block(const Visit& visit) const {
    for (Index a = 0; a < g.stride_h; ++a) {
      const Range i = range(a, g.stride_h, g.pad_h, g.height, rows);
      for (Index b = 0; b < g.stride_w; ++b) {
        const Range j = range(b, g.stride_w, g.pad_w, g.width, cols);
        if (i.count <= 0 || j.count <= 0) continue;
        visit(Block{i.image * g.width + j.image,
                    (a * g.stride_w + b) * plane() + i.first * cols + j.first,
                    i.count,
                    j.count});
      }
    }
  }

 private:
  struct Range {
    Index first;  // the smallest i with 0 <= i * stride + phase - pad < size
    Index image;  // first * stride + phase - pad
    Index count;
  };
  static Range range(
      Index phase, Index stride, Index pad, Index size, Index places) {
    const Index shift = pad - phase;
    const Index first = shift > 0 ? (shift + stride - 1) / stride : 0;
    const Index last = size - 1 + shift;
    const Index end = last < 0 ? 0 : std::min(places, last / stride + 1);
    return {first, first * stride - shift, end - first};
  }

 public:
  ConvGeometry g;
  Index rows;
  Index cols;
};

// Fills the planes from a channel of an image.
template <typename T>
void fill_planes(const Planes& p, const T* x, T* planes) {
  std::fill_n(planes, p.size() + kSlack<T>, T(0));
  const Index next_row = p.g.stride_h * p.g.width;
  p.for_each_block([&](const Planes::Block& block) {
    const T* in = x + block.first;
    T* out = planes + block.to;
    if (p.g.stride_w == 1) {
      table<T>().copy_rows(block.rows, block.cols, in, next_row, out, p.cols);
      return;
    }
    for (Index i = 0; i < block.rows; ++i) {
      for (Index j = 0; j < block.cols; ++j) out[j] = in[j * p.g.stride_w];
      in += next_row;
      out += p.cols;
    }
  });
}

// The gradient by a channel of an image from that by the planes. What no tap
// sees has none.
template <typename T>
void take_from_planes(const Planes& p, const T* planes, T* dx) {
  std::fill_n(dx, p.g.height * p.g.width, T(0));
  const Index next_row = p.g.stride_h * p.g.width;
  p.for_each_block([&](const Planes::Block& block) {
    const T* in = planes + block.to;
    T* out = dx + block.first;
    if (p.g.stride_w == 1) {
      table<T>().copy_rows(block.rows, block.cols, in, p.cols, out, next_row);
      return;
    }
    for (Index i = 0; i < block.rows; ++i) {
      for (Index j = 0; j < block.cols; ++j) out[j * p.g.stride_w] = in[j];
      in += p.cols;
      out += next_row;
    }
  });
}

// The geometry of one input channel and the outputs that see it.
ConvGeometry channel_geometry(const ConvGeometry& g) {
  ConvGeometry one = g;
  one.in_channels = 1;
  one.out_channels = g.out_channels / g.in_channels;
  one.groups = 1;
  return one;
}

PoolGeometry channel_pool(const PoolGeometry& pool, Index channels) {
  PoolGeometry one = pool;
  one.channels = channels;
  return one;
}

// One worker's memory of a forward pass.
template <typename T>
struct ForwardMemory {
  ForwardMemory(const Planes& p, const ConvEpilogue& epilogue, Cutter& cutter)
      : planes(cutter.cut<T>(p.size() + kSlack<T>)),
        wide(cutter.cut<T>(p.wide_size() + kSlack<T>)),
        unpooled(epilogue.pool ? cutter.cut<T>(p.g.out_features()) : nullptr) {}
  T* planes;
  T* wide;
  T* unpooled;
};

// One worker's memory of a backward pass.
template <typename T>
struct BackwardMemory {
  BackwardMemory(const Planes& p, Cutter& cutter)
      : planes(cutter.cut<T>(p.size() + kSlack<T>)),
        dwide_size(p.largest_start() + p.plane() + kSlack<T>),
        dwide(cutter.cut<T>(dwide_size)),
        dy(cutter.cut<T>(p.g.out_features())) {}
  T* planes;  // of x, then of dx
  // As many zeros in front as the input gradient goes back.
  Index dwide_size;
  T* dwide;
  T* dy;
};

// What all workers share in a forward pass, and behind it their own.
template <typename T>
struct ForwardScratch {
  ForwardScratch(const Planes& p,
                 const ConvEpilogue& epilogue,
                 const Scratch& scratch) {
    Cutter cutter(scratch.start);
    offsets = cutter.cut<Index>(p.taps());
    Cutter one(nullptr);
    ForwardMemory<T>(p, epilogue, one);
    workers = WorkerScratch(cutter, one, scratch);
  }
  Index* offsets;
  WorkerScratch workers;
};

// What all workers share in a backward pass, and behind it their own.
template <typename T>
struct BackwardScratch {
  BackwardScratch(const Planes& p,
                  Index outputs,
                  Index batch,
                  const Scratch& scratch) {
    Cutter cutter(scratch.start);
    taps = cutter.cut<Index>(p.taps());
    offsets = cutter.cut<Index>(p.taps());
    back = cutter.cut<Index>(p.taps());
    weights = cutter.cut<T>(outputs * p.taps());
    sums_per_chunk = outputs * (p.taps() + 1);
    sums = cutter.cut<T>(sums_per_chunk * ImageChunks(batch).count);
    Cutter one(nullptr);
    BackwardMemory<T>(p, one);
    workers = WorkerScratch(cutter, one, scratch);
  }
  Index* taps;
  Index* offsets;
  Index* back;
  T* weights;  // in the order of the planes
  T* sums;     // per chunk: [outputs][taps] and [outputs]
  Index sums_per_chunk;
  WorkerScratch workers;
};

// The taps in the order of the planes that they read, and where in the planes
// each one's run starts.
struct TapOrder {
  TapOrder(const Planes& p, Index* taps_in, Index* offsets_in, Index* back_in)
      : taps(taps_in), offsets(offsets_in), back(back_in) {
    Index next = 0;
    for (Index plane = 0; plane < p.count(); ++plane) {
      for (Index tap = 0; tap < p.taps(); ++tap) {
        if (p.plane_of(tap) != plane) continue;
        taps[next] = tap;
        offsets[next] = plane * p.plane() + p.start_of(tap);
        back[next++] = -p.start_of(tap);
      }
    }
  }
  Index* taps;
  Index* offsets;
  Index* back;  // from an element of the plane to the output that it goes into
};

// The gradient by the planes, that of one output added to what is there, or in
// its place.
template <typename T>
void input_planes(const Planes& p,
                  const TapOrder& order,
                  const T* weights,
                  const T* dwide,
                  bool accumulate,
                  T* planes) {
  Index first = 0;
  for (Index plane = 0; plane < p.count(); ++plane) {
    Index end = first;
    while (end < p.taps() && p.plane_of(order.taps[end]) == plane) ++end;
    table<T>().combine(p.rows * p.cols,
                       end - first,
                       dwide,
                       order.back + first,
                       weights + first,
                       T(0),
                       accumulate,
                       /*relu=*/false,
                       planes + plane * p.plane());
    first = end;
  }
}

// Channels that one task takes: about 16 K multiplications, long against what
// handing out a task costs.
Index channels_per_task(const ConvGeometry& one) {
  const Index work = one.out_features() * one.kernel_h * one.kernel_w;
  return std::max<Index>(1, 16 * 1024 / work);
}

}  // namespace

template <typename T>
ScratchNeeds depthwise_forward_scratch(const ConvGeometry& geometry,
                                       const ConvEpilogue& epilogue) {
  const Planes p(channel_geometry(geometry));
  return ForwardScratch<T>(p, epilogue, {}).workers.needs();
}

template <typename T>
void depthwise_forward(const ConvForwardArgs<T>& args, const Scratch& scratch) {
  const ConvGeometry one = channel_geometry(args.geometry);
  const Planes p(one);
  const Index channels = args.geometry.in_channels;
  const Index taps = p.taps();
  const ForwardScratch<T> shared(p, args.epilogue, scratch);
  for (Index k = 0; k < taps; ++k) {
    shared.offsets[k] = p.plane_of(k) * p.plane() + p.start_of(k);
  }

  PoolGeometry pool;
  if (args.epilogue.pool) {
    pool = channel_pool(*args.epilogue.pool, one.out_channels);
  }
  const Index out =
      args.epilogue.pool ? pool.out_features() : one.out_features();
  const Index step = channels_per_task(one);
  const Index blocks = (channels + step - 1) / step;
  shared.workers.for_tasks(args.batch * blocks, [&](Index task, Cutter cutter) {
    const ForwardMemory<T> memory(p, args.epilogue, cutter);
    const Index n = task / blocks;
    const Index end = std::min(channels, (task % blocks + 1) * step);
    for (Index c = task % blocks * step; c < end; ++c) {
      fill_planes(
          p, args.x + n * args.x_step() + c * one.in_features(), memory.planes);
      const Index first = n * args.y_step() + c * out;
      T* y = args.epilogue.pool ? memory.unpooled : args.y + first;
      for (Index j = 0; j < one.out_channels; ++j) {
        const Index o = c * one.out_channels + j;
        table<T>().combine(p.wide_size(),
                           taps,
                           memory.planes,
                           shared.offsets,
                           args.weight + o * taps,
                           args.bias[o],
                           /*accumulate=*/false,
                           args.epilogue.relu,
                           memory.wide);
        table<T>().copy_rows(one.out_height(),
                             one.out_width(),
                             memory.wide,
                             p.cols,
                             y + j * one.pixels(),
                             one.out_width());
      }
      if (args.epilogue.pool) {
        max_pool_image(pool,
                       y,
                       args.y + first,
                       args.argmax ? args.argmax + first : nullptr);
      }
    }
  });
}

template <typename T>
ScratchNeeds depthwise_backward_scratch(const ConvGeometry& geometry,
                                        Index batch) {
  const Planes p(channel_geometry(geometry));
  return BackwardScratch<T>(p, geometry.out_channels, batch, {})
      .workers.needs();
}

template <typename T>
void depthwise_backward(const ConvBackwardArgs<T>& args,
                        const Scratch& scratch) {
  const ConvGeometry one = channel_geometry(args.geometry);
  const Planes p(one);
  const Index channels = args.geometry.in_channels;
  const Index outputs = args.geometry.out_channels;
  const Index taps = p.taps();
  const BackwardScratch<T> shared(p, outputs, args.batch, scratch);
  const TapOrder order(p, shared.taps, shared.offsets, shared.back);
  for (Index o = 0; o < outputs; ++o) {
    for (Index k = 0; k < taps; ++k) {
      shared.weights[o * taps + k] = args.weight[o * taps + order.taps[k]];
    }
  }

  const PoolGeometry* pool = args.epilogue.pool;
  PoolGeometry one_pool;
  if (pool) one_pool = channel_pool(*pool, one.out_channels);
  const Index out = pool ? one_pool.out_features() : one.out_features();
  const ImageChunks chunks(args.batch);
  shared.workers.for_tasks(
      chunks.count * channels, [&](Index task, Cutter cutter) {
        const BackwardMemory<T> memory(p, cutter);
        const Index chunk = task / channels;
        const Index c = task % channels;
        const Index first_output = c * one.out_channels;
        T* sums = shared.sums + chunk * shared.sums_per_chunk;
        T* dweight = sums + first_output * taps;
        T* dbias = sums + outputs * taps + first_output;
        std::fill_n(dweight, one.out_channels * taps, T(0));
        std::fill_n(dbias, one.out_channels, T(0));
        // Between its rows and around them dwide stays zero.
        std::fill_n(memory.dwide, memory.dwide_size, T(0));
        T* const dwide = memory.dwide + p.largest_start();
        const auto widen = [&](Index j) {
          table<T>().copy_rows(one.out_height(),
                               one.out_width(),
                               memory.dy + j * one.pixels(),
                               one.out_width(),
                               dwide,
                               p.cols);
        };

        for (Index n = chunks.begin(chunk); n < chunks.end(chunk); ++n) {
          const Index x_first = n * args.x_step() + c * one.in_features();
          const Index y_first = n * args.y_step() + c * out;
          epilogue_gradient(pool ? &one_pool : nullptr,
                            args.epilogue.relu ? args.y + y_first : nullptr,
                            args.dy + y_first,
                            pool ? args.argmax + y_first : nullptr,
                            one.out_features(),
                            memory.dy);
          // All outputs meet the planes of x before those of dx take their
          // place.
          fill_planes(p, args.x + x_first, memory.planes);
          for (Index j = 0; j < one.out_channels; ++j) {
            widen(j);
            table<T>().correlate(p.wide_size(),
                                 taps,
                                 memory.planes,
                                 order.offsets,
                                 dwide,
                                 dweight + j * taps);
            dbias[j] +=
                table<T>().sum(memory.dy + j * one.pixels(), one.pixels());
          }
          if (!args.dx) continue;
          for (Index j = 0; j < one.out_channels; ++j) {
            if (one.out_channels > 1) widen(j);
            input_planes(p,
                         order,
                         shared.weights + (first_output + j) * taps,
                         dwide,
                         /*accumulate=*/j > 0,
                         memory.planes);
          }
          take_from_planes(p, memory.planes, args.dx + x_first);
        }
      });

  constexpr Index kOutputs = 64;
  parallel_for((outputs + kOutputs - 1) / kOutputs, [&](Index block, int) {
    const Index begin = block * kOutputs;
    const Index end = std::min(outputs, begin + kOutputs);
    const auto add = [&](Index from, Index to) {
      add_chunks(shared.sums, shared.sums_per_chunk, chunks.count, from, to);
    };
    add(begin * taps, end * taps);
    add(outputs * taps + begin, outputs * taps + end);
    for (Index o = begin; o < end; ++o) {
      for (Index k = 0; k < taps; ++k) {
        args.dweight[o * taps + order.taps[k]] = shared.sums[o * taps + k];
      }
      args.dbias[o] = shared.sums[outputs * taps + o];
    }
  });
}

#define NN_INSTANTIATE(T)                                                  \
  template ScratchNeeds depthwise_forward_scratch<T>(const ConvGeometry&,  \
                                                     const ConvEpilogue&); \
  template ScratchNeeds depthwise_backward_scratch<T>(const ConvGeometry&, \
                                                      Index);              \
  template void depthwise_forward<T>(const ConvForwardArgs<T>&,            \
                                     const Scratch&);                      \
  template void depthwise_backward<T>(const ConvBackwardArgs<T>&,          \
                                      const Scratch&);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn::kernels
#endif  // HWY_ONCE
