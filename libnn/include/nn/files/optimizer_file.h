#ifndef NN_FILES_OPTIMIZER_FILE_H_
#define NN_FILES_OPTIMIZER_FILE_H_

#include <string>

#include "nn/files/file.h"
#include "nn/files/safetensors.h"
#include "nn/optimizers/optimizer.h"

namespace nn {

/// Saves what an optimizer carries from one step to the next: learning rate,
/// steps, and its means and sums, in a safetensors file. With the network's own
/// file beside it, a training can be taken up again later:
///
///   nn::save_model("model.safetensors", net);
///   nn::save_optimizer("optimizer.safetensors", adam);
///
/// Not in the file are the options that the optimizer was built with and its
/// groups. docs/files.md describes the file.
/// Throws std::runtime_error with path and reason if it cannot be written.
template <typename Scalar>
void save_optimizer(const std::string& path, Optimizer<Scalar>& optimizer);

/// Loads it into an optimizer of the same kind, over parameters of the same
/// shapes in the same order: its next steps are those of the one that was
/// saved, to the bit. A file of another scalar is converted.
///
/// Trusts nothing in the file, and changes nothing unless all fits. Throws
/// std::runtime_error with the path, what was expected and what was found.
template <typename Scalar>
void load_optimizer(const std::string& path,
                    Optimizer<Scalar>& optimizer,
                    const ReadLimits& limits = {});
/// The same from memory.
template <typename Scalar>
void load_optimizer(const MemoryFile& file,
                    Optimizer<Scalar>& optimizer,
                    const ReadLimits& limits = {});

}  // namespace nn

#endif  // NN_FILES_OPTIMIZER_FILE_H_
