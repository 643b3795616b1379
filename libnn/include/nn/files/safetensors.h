#ifndef NN_FILES_SAFETENSORS_H_
#define NN_FILES_SAFETENSORS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "nn/files/file.h"
#include "nn/network/sequential.h"

namespace nn {

/// One array of a safetensors file, in the file's own type.
struct Tensor {
  std::string name;         ///< "0.weight"
  std::string dtype;        ///< "F32", "BF16", "I64"; the format's own names
  std::vector<Index> dims;  ///< slowest first
  std::string bytes;        ///< little-endian, C order
};

/// What is taken from a file that is not trusted. Whoever trusts his files may
/// raise it.
struct ReadLimits {
  /// Of the header, in bytes; other readers of safetensors have the same limit.
  std::uint64_t header_bytes = 100'000'000;
  /// Of containers inside of each other. Loading recurses once for each.
  int body_depth = 32;
  /// A network's parameters may have twice as many elements as the file, and
  /// this many: those that layers make and keep out of files.
  Index unsaved_elements = Index{1} << 16;
};

/// The content of a safetensors file.
struct SafetensorsFile {
  std::vector<Tensor> tensors;  ///< in the order of their bytes
  /// Free text by key; the file keeps it under "__metadata__".
  std::map<std::string, std::string> metadata;
};

/// Writes a safetensors file (huggingface.co/docs/safetensors): 8 bytes header
/// length, a JSON header padded to a multiple of 8 bytes, then the data.
/// Throws std::invalid_argument if a tensor's name is there twice or no UTF-8,
/// its type is none of the format's, or its bytes are not those of its type and
/// shape; std::runtime_error with path and reason if it cannot be written.
void write_safetensors(const std::string& path, const SafetensorsFile& file);

/// Reads one, trusting nothing in it: header length, JSON, types, sizes,
/// offsets (no gap, no overlap, no byte left over) and names are checked.
/// Tensors of all types are there; of one that the format does not know the
/// size is not checked.
/// Throws std::runtime_error with path, what was expected and what was found.
SafetensorsFile read_safetensors(const std::string& path,
                                 const ReadLimits& limits = {});
/// The same from memory.
SafetensorsFile read_safetensors(const MemoryFile& file,
                                 const ReadLimits& limits = {});

/// Saves the parameters and buffers of a network under PyTorch's names
/// ("0.weight", "1.running_mean") and shapes, so that
/// torch.nn.Sequential.load_state_dict() takes them. Counters become I64.
/// Throws std::invalid_argument if a counter holds no whole number from 0 to
/// 2^53, and std::runtime_error with path and reason if the file cannot be
/// written.
template <typename Scalar>
void save_weights(const std::string& path, Sequential<Scalar>& network);

/// Loads them. The file must hold exactly the network's parameters and buffers,
/// F32, F64, F16 or BF16, and its counters in I64; nothing is changed unless
/// all fit.
/// Throws std::runtime_error with the path, the tensor, what was expected
/// and what was found.
template <typename Scalar>
void load_weights(const std::string& path,
                  Sequential<Scalar>& network,
                  const ReadLimits& limits = {});
/// The same from memory.
template <typename Scalar>
void load_weights(const MemoryFile& file,
                  Sequential<Scalar>& network,
                  const ReadLimits& limits = {});

}  // namespace nn

#endif  // NN_FILES_SAFETENSORS_H_
