#ifndef NN_DATA_IDX_H_
#define NN_DATA_IDX_H_

#include <cstdint>
#include <string>
#include <vector>

#include "nn/data/image_set.h"
#include "nn/files/file.h"

namespace nn {

/// The content of an IDX file of unsigned bytes.
struct IdxArray {
  std::vector<Index> dims;          ///< slowest first
  std::vector<std::uint8_t> bytes;  ///< product of dims
};

/// What reading takes from a file before it takes the file for damaged. Memory
/// and time are bounded by the file's size anyway: by the array in a plain
/// file, and by what was really unpacked from a compressed one.
struct IdxLimits {
  /// The largest array. Those of MNIST have 47 MB, of EMNIST up to 548 MB.
  std::uint64_t max_content_bytes = std::uint64_t{1} << 31;
  /// How many times its own size a compressed file may unpack to, if that is
  /// more than 16 MiB; at least 1. Images of digits reach 10; gzip can reach
  /// 1032, which makes 2 GB of 2 MB.
  std::uint64_t max_expansion = 64;
};

/// Reads an IDX file of unsigned bytes (magic 0x00000801 with one dimension,
/// 0x00000803 with three; sizes and magic big-endian), plain or
/// gzip-compressed: which of both is told by the content, not by the name. As
/// gzip does, it takes several members for one, and zeros behind them for
/// nothing.
/// Throws std::runtime_error with the path, what was expected and what was
/// found: missing or empty file, wrong magic and what has it, fewer or more
/// bytes than the header says, more than the limits allow, damaged compression,
/// anything else behind it, or a compressed file in a build without zlib.
IdxArray read_idx(const std::string& path, const IdxLimits& limits = {});

/// The same from memory.
IdxArray read_idx(const MemoryFile& file, const IdxLimits& limits = {});

/// The part of a data set.
enum class Split { kTraining, kTest };

/// The two files of one split of MNIST or a set like it.
struct MnistFiles {
  std::string images;  ///< path of the images
  std::string labels;  ///< path of the labels
};

/// Looks for them in `directory`: train-images-idx3-ubyte or
/// train-images.idx3-ubyte (t10k-... for the test split), each plain or with
/// .gz.
/// Throws std::runtime_error if a file is missing, listing the names tried.
MnistFiles find_mnist(const std::string& directory, Split split);

/// Reads images and labels of the files that find_mnist() finds.
/// Throws std::runtime_error if a file is missing (listing the names tried) or
/// damaged, if images and labels disagree in number, or if a label is not below
/// `classes`.
ImageSet load_mnist(const std::string& directory,
                    Split split,
                    int classes = 10,
                    const IdxLimits& limits = {});

}  // namespace nn

#endif  // NN_DATA_IDX_H_
