#ifndef NN_DATA_IDX_H_
#define NN_DATA_IDX_H_

#include <cstdint>
#include <limits>
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

/// Reads labels, one for each sample: an array of 1 dimension of unsigned bytes
/// or 32-bit integers (magic 0x00000c01), or of 2 dimensions of 32-bit integers
/// (magic 0x00000c02), whose rows begin with the label and go on with what is
/// known of the sample besides, as QMNIST has it.
/// Throws std::runtime_error as read_idx() does.
std::vector<std::int32_t> read_idx_labels(const std::string& path,
                                          const IdxLimits& limits = {});

/// The two files of one split of MNIST or a set like it.
struct IdxSetFiles {
  std::string images;  ///< path of the images
  std::string labels;  ///< path of the labels
};
/// Those of MNIST.
using MnistFiles = IdxSetFiles;

/// Looks for them in `directory`: for the stem "train", train-images-idx3-ubyte
/// or train-images.idx3-ubyte, and labels of the kinds idx1-ubyte, idx2-int or
/// idx1-int, each plain or with .gz.
/// Throws std::runtime_error if a file is missing, with the names to give it.
IdxSetFiles find_idx_set(const std::string& directory, const std::string& stem);

/// How such files name classes and hold images.
struct IdxSetOptions {
  /// At least 1. As at first, labels may be any from `first_label` on.
  int classes = std::numeric_limits<int>::max();
  int first_label = 0;      ///< of the first class; EMNIST's letters begin at 1
  bool transposed = false;  ///< images column by column, as EMNIST's are
};

/// Reads images and labels: the class of a sample is its label less
/// `first_label`, and rows of an image lie one after the other.
/// Throws std::runtime_error if a file is missing or damaged, if images and
/// labels disagree in number, or if a label is none of a class;
/// std::invalid_argument if the number of classes is out of range.
ImageSet load_idx_set(const IdxSetFiles& files,
                      const IdxSetOptions& options = {},
                      const IdxLimits& limits = {});

/// The part of a data set.
enum class Split { kTraining, kTest };

/// find_idx_set() for the stems of MNIST's files: train, and t10k of the test
/// split.
IdxSetFiles find_mnist(const std::string& directory, Split split);

/// load_idx_set() of the files that find_mnist() finds.
ImageSet load_mnist(const std::string& directory,
                    Split split,
                    int classes = 10,
                    const IdxLimits& limits = {});

}  // namespace nn

#endif  // NN_DATA_IDX_H_
