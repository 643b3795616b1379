#ifndef NN_TRAINING_TRAINING_FILE_H_
#define NN_TRAINING_TRAINING_FILE_H_

#include <string>

#include "nn/files/file.h"
#include "nn/files/safetensors.h"
#include "nn/training/trainer.h"

namespace nn {

/// Saves a training whole, in one safetensors file: the values of the network,
/// what the optimizer keeps, where in which epoch the training is, what its
/// callbacks know, and the reports so far. The file is replaced at once or not
/// at all. docs/files.md describes it.
///
/// To be called before or after Trainer::fit(), or while it runs in
/// TrainerCallback::between_steps(); nn::Checkpoint does that.
/// Throws std::invalid_argument if it is called at another time, and
/// std::runtime_error with path and reason if the file cannot be written.
template <typename Scalar>
void save_training(const std::string& path, Trainer<Scalar>& trainer);

/// Loads it into a trainer that was made alike: the same layers, kind of
/// optimizer, objective, batch size, seed and callbacks in the same order,
/// those without a state left aside. The next fit(), with the same samples,
/// goes on where the training was, and ends as it would have, to the bit, on
/// any number of threads.
///
/// Trusts nothing in the file, and changes nothing unless all fits. Throws
/// std::runtime_error with the path, what was expected and what was found, and
/// std::invalid_argument if fit() runs.
template <typename Scalar>
void resume_training(const std::string& path,
                     Trainer<Scalar>& trainer,
                     const ReadLimits& limits = {});
/// The same from memory.
template <typename Scalar>
void resume_training(const MemoryFile& file,
                     Trainer<Scalar>& trainer,
                     const ReadLimits& limits = {});

}  // namespace nn

#endif  // NN_TRAINING_TRAINING_FILE_H_
