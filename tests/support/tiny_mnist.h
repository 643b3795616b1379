#ifndef NN_TESTS_SUPPORT_TINY_MNIST_H_
#define NN_TESTS_SUPPORT_TINY_MNIST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "nn/types.h"

namespace nn_test {

/// The bytes of an IDX file of unsigned bytes with these sizes.
std::string idx_bytes(const std::vector<nn::Index>& dims,
                      const std::string& content);

/// Whether this program can write gzip (zlib was found).
bool can_gzip();

/// `bytes` as a gzip file holds them. Throws std::runtime_error without zlib.
std::string gzip(const std::string& bytes);

struct TinyMnist {
  nn::Index training = 200;
  nn::Index test = 100;
  bool gzip = false;
  /// train-images.idx3-ubyte for train-images-idx3-ubyte.
  bool dotted_names = false;
  std::uint64_t seed = 1;
  nn::Index classes = 10;  ///< up to 64
  nn::Index first_label = 0;
  bool transposed = false;  ///< images column by column
  std::string training_stem = "train";
  std::string test_stem = "t10k";
};

/// Writes the four files of a small data set in MNIST's format into
/// `directory`, which must exist: 28 x 28 images, sample i of class i modulo
/// their number. A class is a bright patch at a place of its own, moved by up
/// to 2 pixels over noise, so a network learns it in a few epochs.
void write_tiny_mnist(const std::string& directory,
                      const TinyMnist& options = {});

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_TINY_MNIST_H_
