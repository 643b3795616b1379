#ifndef NN_APPS_COMMON_TRAIN_H_
#define NN_APPS_COMMON_TRAIN_H_

#include "common/framework.h"
#include "common/options.h"

namespace apps {

/// One training run, from the data files to the artifacts in options.out: loads
/// and normalizes the data, builds the network, trains it with the framework,
/// measures test loss and accuracy after every epoch, and writes what
/// docs/artifacts.md lists, the weights first. What stood in the folder before
/// stays there until the run has ended well. A figure that cannot be drawn is a
/// warning on standard error.
///
/// Throws std::runtime_error or std::invalid_argument with a message for the
/// user: a folder that cannot be written (told before training starts), damaged
/// data, an impossible network, or a loss that is not finite, with epoch, step
/// and the layer where it comes from. If the results cannot be written, the
/// message says where the trained weights are.
///
/// Saves the training while it lasts, and goes on with a saved one, as the
/// options say. After catch_signals(), an interruption() ends it with the step
/// that runs, and what was trained so far is written as a run, beside the
/// checkpoint. Returns 128 + the signal then, and 0 otherwise.
int train(const Options& options, const Framework& framework);

/// The whole main() of a training program. Returns its exit code: 0, 1 for an
/// error while running, 2 for wrong usage, both with a message
/// "<program>: error: ..." on standard error, and 128 + the number of a signal
/// that interrupted it.
int run_program(const Program& program,
                const Framework& framework,
                int argc,
                const char* const* argv);

}  // namespace apps

#endif  // NN_APPS_COMMON_TRAIN_H_
