#ifndef NN_FILES_MODEL_H_
#define NN_FILES_MODEL_H_

#include <string>

#include "nn/files/file.h"
#include "nn/files/safetensors.h"
#include "nn/network/sequential.h"

namespace nn {

/// Saves a network whole: its layers, parameters and buffers, in one
/// safetensors file. It is the file of save_weights() with the layers as JSON
/// in its metadata, so whoever reads weights reads it too: load_weights(),
/// torch.nn.Sequential.load_state_dict(). docs/files.md describes the JSON.
///
/// A layer of one's own is written with its name() and settings(); load_model()
/// wants it registered (network/layer_registry.h).
///
/// Throws std::invalid_argument if a setting is not finite or a counter holds
/// no whole number, and std::runtime_error with path and reason if the file
/// cannot be written.
template <typename Scalar>
void save_model(const std::string& path, Sequential<Scalar>& network);

/// Builds the network that save_model() wrote, with its parameters and buffers:
/// it predicts the same to the bit. A file of another scalar is converted.
///
/// Trusts nothing in the file. Throws std::runtime_error with the path and what
/// is wrong: no description of layers, one of another version, damaged JSON, a
/// kind of layer that is not registered, settings or sizes that no such layer
/// can have, weights that do not fit.
template <typename Scalar>
Sequential<Scalar> load_model(const std::string& path,
                              const ReadLimits& limits = {});
/// The same from memory.
template <typename Scalar>
Sequential<Scalar> load_model(const MemoryFile& file,
                              const ReadLimits& limits = {});

}  // namespace nn

#endif  // NN_FILES_MODEL_H_
