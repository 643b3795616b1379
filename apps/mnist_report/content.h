#ifndef NN_APPS_MNIST_REPORT_CONTENT_H_
#define NN_APPS_MNIST_REPORT_CONTENT_H_

#include <vector>

#include "mnist_report/document.h"
#include "mnist_report/load.h"

namespace report {

/// A screen has room for the runs side by side, figure by figure; paper is
/// read run by run.
enum class Arrangement { kByFigure, kByRun };

/// Everything that the runs allow to say. What a missing table would have
/// shown is left out, and the missing table is named.
Document make_document(const std::vector<LoadedRun>& runs,
                       Arrangement arrangement);

/// The command line that gives a run, from the options in its summary.
std::string command_line(const nlohmann::json& summary);

plot::Drawing draw_reliability(const LoadedRun& run);
/// Step losses of two runs above each other's difference.
plot::Drawing draw_step_losses(const LoadedRun& first, const LoadedRun& second);
/// Test loss and accuracy of several runs over epochs.
plot::Drawing draw_curves(const std::vector<const LoadedRun*>& runs,
                          const std::string& title);

}  // namespace report

#endif  // NN_APPS_MNIST_REPORT_CONTENT_H_
