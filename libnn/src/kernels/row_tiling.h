#ifndef NN_SRC_KERNELS_ROW_TILING_H_
#define NN_SRC_KERNELS_ROW_TILING_H_

#include <algorithm>
#include <cstddef>

#include "kernels/channel_geometry.h"
#include "nn/buffer.h"
#include "nn/parallel.h"
#include "nn/types.h"

// How sums over the rows of a features x batch matrix are cut into tasks, for
// BatchNorm (batch_norm.cpp) and the parameters of LayerNorm (layer_norm.cpp).
//
// Channels lie in runs of P pixels, P from 1 (after a Linear layer) to
// thousands, and seldom a multiple of a vector. So the loops do not go along
// the runs: they go along the rows of the features x batch matrix, which are
// contiguous whatever P is, with one number for every row (a channel's numbers
// are repeated for each of its pixels). Sums run over the columns first, so
// that vectors never meet a channel's border; only the sums of rows, one in
// `cols` of the work, are then added up channel by channel.
//
// The matrix is cut into tiles of at most kMaxRows rows, whole channels where
// they are smaller, by kTileElements / rows columns: a tile's second pass reads
// cache.

namespace nn::kernels {

// A tile of a column-major matrix. Pointers to it point to its first element.
struct MatrixTile {
  Index rows;
  Index cols;
  Index stride;  // between columns
};

// Arguments of the loops that add the columns of a tile up. A loop leaves alone
// what its sums do not need: it may be null.
template <typename T>
struct TileSumsArgs {
  MatrixTile tile;
  const T* x;
  const T* dy;
  const T* mean;   // a number for each row or each column
  const T* scale;  // likewise
  T* sums;         // written, a number for each row
  T* weighted;     // likewise
};

constexpr Index kMaxRows = 1024;        // their numbers: a few KiB of stack
constexpr Index kTileElements = 8192;   // 32 KiB of floats
constexpr Index kMaxColumnBlocks = 32;  // bounds the parts of a sum

inline Index blocks_of(Index size, Index block) {
  return (size + block - 1) / block;
}

// How a matrix is cut into tiles, by its sizes alone. Rows come in bands:
// several whole channels, or one of the equal parts of a channel.
class Tiling {
 public:
  explicit Tiling(const ChannelGeometry& g) : g_(g) {
    channels_per_band_ = std::clamp<Index>(kMaxRows / g.pixels, 1, g.channels);
    segments_ = blocks_of(g.pixels, kMaxRows);
    const Index rows = std::min(channels_per_band_ * g.pixels, kMaxRows);
    const Index cols = std::max(Index{1}, kTileElements / rows);
    cols_ = std::max(cols, blocks_of(g.batch, kMaxColumnBlocks));
    column_blocks_ = blocks_of(g.batch, cols_);
    most_column_blocks_ = std::min(blocks_of(g.batch, cols), kMaxColumnBlocks);
    bands_ = blocks_of(g.channels, channels_per_band_) * segments_;
  }

  Index tiles() const { return bands_ * column_blocks_; }
  // The parts of which a channel's sum is made: one a tile that it lies in.
  Index parts() const { return segments_ * column_blocks_; }
  // Of this batch and of all smaller ones. Not parts(): where tiles get wider
  // to be no more than kMaxColumnBlocks, a larger batch may have fewer.
  Index most_parts() const { return segments_ * most_column_blocks_; }
  Index part_count(Index part) const {
    return segment_pixels(part % segments_) * columns_of(part / segments_);
  }

  struct Place {
    MatrixTile tile;
    Index first;    // element of the matrix
    Index channel;  // the first
    Index channels;
    Index channel_pixels;  // rows of each of them in this tile
    Index part;
  };
  Place place(Index t) const {
    const Index band = t % bands_;
    const Index block = t / bands_;
    const Index segment = band % segments_;
    Place p{};
    p.channel = band / segments_ * channels_per_band_;
    p.channels = std::min(channels_per_band_, g_.channels - p.channel);
    p.channel_pixels = segment_pixels(segment);
    p.part = block * segments_ + segment;
    p.tile.rows = p.channels * p.channel_pixels;
    p.tile.cols = columns_of(block);
    p.tile.stride = g_.channels * g_.pixels;
    p.first = block * cols_ * p.tile.stride + p.channel * g_.pixels +
              segment * kMaxRows;
    return p;
  }

 private:
  Index columns_of(Index block) const {
    return std::min(cols_, g_.batch - block * cols_);
  }
  Index segment_pixels(Index segment) const {
    return std::min(kMaxRows, g_.pixels - segment * kMaxRows);
  }

  ChannelGeometry g_;
  Index channels_per_band_;
  Index segments_;  // of a channel; above 1 only where a band has one channel
  Index cols_;
  Index column_blocks_;
  Index most_column_blocks_;
  Index bands_;
};

// Calls body(channel) for all channels, in tasks of many.
template <typename Body>
void for_channels(Index channels, const Body& body) {
  constexpr Index kChannels = 256;
  parallel_for(blocks_of(channels, kChannels), [&](Index block, int) {
    const Index end = std::min(channels, (block + 1) * kChannels);
    for (Index c = block * kChannels; c < end; ++c) body(c);
  });
}

// Two numbers for every part of every channel: [part][channel].
template <typename T>
struct Parts {
  T* first;
  T* second;

  Parts(const Tiling& tiling, Index channels, std::byte* scratch)
      : first(reinterpret_cast<T*>(scratch)),
        second(reinterpret_cast<T*>(scratch + bytes(tiling, channels) / 2)) {}
  // Of the scratch memory that they lie in.
  static std::size_t bytes(const Tiling& tiling, Index channels) {
    return 2 *
           aligned_size(array_bytes(channels, tiling.most_parts(), sizeof(T)));
  }
};

// The sums of the parts, in their order.
template <typename T>
void add_parts(const Tiling& tiling,
               const Parts<T>& parts,
               Index channels,
               T* first,
               T* second) {
  for_channels(channels, [&](Index c) {
    double sum = 0;
    double second_sum = 0;
    for (Index part = 0; part < tiling.parts(); ++part) {
      sum += static_cast<double>(parts.first[part * channels + c]);
      second_sum += static_cast<double>(parts.second[part * channels + c]);
    }
    first[c] = static_cast<T>(sum);
    second[c] = static_cast<T>(second_sum);
  });
}

}  // namespace nn::kernels

#endif  // NN_SRC_KERNELS_ROW_TILING_H_
