#ifndef NN_DATA_IDX_H_
#define NN_DATA_IDX_H_

#include <cstdint>
#include <string>
#include <vector>

#include "nn/data/image_set.h"

namespace nn {

/// The content of an IDX file of unsigned bytes.
struct IdxArray {
  std::vector<Index> dims;          ///< slowest first
  std::vector<std::uint8_t> bytes;  ///< product of dims
};

/// Reads an IDX file of unsigned bytes (magic 0x0000080d, d the number of
/// dimensions; sizes and magic big-endian), plain or gzip-compressed: which of
/// both is told by the content, not by the name.
/// Throws std::runtime_error with the path, what was expected and what was
/// found: missing or empty file, wrong magic, fewer or more bytes than the
/// header says, damaged compression, or a compressed file in a build without
/// zlib.
IdxArray read_idx(const std::string& path);

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
                    int classes = 10);

}  // namespace nn

#endif  // NN_DATA_IDX_H_
