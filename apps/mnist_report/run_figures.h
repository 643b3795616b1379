#ifndef NN_APPS_MNIST_REPORT_RUN_FIGURES_H_
#define NN_APPS_MNIST_REPORT_RUN_FIGURES_H_

#include <functional>
#include <string>
#include <vector>

#include "mnist_report/document.h"
#include "mnist_report/load.h"
#include "plot/charts.h"

namespace report {

/// One of the figures that every run has.
struct FigureKind {
  std::string heading;
  std::string explanation;
  /// None where the run's file for it is missing, and several where one would
  /// be too large for a page. Throws a std::exception where they cannot be
  /// drawn.
  std::function<std::vector<Figure>(const LoadedRun&)> make;
};

/// All kinds but the times by layer, in the order of the report.
std::vector<FigureKind> figure_kinds();
FigureKind layer_times_kind();

/// Colour says which model, dashes say which backend.
plot::Series run_series(const LoadedRun& run);

/// Throws std::runtime_error with the reason if the drawing cannot be rendered.
Figure drawn(plot::Drawing drawing, std::string alt, std::string name = "");

plot::Drawing draw_reliability(const LoadedRun& run);

}  // namespace report

#endif  // NN_APPS_MNIST_REPORT_RUN_FIGURES_H_
