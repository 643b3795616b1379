#ifndef NN_APPS_COMMON_FIGURES_H_
#define NN_APPS_COMMON_FIGURES_H_

#include <string>
#include <vector>

#include "common/insight.h"
#include "common/run.h"
#include "nn/data/image_set.h"
#include "nn/shape.h"
#include "nn/types.h"
#include "plot/drawing.h"

namespace apps {

/// What the figures call a run, from its summary. What is missing there is
/// replaced by something neutral, never by a guess.
struct RunNames {
  std::string dataset;               ///< "Fashion-MNIST"
  std::string model;                 ///< "CNN"
  std::string backend;               ///< "libnn" or "LibTorch"; empty: none
  std::string distinction;           ///< from runs of these names; "seed 2"
  std::vector<std::string> classes;  ///< a name for each

  /// "CNN (libnn)", or "CNN (libnn), seed 2".
  std::string run() const {
    return (backend.empty() ? model : model + " (" + backend + ")") +
           (distinction.empty() ? "" : ", " + distinction);
  }
  /// "Fashion-MNIST: <what>, CNN (libnn)".
  std::string title(const std::string& what) const {
    return dataset + ": " + what + ", " + run();
  }
};
RunNames run_names(const Run& run);

/// Which classes the test set has images of, as far as the run's tables say: of
/// the others there is nothing to show.
std::vector<bool> classes_present(const Run& run);

/// The epoch with the highest test accuracy, of equal ones the first: an index
/// into `history`, which must not be empty.
std::size_t best_epoch(const std::vector<EpochRow>& history);

/// The figures that a run's tables suffice for. Each needs its table: history,
/// or confusion.
plot::Drawing draw_loss(const Run& run);
enum class MatrixKind { kShare, kMeanProbability };
plot::Drawing draw_confusion(const Run& run, MatrixKind kind);
/// Both kinds beside each other, or one beneath the other where they are wide.
plot::Drawing draw_confusion(const Run& run);

/// The test images that the figures of a run show: what its top-3 table names,
/// its worst mistakes, and the one that goes through the layers. Throws
/// std::invalid_argument if the run names an image that `test` does not hold.
std::vector<ShownImage> collect_images(const Run& run,
                                       const nn::ImageSet& test);

/// Whether the run holds all of them.
bool holds_images(const Run& run);

/// The figures that show images. Throw std::invalid_argument if the run lacks
/// one that it names.
plot::Drawing draw_top3(const Run& run);
/// Of `count` classes from `first` on.
plot::Drawing draw_top3(const Run& run, int first, int count);
/// How many classes from which on stand on each page of a report: as many as it
/// has room for at most, and on all pages as many as can be.
struct TopPage {
  int first = 0;
  int count = 0;
};
std::vector<TopPage> top3_pages(int classes);
plot::Drawing draw_mistakes(const Run& run);

/// The image, then every layer's output as images; of a flat one, each value is
/// a cell. At most 32 channels and 512 cells a layer. Throws
/// std::invalid_argument if the run lacks the image or an output has another
/// size than its shape.
plot::Drawing draw_feature_maps(const Run& run,
                                const std::vector<LayerOutput>& outputs);

/// Time by layer, which needs the table of that name.
plot::Drawing draw_layer_times(const Run& run);

/// The columns of the first layer's weights (fan_in x fan_out) as images of
/// `filter_shape`, the first 60 of them. Throws std::invalid_argument unless a
/// column has filter_shape.features() weights.
plot::Drawing draw_filters(const Run& run,
                           const nn::Matrix<float>& first_weights,
                           const nn::Shape& filter_shape);

struct MissingFigure {
  std::string file;
  std::string reason;
};

/// Writes loss.png, confusion.png, top3.png, mistakes.png, filters.png,
/// feature_maps.png and layers.png into `directory`, each atomically, with what
/// the last but one show of the network that the run has trained. Returns those
/// that cannot be drawn: one that is too large, or all if no font is installed.
/// Throws std::runtime_error with path and reason if one cannot be written.
std::vector<MissingFigure> write_figures(const std::string& directory,
                                         const Run& run,
                                         nn::Sequential<float>& network);

}  // namespace apps

#endif  // NN_APPS_COMMON_FIGURES_H_
