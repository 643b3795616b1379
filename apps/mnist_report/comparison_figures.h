#ifndef NN_APPS_MNIST_REPORT_COMPARISON_FIGURES_H_
#define NN_APPS_MNIST_REPORT_COMPARISON_FIGURES_H_

#include <string>
#include <vector>

#include "mnist_report/load.h"
#include "plot/charts.h"

namespace report {

/// Step losses of two runs above each other's difference.
plot::Drawing draw_step_losses(const LoadedRun& first, const LoadedRun& second);

/// Test loss and accuracy of several runs over epochs.
plot::Drawing draw_curves(const std::vector<const LoadedRun*>& runs,
                          const std::string& title);

/// Bars of the median seconds per epoch, run by run; of no bars without a
/// history.
plot::BarChart seconds_chart(const std::vector<LoadedRun>& runs);
/// The same epoch by epoch.
plot::Drawing draw_epoch_seconds(const std::vector<LoadedRun>& runs);

}  // namespace report

#endif  // NN_APPS_MNIST_REPORT_COMPARISON_FIGURES_H_
