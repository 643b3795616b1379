#include "kernels/conv2d_sparse.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "kernels/dispatch.h"
#include "kernels/elementwise.h"
#include "kernels/scratch.h"
#include "nn/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv2d_sparse.cpp"
#include <hwy/foreach_target.h>
// Must come after foreach_target.h.
#include "kernels/entry-inl.h"
#include "kernels/tile-inl.h"

// The backward pass of a convolution that a max-pool follows.
//
// A pool hands the gradient of a window to one of its pixels, so of dY (P x O)
// at most one element per window is not zero: a quarter of them with 2x2
// windows, and a ReLU in between takes about half of the rest. A product with
// dY as a matrix multiplies those zeros. Here instead, for every image and
// output channel o, the nonzero elements are put on a list, and each works on
// the patch of the image that the kernel covered at its place p:
//
//   dW(:, o)  += dy(p, o) * patch(p)        gather()
//   dpatch(p) += dy(p, o) * W(:, o)         scatter()
//
// For patches to be few long runs of memory the image is turned to have its
// channels fastest, with the padding around it,
//
//   image[h][w][c],    patch(p) = KH runs of KW * C elements,
//
// and dW(:, o) or W(:, o) stay in registers while the list of channel o is gone
// through: 5 x 5 taps of 16 channels are 25 registers of AVX-512. Longer
// columns are cut into blocks of rows and vectors.
//
// In scatter(), neighbouring patches overlap. What one step stores the next one
// loads, which processors forward without delay only if both are the same
// vector; so there the channels are filled up to whole vectors.
//
// docs/math/conv2d.md derives this.

#ifndef NN_SRC_KERNELS_CONV2D_SPARSE_TYPES
#define NN_SRC_KERNELS_CONV2D_SPARSE_TYPES
namespace nn::kernels {

/// Where patches lie in an image with channels fastest.
struct PatchLayout {
  Index channels;  // elements per pixel
  Index width;     // pixels per row
  Index rows;      // of a patch
  Index run;       // elements in a row of a patch
  Index vectors;   // the same, the last of which may go on past it

  Index image_row() const { return channels * width; }
};

/// A pixel of the padded image, as wide as T so that both are listed alike.
template <typename T>
using PixelOf = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

/// The elements of one image's dY(:, o) that are not zero. Written in whole
/// vectors.
template <typename T>
struct Nonzeros {
  T* value;
  PixelOf<T>* pixel;  // where the patch starts
  Index count;
};

/// What reaches dY(:, o) of one image through the pool.
template <typename T>
struct PooledGradient {
  Index windows;
  const T* y;  // the pool's output, or null: no ReLU in between
  const T* dy;
  const std::uint8_t* argmax;
  const PixelOf<T>* window_pixel;  // of each window's first element
  const PixelOf<T>* place_pixel;   // by how much a place in it is further
};

template <typename T>
struct SparseTable {
  Index lanes;
  // x[channel][pixel] to out[pixel][stride], and back.
  void (*channels_last)(
      Index channels, Index pixels, const T* x, Index stride, T* out);
  void (*channels_first)(
      Index channels, Index pixels, const T* x, Index stride, T* out);
  // Fills `out` and returns the sum of its values.
  T (*list_nonzeros)(const PooledGradient<T>& gradient, Nonzeros<T>& out);
  // sums[rows][vectors * lanes] += value * patch, for all nonzeros.
  void (*gather)(const PatchLayout& layout,
                 const Nonzeros<T>& dy,
                 const T* image,
                 T* sums);
  // patch += value * weight[rows][vectors * lanes], for all nonzeros.
  void (*scatter)(const PatchLayout& layout,
                  const Nonzeros<T>& dy,
                  const T* weight,
                  T* image);
};

}  // namespace nn::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace nn::kernels {
namespace HWY_NAMESPACE {
namespace {

// Registers that a block may fill; the rest holds an operand and a broadcast.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON
constexpr int kBlockVectors = 26;
#else
constexpr int kBlockVectors = 12;
#endif

template <typename T>
void channels_last(
    Index channels, Index pixels, const T* x, Index stride, T* out) {
  constexpr Index lanes = kLanes<T>;
  Index c = 0;
  for (; c + lanes <= channels; c += lanes) {
    pack_transposed(x + c * pixels, pixels, pixels, out + c, stride);
  }
  for (; c < channels; ++c) {
    const T* plane = x + c * pixels;
    for (Index p = 0; p < pixels; ++p) out[p * stride + c] = plane[p];
  }
}

template <typename T>
void channels_first(
    Index channels, Index pixels, const T* x, Index stride, T* out) {
  constexpr Index lanes = kLanes<T>;
  Index p = 0;
  for (; p + lanes <= pixels; p += lanes) {
    pack_transposed(x + p * stride, stride, channels, out + p, pixels);
  }
  for (; p < pixels; ++p) {
    for (Index c = 0; c < channels; ++c)
      out[c * pixels + p] = x[p * stride + c];
  }
}

template <typename T>
T list_nonzeros(const PooledGradient<T>& gradient, Nonzeros<T>& out) {
  const Tag<T> d;
  const hn::Rebind<PixelOf<T>, Tag<T>> d_pixel;
  constexpr Index lanes = kLanes<T>;
  const Vec<T> zero = hn::Zero(d);
  Vec<T> sum = zero;
  Index count = 0;
  Index i = 0;
  for (; i + lanes <= gradient.windows; i += lanes) {
    Vec<T> value = hn::LoadU(d, gradient.dy + i);
    if (gradient.y) {
      value = relu_gradients(d, hn::LoadU(d, gradient.y + i), value);
    }
    // Not Ne(): on some targets a NaN is not unequal to a number either.
    const auto listed = hn::Not(hn::Eq(value, zero));
    const auto pixel =
        hn::Add(hn::LoadU(d_pixel, gradient.window_pixel + i),
                hn::GatherIndex(d_pixel,
                                gradient.place_pixel,
                                load_bytes(d_pixel, gradient.argmax + i)));
    hn::StoreU(hn::Compress(value, listed), d, out.value + count);
    hn::StoreU(hn::Compress(pixel, hn::RebindMask(d_pixel, listed)),
               d_pixel,
               out.pixel + count);
    sum = hn::Add(sum, value);
    count += static_cast<Index>(hn::CountTrue(d, listed));
  }
  T total = hn::GetLane(hn::SumOfLanes(d, sum));
  for (; i < gradient.windows; ++i) {
    const T value = gradient.y ? relu_gradient(gradient.y[i], gradient.dy[i])
                               : gradient.dy[i];
    out.value[count] = value;
    out.pixel[count] =
        gradient.window_pixel[i] + gradient.place_pixel[gradient.argmax[i]];
    count += value != T(0);
    total += value;
  }
  out.count = count;
  return total;
}

template <class D, int R, int V, typename T>
HWY_NOINLINE void gather_block(D d,
                               const PatchLayout& layout,
                               const Nonzeros<T>& dy,
                               const T* image,
                               T* sums) {
  using Vec = hn::Vec<D>;
  constexpr Index lanes = static_cast<Index>(hn::MaxLanes(D()));
  const Index channels = layout.channels;
  const Index image_row = layout.image_row();
  const Index sums_row = layout.vectors * kLanes<T>;
  Vec sum[R][V];
  NN_UNROLL
  for (int r = 0; r < R; ++r) {
    NN_UNROLL
    for (int i = 0; i < V; ++i) {
      sum[r][i] = hn::LoadU(d, sums + r * sums_row + i * lanes);
    }
  }
  Index n = 0;
  // Few sums would wait for each other: an FMA takes four cycles, in which
  // eight could start.
  if constexpr (2 * R * V <= kBlockVectors && R * V < 8) {
    Vec odd[R][V];
    NN_UNROLL
    for (int r = 0; r < R; ++r) {
      NN_UNROLL
      for (int i = 0; i < V; ++i) odd[r][i] = hn::Zero(d);
    }
    for (; n + 2 <= dy.count; n += 2) {
      const T* p = image + dy.pixel[n] * channels;
      const T* q = image + dy.pixel[n + 1] * channels;
      const Vec value = hn::Set(d, dy.value[n]);
      const Vec next = hn::Set(d, dy.value[n + 1]);
      NN_UNROLL
      for (int r = 0; r < R; ++r) {
        NN_UNROLL
        for (int i = 0; i < V; ++i) {
          const Index at = r * image_row + i * lanes;
          sum[r][i] = hn::MulAdd(hn::LoadU(d, p + at), value, sum[r][i]);
          odd[r][i] = hn::MulAdd(hn::LoadU(d, q + at), next, odd[r][i]);
        }
      }
    }
    NN_UNROLL
    for (int r = 0; r < R; ++r) {
      NN_UNROLL
      for (int i = 0; i < V; ++i) sum[r][i] = hn::Add(sum[r][i], odd[r][i]);
    }
  }
  for (; n < dy.count; ++n) {
    const T* p = image + dy.pixel[n] * channels;
    const Vec value = hn::Set(d, dy.value[n]);
    NN_UNROLL
    for (int r = 0; r < R; ++r) {
      NN_UNROLL
      for (int i = 0; i < V; ++i) {
        sum[r][i] = hn::MulAdd(
            hn::LoadU(d, p + r * image_row + i * lanes), value, sum[r][i]);
      }
    }
  }
  NN_UNROLL
  for (int r = 0; r < R; ++r) {
    NN_UNROLL
    for (int i = 0; i < V; ++i) {
      hn::StoreU(sum[r][i], d, sums + r * sums_row + i * lanes);
    }
  }
}

template <typename T, int R, int V>
HWY_NOINLINE void scatter_block(const PatchLayout& layout,
                                const Nonzeros<T>& dy,
                                const T* weight,
                                T* image) {
  const Tag<T> d;
  constexpr Index lanes = kLanes<T>;
  const Index channels = layout.channels;
  const Index image_row = layout.image_row();
  const Index weight_row = layout.vectors * lanes;
  Vec<T> w[R][V];
  NN_UNROLL
  for (int r = 0; r < R; ++r) {
    NN_UNROLL
    for (int i = 0; i < V; ++i) {
      w[r][i] = hn::LoadU(d, weight + r * weight_row + i * lanes);
    }
  }
  for (Index n = 0; n < dy.count; ++n) {
    T* p = image + dy.pixel[n] * channels;
    const Vec<T> value = hn::Set(d, dy.value[n]);
    NN_UNROLL
    for (int r = 0; r < R; ++r) {
      NN_UNROLL
      for (int i = 0; i < V; ++i) {
        T* at = p + r * image_row + i * lanes;
        hn::StoreU(hn::MulAdd(w[r][i], value, hn::LoadU(d, at)), d, at);
      }
    }
  }
}

template <int N>
using Int = std::integral_constant<int, N>;

/// Calls run(Int<V>, vector) for pieces of a row that together are `vectors`
/// long.
template <int R, class Run>
void cut_row(Index vectors, const Run& run) {
  Index v = 0;
  const auto take = [&](auto size) HWY_ATTR {
    constexpr int V = decltype(size)::value;
    if constexpr (R * V <= kBlockVectors) {
      for (; v + V <= vectors; v += V) run(size, v);
    }
  };
  take(Int<8>());
  take(Int<6>());
  take(Int<5>());
  take(Int<3>());
  take(Int<2>());
  take(Int<1>());
}

/// Calls run(Int<R>, Int<V>, row, vector) for blocks that together are a patch.
template <class Run>
void cut_patch(const PatchLayout& layout, const Run& run) {
  Index row = 0;
  const auto take = [&](auto size) HWY_ATTR {
    constexpr int R = decltype(size)::value;
    for (; row + R <= layout.rows; row += R) {
      cut_row<R>(layout.vectors, [&](auto vectors, Index v) HWY_ATTR {
        run(size, vectors, row, v);
      });
    }
  };
  take(Int<5>());
  take(Int<3>());
  take(Int<1>());
}

template <typename T>
void gather(const PatchLayout& layout,
            const Nonzeros<T>& dy,
            const T* image,
            T* sums) {
  constexpr Index lanes = kLanes<T>;
  if constexpr (lanes >= 4) {
    // Short rows in half vectors: fewer of those straddle two cache lines.
    const hn::Half<Tag<T>> half;
    if (layout.run <= lanes / 2) {
      cut_patch(layout,
                [&](auto rows, auto vectors, Index row, Index) HWY_ATTR {
                  if constexpr (decltype(vectors)::value == 1) {
                    gather_block<hn::Half<Tag<T>>, decltype(rows)::value, 1>(
                        half,
                        layout,
                        dy,
                        image + row * layout.image_row(),
                        sums + row * lanes);
                  }
                });
      return;
    }
  }
  cut_patch(layout, [&](auto rows, auto vectors, Index row, Index v) HWY_ATTR {
    gather_block<Tag<T>, decltype(rows)::value, decltype(vectors)::value>(
        Tag<T>(),
        layout,
        dy,
        image + row * layout.image_row() + v * lanes,
        sums + (row * layout.vectors + v) * lanes);
  });
}

template <typename T>
void scatter(const PatchLayout& layout,
             const Nonzeros<T>& dy,
             const T* weight,
             T* image) {
  constexpr Index lanes = kLanes<T>;
  cut_patch(layout, [&](auto rows, auto vectors, Index row, Index v) HWY_ATTR {
    scatter_block<T, decltype(rows)::value, decltype(vectors)::value>(
        layout,
        dy,
        weight + (row * layout.vectors + v) * lanes,
        image + row * layout.image_row() + v * lanes);
  });
}

template <typename T>
const SparseTable<T>& table() {
  static constexpr SparseTable<T> kTable{kLanes<T>,
                                         kEntry<channels_last<T>>,
                                         kEntry<channels_first<T>>,
                                         kEntry<list_nonzeros<T>>,
                                         kEntry<gather<T>>,
                                         kEntry<scatter<T>>};
  return kTable;
}
NN_EXPORT_TABLES(SparseTable)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nn::kernels {
namespace {

NN_CHOOSE_TABLES(SparseTable)

/// The sizes of the padded image and of its patches.
struct Padded {
  Index height;
  Index width;
  PatchLayout input;     // x, channels as they are
  PatchLayout gradient;  // dx, channels in whole vectors

  Padded(const ConvGeometry& g, Index lanes)
      : height(g.height + 2 * g.pad_h), width(g.width + 2 * g.pad_w) {
    const auto layout = [&](Index channels) {
      return PatchLayout{channels,
                         width,
                         g.kernel_h,
                         g.kernel_w * channels,
                         (g.kernel_w * channels + lanes - 1) / lanes};
    };
    input = layout(g.in_channels);
    gradient = layout(round_up(g.in_channels, lanes));
  }
  Index pixels() const { return height * width; }
};

template <typename T>
struct SparseScratch {
  struct PerWorker {
    T* turned;    // an image without its padding, channels fastest
    T* image;     // with it
    T* gradient;  // dx of it
    Nonzeros<T> dy;
  };
  Padded padded;
  PixelOf<T>* window_pixel;
  PixelOf<T>* place_pixel;
  T* weight;  // per output channel a patch, for dx
  T* sums;    // per chunk: a patch per channel, then the bias
  Index weight_patch;
  Index sums_patch;
  Index sums_per_chunk;
  WorkerScratch workers;

  SparseScratch(const ConvGeometry& g,
                const PoolGeometry& pool,
                Index batch,
                const Scratch& scratch)
      : padded(g, table<T>().lanes) {
    const Index lanes = table<T>().lanes;
    weight_patch = g.kernel_h * padded.gradient.vectors * lanes;
    sums_patch = g.kernel_h * padded.input.vectors * lanes;
    sums_per_chunk = round_up(g.out_channels * (sums_patch + 1), lanes);
    Cutter shared(scratch.start);
    window_pixel = shared.cut<PixelOf<T>>(pool.out_height() * pool.out_width());
    place_pixel = shared.cut<PixelOf<T>>(pool.window_h * pool.window_w);
    weight = shared.cut<T>(g.out_channels * weight_patch);
    sums = shared.cut<T>(ImageChunks(batch).count * sums_per_chunk);
    Cutter one(nullptr);
    cut_worker(g, pool, one);
    workers = WorkerScratch(shared, one, scratch);
  }

  PerWorker cut_worker(const ConvGeometry& g,
                       const PoolGeometry& pool,
                       Cutter& cutter) const {
    const Index listed =
        pool.out_height() * pool.out_width() + table<T>().lanes;
    PerWorker w{};
    w.turned = cutter.cut<T>(g.height * g.width * padded.gradient.channels);
    // A row of a patch is read in whole vectors.
    w.image = cutter.cut<T>(padded.pixels() * padded.input.channels +
                            table<T>().lanes);
    w.gradient = cutter.cut<T>(padded.pixels() * padded.gradient.channels);
    w.dy.value = cutter.cut<T>(listed);
    w.dy.pixel = cutter.cut<PixelOf<T>>(listed);
    return w;
  }
};

/// Fills the tables that lead from a place in a pool's window to the patch.
template <typename T>
void fill_pixels(const ConvGeometry& g,
                 const PoolGeometry& pool,
                 const SparseScratch<T>& memory) {
  const Index down = g.stride_h * memory.padded.width;
  PixelOf<T>* out = memory.window_pixel;
  for (Index h = 0; h < pool.out_height(); ++h) {
    for (Index w = 0; w < pool.out_width(); ++w) {
      *out++ = static_cast<PixelOf<T>>(h * pool.stride_h * down +
                                       w * pool.stride_w * g.stride_w);
    }
  }
  out = memory.place_pixel;
  for (Index h = 0; h < pool.window_h; ++h) {
    for (Index w = 0; w < pool.window_w; ++w) {
      *out++ = static_cast<PixelOf<T>>(h * down + w * g.stride_w);
    }
  }
}

/// W as scatter() reads it: a patch per output channel, channels fastest.
template <typename T>
void rearrange_weight(const ConvGeometry& g,
                      const T* weight,
                      const SparseScratch<T>& memory) {
  const Index channels = memory.padded.gradient.channels;
  const Index area = g.kernel_h * g.kernel_w;
  parallel_for(g.out_channels, [&](Index o, int) {
    const T* filter = weight + o * g.taps();
    T* out = memory.weight + o * memory.weight_patch;
    std::fill_n(out, memory.weight_patch, T(0));
    for (Index i = 0; i < area; ++i) {
      for (Index c = 0; c < g.in_channels; ++c) {
        out[i * channels + c] = filter[c * area + i];
      }
    }
  });
}

}  // namespace

bool conv2d_backward_is_sparse(const ConvGeometry& g,
                               const ConvEpilogue& epilogue) {
  if (epilogue.pool == nullptr) return false;
  // A row of a patch is one run of memory.
  if (g.dilation_h > 1 || g.dilation_w > 1) return false;
  // The patches' places are 32-bit.
  const Index pixels = (g.height + 2 * g.pad_h) * (g.width + 2 * g.pad_w);
  return 3 * epilogue.pool->out_features() <= g.out_features() &&
         pixels <= std::numeric_limits<std::int32_t>::max();
}

template <typename T>
ScratchNeeds conv2d_sparse_backward_scratch(const ConvGeometry& geometry,
                                            const ConvEpilogue& epilogue,
                                            Index batch) {
  return SparseScratch<T>(geometry, *epilogue.pool, batch, {}).workers.needs();
}

template <typename T>
void conv2d_sparse_backward(const ConvBackwardArgs<T>& args,
                            const Scratch& scratch) {
  const ConvGeometry& g = args.geometry;
  const PoolGeometry& pool = *args.epilogue.pool;
  const SparseTable<T>& kernels = table<T>();
  const SparseScratch<T> memory(g, pool, args.batch, scratch);
  const Padded& padded = memory.padded;
  const Index windows = pool.out_height() * pool.out_width();
  fill_pixels(g, pool, memory);
  if (args.dx) rearrange_weight(g, args.weight, memory);

  // Row h of an image without padding lies at element (h * width) * channels,
  // with padding at inner(h, channels).
  const auto inner = [&](Index h, Index channels) {
    return ((h + g.pad_h) * padded.width + g.pad_w) * channels;
  };
  const ImageChunks chunks(args.batch);
  memory.workers.for_tasks(chunks.count, [&](Index chunk, Cutter cutter) {
    auto w = memory.cut_worker(g, pool, cutter);
    T* sums = memory.sums + chunk * memory.sums_per_chunk;
    T* bias_sums = sums + g.out_channels * memory.sums_patch;
    std::fill_n(sums, memory.sums_per_chunk, T(0));
    const Index image_size = padded.pixels() * padded.input.channels;
    std::fill_n(w.image, image_size + kernels.lanes, T(0));
    const Index gradient_size = padded.pixels() * padded.gradient.channels;
    for (Index n = chunks.begin(chunk); n < chunks.end(chunk); ++n) {
      const Index row = g.width * g.in_channels;
      kernels.channels_last(g.in_channels,
                            g.height * g.width,
                            args.x + n * args.x_step(),
                            g.in_channels,
                            w.turned);
      for (Index h = 0; h < g.height; ++h) {
        std::copy_n(w.turned + h * row, row, w.image + inner(h, g.in_channels));
      }
      if (args.dx) std::fill_n(w.gradient, gradient_size, T(0));
      for (Index o = 0; o < g.out_channels; ++o) {
        const Index first = n * args.y_step() + o * windows;
        bias_sums[o] += kernels.list_nonzeros(
            {windows,
             args.epilogue.relu ? args.y + first : nullptr,
             args.dy + first,
             args.argmax + first,
             memory.window_pixel,
             memory.place_pixel},
            w.dy);
        kernels.gather(
            padded.input, w.dy, w.image, sums + o * memory.sums_patch);
        if (args.dx) {
          kernels.scatter(padded.gradient,
                          w.dy,
                          memory.weight + o * memory.weight_patch,
                          w.gradient);
        }
      }
      if (!args.dx) continue;
      const Index channels = padded.gradient.channels;
      for (Index h = 0; h < g.height; ++h) {
        std::copy_n(w.gradient + inner(h, channels),
                    g.width * channels,
                    w.turned + h * g.width * channels);
      }
      kernels.channels_first(g.in_channels,
                             g.height * g.width,
                             w.turned,
                             channels,
                             args.dx + n * args.x_step());
    }
  });

  parallel_for(g.out_channels, [&](Index o, int) {
    const Index first = o * memory.sums_patch;
    add_chunks(memory.sums,
               memory.sums_per_chunk,
               chunks.count,
               first,
               first + memory.sums_patch);
    const Index bias = g.out_channels * memory.sums_patch + o;
    add_chunks(
        memory.sums, memory.sums_per_chunk, chunks.count, bias, bias + 1);
    args.dbias[o] = memory.sums[bias];
    T* dweight = args.dweight + o * g.taps();
    const Index sums_row = padded.input.vectors * kernels.lanes;
    for (Index c = 0; c < g.in_channels; ++c) {
      for (Index kh = 0; kh < g.kernel_h; ++kh) {
        const T* sums = memory.sums + first + kh * sums_row + c;
        for (Index kw = 0; kw < g.kernel_w; ++kw) {
          *dweight++ = sums[kw * g.in_channels];
        }
      }
    }
  });
}

#define NN_INSTANTIATE(T)                                             \
  template ScratchNeeds conv2d_sparse_backward_scratch<T>(            \
      const ConvGeometry&, const ConvEpilogue&, Index);               \
  template void conv2d_sparse_backward<T>(const ConvBackwardArgs<T>&, \
                                          const Scratch&);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn::kernels
#endif  // HWY_ONCE
